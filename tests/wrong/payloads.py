"""Payload that JSON cannot hold, options that exclude each other, and what is no frame at all."""

from __future__ import annotations

import decimal
import uuid

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

import qframe as qf
from tests.wrong.cases import INF, UNNAMED, Wrong, arrow, pandas, polars

PAYLOADS = [
    Wrong("bytes", polars(raw=[b"a", b"b", b"c"]), "raw", value="large_binary", words=("bytes", "hex or base64")),
    Wrong("infinity", polars(price=[1.0, INF, 3.0]), "price", 1, INF, ("infinity", "Replace it")),
    Wrong("infinity in a list", polars(prices=[[1.0], [], [2.0, -INF]]), "prices", 2, -INF, ("'prices[]'",)),
    Wrong("an integer beyond int64", polars(n=pl.Series([1, 2, 2**63], dtype=pl.UInt64)), "n", 2, 2**63, ("int64",)),
    Wrong(
        "nanoseconds",
        polars(at=pl.Series([0, 1_000, 1_001], dtype=pl.Int64).cast(pl.Datetime("ns"))),
        "at",
        2,
        "1970-01-01 00:00:00.000001001",
        ("nanoseconds", "microseconds"),
    ),
    Wrong(
        "objects that share no type",
        pandas(x=pd.Series(["a", 1, None], dtype=object)),
        "x",
        1,
        1,
        ("a mix of str and int",),
    ),
    Wrong("sets", pandas(x=[{1}, {2}, {3}]), "x", 0, {1}, ("values of type set",)),
    Wrong(
        "periods",
        pandas(month=pd.period_range("2024-01", periods=3, freq="M")),
        "month",
        words=("Period", ".astype(str)"),
    ),
    Wrong("intervals", pandas(bin=pd.interval_range(0, 3)), "bin", words=("Interval", ".astype(str)")),
    Wrong(
        "polars objects",
        lambda: pl.DataFrame({"id": [1], "x": pl.Series([object()], dtype=pl.Object)}),
        "x",
        0,
        words=("Object",),
        options={"vector": False},
        config=UNNAMED,
    ),
    Wrong(
        "a payload column that is not there",
        polars(),
        "nam",
        value="nam",
        words=("payload=",),
        options={"payload": ["nam"]},
    ),
    Wrong(
        "a column that is two things", polars(), "id", words=("both the id and payload",), options={"payload": ["id"]}
    ),
    Wrong(
        "two columns of one name",
        arrow([pa.array([1]), pa.array([2]), pa.array([3])], ["id", "a", "a"]),
        "a",
        words=("more than once", "Rename"),
    ),
    Wrong(
        "a column named by a number", lambda: pd.DataFrame({"id": [1], 5: [2]}), "5", value=5, words=("must be text",)
    ),
    Wrong(
        "an index and a column of one name",
        lambda: pd.DataFrame({"id": [1, 2]}, index=pd.Index([3, 4], name="id")),
        "id",
        words=("both an index level and a column", "Rename"),
    ),
]

OPTIONS = [
    Wrong(
        "ids in two ways",
        polars(),
        words=("exclude each other",),
        options={"id": "id", "id_from": ["id"]},
        error=qf.OptionError,
    ),
    Wrong(
        "a shard key without shards",
        polars(),
        words=("no shard keys",),
        options={"shard_key": "x"},
        config=UNNAMED,
        error=qf.OptionError,
    ),
    Wrong(
        "a namespace for nothing",
        polars(),
        words=("id_from=",),
        options={"namespace": uuid.uuid4()},
        error=qf.OptionError,
    ),
    Wrong(
        "a shard key of floats",
        polars(price=[1.0, 2.0, 3.0]),
        "price",
        value="double",
        words=("shard key", "Cast"),
        options={"shard_key": "price"},
    ),
    Wrong(
        "one vector from two columns",
        polars(),
        words=("Name targets",),
        options={"vector": ["vector", "vector"]},
        error=qf.OptionError,
    ),
]

FRAMES = [
    Wrong("a Series", lambda: pl.Series([1, 2]), words=("not a frame", "to_frame()")),
    Wrong("an array", lambda: np.ones((2, 2)), words=("not a frame", "vector=array")),
    Wrong("a list of dicts", lambda: [{"id": 1}], words=("of type dict", "not a frame")),
    Wrong(
        "decimals as ids", polars(id=[decimal.Decimal(1)] * 3), "id", 0, decimal.Decimal(1), ("decimals", "pl.UInt64")
    ),
]
