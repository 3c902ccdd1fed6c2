"""Writes besides upsert that cannot be done: columns, values, names and words."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

import qframe as qf
from tests.wrong.cases import INF, WrongWrite

FOUR = pl.DataFrame({"id": [1, 2, 3, 4]})
EMBEDDED = FOUR.with_columns(
    dense=pl.Series([[0.5, 0.5]] * 4, dtype=pl.Array(pl.Float32, 2)),
    other=pl.Series([[0.5, 0.5]] * 4, dtype=pl.Array(pl.Float32, 2)),
)
SOME: dict[str, Any] = {"must": [{"key": "city", "match": {"value": "Bonn"}}]}


def by_filter(
    verb: str, title: str, *words: str, error: type[qf.QframeError] = qf.OptionError, **options: Any
) -> WrongWrite:
    return WrongWrite(f"{verb}: {title}", verb, None, words, options, error)


def by_frame(
    verb: str, title: str, frame: Any, *words: str, error: type[qf.QframeError] = qf.FrameError, **options: Any
) -> WrongWrite:
    return WrongWrite(f"{verb}: {title}", verb, frame, words, options, error)


WRITES = [
    by_frame("update_vectors", "no vector", FOUR, "vector"),
    by_frame("update_vectors", "vector=False", FOUR, "nothing to update", error=qf.OptionError, vector=False),
    by_frame("update_vectors", "two candidates", EMBEDDED.rename({"dense": "x", "other": "y"}), "'x', 'y'"),
    by_frame("update_vectors", "a name that is not there", EMBEDDED, "'otter'", vector={"otter": "other"}),
    by_frame("update_vectors", "null", EMBEDDED.with_columns(dense=pl.lit(None, pl.Array(pl.Float32, 2))), "row 0"),
    by_frame("update_vectors", "width", FOUR.with_columns(dense=[1.0, 2.0, 3.0]), "dense", vector="dense"),
    by_frame("update_vectors", "a word", EMBEDDED, "'raise', 'omit'", error=qf.OptionError, null_vectors="skip"),
    by_frame("update_vectors", "missing", EMBEDDED, "'report', 'skip'", error=qf.OptionError, missing="raise"),
    by_frame("set_payload", "no column", FOUR, "no payload to write"),
    by_frame("set_payload", "payload=False", FOUR.with_columns(a=1), "no payload to write", payload=False),
    by_frame("set_payload", "a vector without a role", EMBEDDED, "'dense'", "payload=["),
    by_frame("set_payload", "bytes", FOUR.with_columns(a=pl.lit(b"x")), "'a'", "hex or base64"),
    by_frame("set_payload", "infinity", FOUR.with_columns(a=pl.lit(INF)), "'a', row 0"),
    by_frame("set_payload", "one bad row", FOUR.with_columns(a=pl.Series([1.0, 2.0, 3.0, INF])), "'a', row 3"),
    by_frame("set_payload", "a repeated id", pl.DataFrame({"id": [1, 2, 1], "a": 1}), "row 2", "the id of row 0 again"),
    by_frame("set_payload", "float ids", pl.DataFrame({"id": [1.0], "a": 1}), "'id'"),
    by_frame("set_payload", "nulls", FOUR.with_columns(a=1), "'remove', 'skip'", error=qf.OptionError, nulls="omit"),
    by_frame("set_payload", "key", FOUR.with_columns(a=1), "no path", "'\"a[b\"'", error=qf.OptionError, key="a[b"),
    by_frame("set_payload", "empty key", FOUR.with_columns(a=1), "key=", "''", error=qf.OptionError, key=""),
    by_frame("set_payload", "a mapping", FOUR, "with filter=", error=qf.OptionError, payload={"a": 1}),
    by_frame("set_payload", "shard keys", FOUR.with_columns(a=1), "no shard keys", error=qf.OptionError, shard_key="a"),
    by_frame("overwrite_payload", "no column", FOUR, "clear_payload"),
    by_frame(
        "overwrite_payload", "nulls", FOUR.with_columns(a=1), "'omit', 'keep'", error=qf.OptionError, nulls="skip"
    ),
    by_frame("delete_payload", "no keys", FOUR, "keys=[]", error=qf.OptionError, keys=[]),
    by_frame("delete_payload", "a key that is no text", FOUR, "keys=", "3", error=qf.OptionError, keys=["a", 3]),
    by_frame("delete_payload", "a path", FOUR, "'a..b' is no path", error=qf.OptionError, keys=["a..b"]),
    by_frame("delete_vectors", "a slip", FOUR, "Did you mean 'dense'?", vectors="dens"),
    by_frame("delete_vectors", "the unnamed one", FOUR, "no unnamed vector", vectors=["dense", ""]),
    by_frame("delete_vectors", "none", FOUR, "vectors=[]", error=qf.OptionError, vectors=[]),
    by_frame("delete_vectors", "no text", FOUR, "vectors=", error=qf.OptionError, vectors=[None]),
    by_frame("clear_payload", "no id", pl.DataFrame({"x": [1]}), "no column 'id'"),
    by_frame("clear_payload", "null ids", pd.DataFrame({"id": pd.array([1, None], dtype="Int64")}), "'id', row 1"),
    by_frame("delete", "negative ids", pl.DataFrame({"id": [1, -2]}), "'id', row 1"),
    by_frame("delete", "a column that is not there", FOUR, "'key'", id="key"),
    by_frame("delete", "no frame", [1, 2, 3], "frame"),
    by_frame("delete", "random ids", FOUR, "only upsert makes points", error=qf.OptionError, id="uuid4"),
    by_frame("delete", "order", FOUR, "order=", error=qf.OptionError, duplicates="keep"),
    by_filter("set_payload", "no payload", "mapping", filter=SOME),
    by_filter("set_payload", "an empty payload", "payload={}", filter=SOME, payload={}),
    by_filter("set_payload", "columns", "mapping", filter=SOME, payload=["city"]),
    by_filter("set_payload", "a key that is no text", "key 3", filter=SOME, payload={3: 1}),
    by_filter(
        "set_payload", "infinity", "payload['a']: found inf", error=qf.FrameError, filter=SOME, payload={"a": INF}
    ),
    by_filter("set_payload", "bytes", "payload['a']", error=qf.FrameError, filter=SOME, payload={"a": b"x"}),
    by_filter("set_payload", "an object", "payload['a']", error=qf.FrameError, filter=SOME, payload={"a": object()}),
    by_filter(
        "overwrite_payload", "a mixed list", "payload['a']", error=qf.FrameError, filter=SOME, payload={"a": [1, "x"]}
    ),
    by_filter(
        "overwrite_payload",
        "an interval",
        "payload['a']",
        error=qf.FrameError,
        filter=SOME,
        payload={"a": dt.timedelta.max, "b": np.array([1, INF])},
    ),
    by_filter("delete", "a slip in a clause", "'musst'", filter={"musst": []}),
    by_filter("delete", "text", "not boolean", filter="city"),
    by_filter("delete_vectors", "a slip", "Did you mean 'dense'?", error=qf.FrameError, filter=SOME, vectors="dens"),
    by_filter("delete_payload", "a path", "no path", filter=SOME, keys="[]"),
    by_filter("clear_payload", "shard keys", "no shard keys", filter=SOME, shard_key="a"),
    by_filter("clear_payload", "an Arrow expression", "filter=", filter=pa.compute.field("city") == "Bonn"),
]
