"""Custom sharding end to end: every verb puts rows under their shard key, and rows whose key cannot be are told.

The shard keys are made by the official client.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import polars as pl
import pytest
from qdrant_client import QdrantClient

import qframe as qf
from tests.loopback.process import Server

pytestmark = pytest.mark.loopback

CONFIG = {"vectors": {"v": {"size": 2, "distance": "Dot"}}, "sharding_method": "custom"}
KEYS = ("a", "b", 7)
IDS = list(range(1, 13))
TENANTS = ["a", "b", "a", "b"] * 3
DATA = pl.DataFrame({"id": IDS, "tenant": TENANTS, "n": IDS})
VERBS: dict[str, tuple[dict[str, Any], Callable[[dict[str, Any] | None], Any]]] = {
    # What is given beside ids, and what becomes of {"tenant": …, "n": …}; None: the point is gone.
    "set_payload": ({"payload": ["m"]}, lambda before: {**(before or {}), "m": 0}),
    "overwrite_payload": ({"payload": ["m"]}, lambda _: {"m": 0}),
    "delete_payload": ({"keys": "n"}, lambda before: {"tenant": (before or {})["tenant"]}),
    "clear_payload": ({}, lambda _: {}),
    "delete": ({}, lambda _: None),
}


@pytest.fixture
def places(wire: qf.Connection, name: str, faulty: Server) -> Iterator[qf.Collection]:
    collection = qf.collection(name, connection=wire)
    collection.create_collection(config=CONFIG)
    client = QdrantClient(url=faulty.url, trust_env=False)
    for key in KEYS:
        assert client.create_shard_key(name, key)
    client.close()
    vectors = DATA.with_columns(v=pl.Series([[float(n), 1.0] for n in IDS], dtype=pl.Array(pl.Float32, 2)))
    assert collection.upsert(vectors, shard_key="tenant", vector="v").ok
    return collection


def stored(collection: qf.Collection, shard_key: str | int) -> dict[int, Any]:
    """Payloads under a shard key, by id."""
    found = collection.scan(schema={}, extra="column", vectors=False, shard_key=shard_key).collect()
    return {row["id"]: json.loads(row["extra"] or "{}") for row in found.iter_rows(named=True)}


def before(shard_key: str | int) -> dict[int, Any]:
    every = {i: {"tenant": tenant, "n": i} for i, tenant in zip(IDS, TENANTS, strict=True)}
    return {i: payload for i, payload in every.items() if payload["tenant"] == shard_key}


def after(shard_key: str | int, ids: list[int], change: Callable[[Any], Any]) -> dict[int, Any]:
    found = {i: change(payload) if i in ids else payload for i, payload in before(shard_key).items()}
    return {i: payload for i, payload in found.items() if payload is not None}


def written(faulty: Server) -> list[int]:
    """Points of each write request."""
    reads = ("info", "cluster", "health", "scroll", "retrieve", "count")
    return [call["points"] for call in faulty.requests()["requests"] if call["operation"] not in reads]


def test_rows_lie_under_their_key(places: qf.Collection) -> None:
    assert {key: stored(places, key) for key in KEYS} == {key: before(key) for key in KEYS}
    assert places.count(shard_key="a") == 6
    assert places.count() == 12
    assert places.read(columns=["n"], shard_key="b")["n"].to_list() == [2, 4, 6, 8, 10, 12]
    every = places.scan(schema={"n": pl.Int64, "v": pl.Array(pl.Float32, 2)}, maintain_order=True).collect()
    assert every["n"].to_list() == IDS
    assert every["v"].to_list()[2] == [3.0, 1.0]
    assert places.search([1.0, 0.0], limit=2, shard_key="a", columns=[])["id"].to_list() == [11, 9]
    assert places.retrieve([1, 2, 3], columns=["n"], shard_key="a")["n"].to_list() == [1, 3]


@pytest.mark.parametrize("order", ["unordered", "semi_ordered", "ordered"])
def test_keys_are_not_mixed_whatever_the_order(places: qf.Collection, order: Any, faulty: Server) -> None:
    frame = DATA.with_columns(pl.col("n") * 2)
    assert places.upsert(frame, shard_key="tenant", vector=False, order=order, n_jobs=2).ok
    for key in ("a", "b"):
        assert stored(places, key) == {i: {**payload, "n": 2 * i} for i, payload in before(key).items()}


@pytest.mark.parametrize("library", ["polars", "pandas"])
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_by_column(places: qf.Collection, verb: str, library: str) -> None:
    options, change = VERBS[verb]
    ids = [1, 2, 3, 8]
    columns = {"id": ids, "tenant": ["a", "b", "a", "b"], "m": [0] * 4}
    frame = {"polars": pl.DataFrame, "pandas": pd.DataFrame}[library](columns)
    assert getattr(places, verb)(frame, shard_key="tenant", **options).written == 4
    assert {key: stored(places, key) for key in KEYS} == {key: after(key, ids, change) for key in KEYS}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_by_value(places: qf.Collection, verb: str) -> None:
    options, change = VERBS[verb]
    # The ids are there under other keys too, or only there.
    assert places.upsert(DATA, shard_key=7, vector=False).ok
    frame = pl.DataFrame({"id": IDS[:4], "m": [0] * 4})
    assert getattr(places, verb)(frame, shard_key=7, **options).written == 4
    assert {key: stored(places, key) for key in ("a", "b")} == {key: before(key) for key in ("a", "b")}
    every = {i: {"tenant": tenant, "n": i} for i, tenant in zip(IDS, TENANTS, strict=True)}
    changed = {i: change(payload) if i <= 4 else payload for i, payload in every.items()}
    assert stored(places, 7) == {i: payload for i, payload in changed.items() if payload is not None}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_by_filter(places: qf.Collection, verb: str) -> None:
    options, change = VERBS[verb]
    given = {"payload": {"m": 0}} if "payload" in options else options
    chosen = {"must": [{"key": "n", "range": {"lte": 4}}]}
    assert getattr(places, verb)(filter=chosen, shard_key="b", **given).ok
    assert {key: stored(places, key) for key in KEYS} == {
        key: after(key, [2, 4] if key == "b" else [], change) for key in KEYS
    }


def test_vectors(places: qf.Collection) -> None:
    new = pl.DataFrame({"id": [1, 2], "tenant": ["a", "b"], "v": [[5.0, 6.0]] * 2})
    assert places.update_vectors(new, vector="v", shard_key="tenant").written == 2
    assert places.delete_vectors(DATA[2:4], vectors="v", shard_key="tenant").written == 2
    found = places.read(columns=[], vectors=["v"], frame="arrow")
    assert dict(zip(found["id"].to_pylist(), found["v"].to_pylist(), strict=True)) == {
        1: [5.0, 6.0],
        2: [5.0, 6.0],
        3: None,
        4: None,
        **{i: [float(i), 1.0] for i in IDS[4:]},
    }


def test_a_batch(places: qf.Collection, faulty: Server) -> None:
    faulty.clear()
    with places.batch() as batch:
        batch.upsert(DATA.with_columns(n=pl.lit(0)), shard_key="tenant", vector=False)
        batch.set_payload(DATA.select("id", "tenant", m="n"), shard_key="tenant", payload=["m"])
        batch.delete_payload(DATA[:2], keys="n", shard_key="tenant")
        batch.clear_payload(filter={"must": [{"key": "m", "match": {"value": 3}}]}, shard_key="a")
        batch.delete(DATA[3:4], shard_key="tenant")
        batch.upsert(DATA[3:5], shard_key=7, vector=False)
        batch.overwrite_payload(DATA[4:5].select("id", m="n"), shard_key=7)
    assert batch.report.ok
    expected = {i: {"tenant": tenant, "n": 0, "m": i} for i, tenant in zip(IDS, TENANTS, strict=True)}
    expected |= {1: {"tenant": "a", "m": 1}, 2: {"tenant": "b", "m": 2}, 3: {}}
    del expected[4]
    for key in ("a", "b"):
        assert stored(places, key) == {i: expected[i] for i in before(key) if i in expected}
    assert stored(places, 7) == {4: {"tenant": "b", "n": 4}, 5: {"m": 5}}
    # The filter alone; the delete not with what needs the point.
    assert written(faulty) == [26, 0, 4]


def test_a_row_whose_key_is_null_or_unknown_is_told(places: qf.Collection, faulty: Server) -> None:
    frame = DATA[:5].with_columns(n=pl.lit(0), tenant=pl.Series(["a", None, "z", "b", "7"]))
    faulty.clear()
    with pytest.raises(qf.FrameError, match=r"column 'tenant', row 1: found None: a row needs a shard key"):
        places.upsert(frame, shard_key="tenant", vector=False)
    with pytest.raises(
        qf.FrameError, match=r"row 1 \(and 1 row more\): found 'z': the collection has no such shard key"
    ):
        places.set_payload(frame.drop_nulls(), shard_key="tenant", payload=["n"])
    assert written(faulty) == []
    report = places.set_payload(frame, shard_key="tenant", payload=["n"], errors="report")
    assert report.counts["written"] == 2
    told = report.failures.select("row", "id", "column", "error").rows()
    assert told == [(row, row + 1, "tenant", "bad value") for row in (1, 2, 4)]
    assert "it has 'a', 'b', 7" in report.failures["message"][1]
    with places.batch(errors="report") as batch:
        batch.clear_payload(frame, shard_key="tenant")
    assert batch.report.rows("failed").tolist() == [1, 2, 4]


def test_one_key_that_is_unknown_is_told_before_anything_is_sent(places: qf.Collection, faulty: Server) -> None:
    faulty.clear()
    words = r"shard_key='A': the collection .* has no such shard key, it has 'a', 'b', 7\. Did you mean 'a'\?"
    for verb, (options, _) in VERBS.items():
        with pytest.raises(qf.OptionError, match=words):
            getattr(places, verb)(DATA.with_columns(m=0), shard_key="A", **options)
        given = {"payload": {"m": 0}} if "payload" in options else options
        with pytest.raises(qf.OptionError, match=words):
            getattr(places, verb)(filter={}, shard_key="A", **given)
        with pytest.raises(qf.OptionError, match=words), places.batch() as batch:
            getattr(batch, verb)(DATA.with_columns(m=0), shard_key="A", **options)
    with pytest.raises(qf.OptionError, match=words):
        places.check(DATA, shard_key="A", vector=False)
    with pytest.raises(qf.OptionError, match="custom sharding: name the shard"):
        places.delete(DATA)
    with pytest.raises(qf.OptionError, match="custom sharding: name the shard"):
        places.delete(filter={})
    assert written(faulty) == []


@pytest.mark.parametrize("missing", ["report", "skip"])
def test_missing_points_are_asked_for_under_their_key(places: qf.Collection, faulty: Server, missing: Any) -> None:
    """Half of the ids are under another key: one question tells them, not a request for each."""
    faulty.clear()
    report = places.set_payload(DATA, shard_key="a", payload=["n"], errors="report", missing=missing)
    ended = "failed" if missing == "report" else "skipped"
    assert report.rows(ended).tolist() == [row for row in range(12) if TENANTS[row] == "b"]
    assert report.counts["written"] == 6
    assert faulty.requests()["counts"][f"{report.transport}/retrieve"] == 1
    assert written(faulty) == [12, 6]


def test_a_look_without_writing(places: qf.Collection) -> None:
    good = places.check(DATA, shard_key="tenant", vector=False)
    assert good.ok
    frame = DATA.with_columns(tenant=pl.lit("z"))
    assert "no such shard key" in str(places.check(frame, shard_key="tenant", vector=False))
