"""Random writes on random frames against a model in plain Python, on each of the three backends.

After every step the collection is read back whole and must be what the model says. Rows of unknown ids are reported as
the model foresees: failed, or skipped where the caller says so.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

import qframe as qf

INTEGERS = (0, 1, 2, 3, 2**53 + 1, 2**64 - 1)
UUIDS = tuple(str(uuid.UUID(int=number << 64 | 7)) for number in range(4))
CONFIG = {
    "vectors": {"a": {"size": 2, "distance": "Dot"}, "b": {"size": 1, "distance": "Dot"}},
    "sparse_vectors": {"s": {}},
}
SCHEMA = {
    "n": pl.Int64,
    "city": pl.String,
    "tags": pl.List(pl.String),
    "obj": pl.Struct({"x": pl.Int64, "y": pl.String}),
}
VECTORS = {
    "a": pl.Array(pl.Float32, 2),
    "b": pl.Array(pl.Float32, 1),
    "s": pl.Struct({"indices": pl.List(pl.UInt32), "values": pl.List(pl.Float32)}),
}

VALUES = {
    "n": st.none() | st.integers(-3, 3),
    "city": st.none() | st.sampled_from(["Berlin", "", 'Ulm"\\']),
    "tags": st.none() | st.lists(st.none() | st.sampled_from(["x", "y"]), max_size=2),
    "obj": st.none() | st.fixed_dictionaries({"x": st.none() | st.integers(0, 2), "y": st.none() | st.just("why")}),
    "a": st.lists(st.integers(-2, 2).map(float), min_size=2, max_size=2),
    "b": st.lists(st.integers(-2, 2).map(float), min_size=1, max_size=1),
    "s": st.dictionaries(st.integers(0, 5), st.integers(1, 3).map(float), max_size=3).map(
        lambda held: {"indices": sorted(held), "values": [held[index] for index in sorted(held)]}
    ),
}

Row = dict[str, Any]


@dataclass
class Point:
    payload: Row = field(default_factory=dict)
    vectors: Row = field(default_factory=dict)


def without_nulls(value: Any) -> Any:
    """A payload value as it is stored: keys that are null are left out of objects; nulls in lists stay."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return value


@st.composite
def frames(draw: st.DrawFn, payload: bool = False, vectors: bool | str = False) -> pl.DataFrame:
    """Rows of some ids of one kind, each once, with some of the columns."""
    ids = draw(st.lists(st.sampled_from(draw(st.sampled_from([INTEGERS, UUIDS]))), min_size=1, max_size=4, unique=True))
    kind = pl.UInt64 if isinstance(ids[0], int) else pl.String
    columns = {"id": pl.Series(ids, dtype=kind)}
    names = draw(st.lists(st.sampled_from(sorted(SCHEMA)), min_size=1, unique=True)) if payload else []
    if vectors:
        names += draw(st.lists(st.sampled_from(sorted(VECTORS)), min_size=1, unique=True))
    for name in names:
        absent = st.none() if vectors == "omit" and name in VECTORS else st.nothing()
        values = draw(st.lists(absent | VALUES[name], min_size=len(ids), max_size=len(ids)))
        columns[name] = pl.Series(values, dtype=(SCHEMA | VECTORS)[name])
    return pl.DataFrame(columns)


def vector_names(data: pl.DataFrame) -> list[str] | bool:
    return [name for name in data.columns if name in VECTORS] or False


class Writes(RuleBasedStateMachine):
    """`connect` is set by the test of each target."""

    connect: Callable[[], qf.Connection]

    def __init__(self) -> None:
        super().__init__()
        self.points: dict[int | str, Point] = {}
        self.collection = qf.collection(f"qframe_test_{uuid.uuid4().hex[:16]}", connection=type(self).connect())
        self.collection.create_collection(config=CONFIG)

    def teardown(self) -> None:
        try:
            # A null that is stored is not a key that is missing; a frame shows both alike. A list of null is null too.
            for key in SCHEMA.keys() - {"tags"}:
                nulls = sum(key in held.payload and held.payload[key] is None for held in self.points.values())
                assert self.collection.count(filter={"must": [{"is_null": {"key": key}}]}) == nulls
        finally:
            self.collection.drop()

    def existing(self, data: pl.DataFrame) -> Iterator[tuple[int | str, Row]]:
        """The rows of ids that are there."""
        return ((row["id"], row) for row in data.iter_rows(named=True) if row["id"] in self.points)

    def reported(self, report: qf.WriteReport, data: pl.DataFrame, missing: str) -> None:
        """Rows of ids that were not there are told, the others are written."""
        absent = [at for at, point in enumerate(data["id"].to_list()) if point not in self.points]
        assert report.rows("failed" if missing == "report" else "skipped").tolist() == absent
        assert report.written == len(data) - len(absent), report

    @rule(
        data=frames(payload=True, vectors="omit"),
        mode=st.sampled_from(["upsert", "upsert", "insert_only", "update_only"]),
        nulls=st.sampled_from(["omit", "keep"]),
    )
    def upsert(self, data: pl.DataFrame, mode: str, nulls: str) -> None:
        report = self.collection.upsert(
            data, vector=vector_names(data), mode=mode, nulls=nulls, null_vectors="omit", batch_size=2
        )
        assert report.ok
        for row in data.iter_rows(named=True):
            if (row["id"] in self.points) == (mode == "insert_only") and mode != "upsert":
                continue
            point = Point()
            for key in SCHEMA.keys() & row.keys():
                if row[key] is not None or nulls == "keep":
                    point.payload[key] = row[key] if nulls == "keep" else without_nulls(row[key])
            point.vectors = {key: row[key] for key in VECTORS.keys() & row.keys() if row[key] is not None}
            self.points[row["id"]] = point

    @rule(data=frames(vectors=True), missing=st.sampled_from(["report", "skip"]))
    def update_vectors(self, data: pl.DataFrame, missing: str) -> None:
        report = self.collection.update_vectors(data, vector=vector_names(data), missing=missing, errors="report")
        self.reported(report, data, missing)
        for point, row in self.existing(data):
            self.points[point].vectors |= {key: row[key] for key in VECTORS.keys() & row.keys()}

    @rule(
        data=frames(payload=True),
        key=st.none() | st.just("deep"),
        nulls=st.sampled_from(["remove", "skip"]),
        missing=st.sampled_from(["report", "skip"]),
    )
    def set_payload(self, data: pl.DataFrame, key: str | None, nulls: str, missing: str) -> None:
        report = self.collection.set_payload(data, key=key, nulls=nulls, missing=missing, errors="report")
        self.reported(report, data, missing)
        for point, row in self.existing(data):
            payload = self.points[point].payload
            self.merge(payload if key is None else payload.setdefault(key, {}), row, nulls)

    @staticmethod
    def merge(into: Row, row: Row, nulls: str) -> None:
        for key in SCHEMA.keys() & row.keys():
            if row[key] is not None:
                into[key] = without_nulls(row[key])
            elif nulls == "remove":
                into.pop(key, None)

    @rule(data=frames(payload=True), missing=st.sampled_from(["report", "skip"]))
    def overwrite_payload(self, data: pl.DataFrame, missing: str) -> None:
        report = self.collection.overwrite_payload(data, missing=missing, errors="report")
        self.reported(report, data, missing)
        for point, row in self.existing(data):
            self.points[point].payload = {
                key: without_nulls(row[key]) for key in SCHEMA.keys() & row.keys() if row[key] is not None
            }

    @rule(data=frames(), keys=st.lists(st.sampled_from(["n", "city", "obj.x", "obj", "tags"]), min_size=1, unique=True))
    def delete_payload(self, data: pl.DataFrame, keys: list[str]) -> None:
        report = self.collection.delete_payload(data, keys=keys, errors="report")
        self.reported(report, data, "report")
        for point, _ in self.existing(data):
            for key in keys:
                outer, _, inner = key.partition(".")
                held = self.points[point].payload
                if not inner:
                    held.pop(outer, None)
                elif isinstance(held.get(outer), dict):
                    held[outer].pop(inner, None)

    @rule(data=frames())
    def clear_payload(self, data: pl.DataFrame) -> None:
        report = self.collection.clear_payload(data, missing="skip", errors="report")
        self.reported(report, data, "skip")
        for point, _ in self.existing(data):
            self.points[point].payload = {}

    @rule(data=frames(), vectors=st.lists(st.sampled_from(sorted(VECTORS)), min_size=1, unique=True))
    def delete_vectors(self, data: pl.DataFrame, vectors: list[str]) -> None:
        report = self.collection.delete_vectors(data, vectors=vectors, errors="report")
        self.reported(report, data, "report")
        for point, _ in self.existing(data):
            for name in vectors:
                self.points[point].vectors.pop(name, None)

    @rule(data=frames())
    def delete(self, data: pl.DataFrame) -> None:
        assert self.collection.delete(data).ok
        for point in data["id"].to_list():
            self.points.pop(point, None)

    @precondition(lambda self: self.points)
    @rule(least=st.integers(-3, 4), what=st.sampled_from(["delete", "set_payload", "clear_payload"]))
    def by_filter(self, least: int, what: str) -> None:
        chosen = {"must": [{"key": "n", "range": {"gte": least}}]}
        values = {"payload": {"city": "Ulm", "n": None}} if what == "set_payload" else {}
        assert getattr(self.collection, what)(filter=chosen, **values).ok
        for point, held in list(self.points.items()):
            number = held.payload.get("n")
            if number is None or number < least:
                continue
            if what == "delete":
                del self.points[point]
            elif what == "clear_payload":
                held.payload = {}
            else:
                self.merge(held.payload, values["payload"], "remove")

    @rule(fresh=frames(payload=True, vectors=True), change=frames(payload=True), gone=frames())
    def batch(self, fresh: pl.DataFrame, change: pl.DataFrame, gone: pl.DataFrame) -> None:
        kept = change.filter(pl.col("id").is_in(gone["id"].to_list()).not_()) if self.alike(change, gone) else change
        with qf.batch(self.collection.name, connection=self.collection.connection, errors="report") as sent:
            sent.upsert(fresh, vector=vector_names(fresh))
            sent.delete(gone)
            sent.set_payload(kept)
        for row in fresh.iter_rows(named=True):
            payload = {key: without_nulls(row[key]) for key in SCHEMA.keys() & row.keys() if row[key] is not None}
            self.points[row["id"]] = Point(payload, {key: row[key] for key in VECTORS.keys() & row.keys()})
        for point in gone["id"].to_list():
            self.points.pop(point, None)
        assert sent.reports[0].ok
        assert sent.reports[1].ok
        self.reported(sent.reports[2], kept, "report")
        for point, row in self.existing(kept):
            self.merge(self.points[point].payload, row, "remove")

    @staticmethod
    def alike(one: pl.DataFrame, other: pl.DataFrame) -> bool:
        return one.schema["id"] == other.schema["id"]

    @invariant()
    def content_is_the_models(self) -> None:
        kinds = SCHEMA | {"deep": pl.Struct(SCHEMA)}
        found = qf.read(
            self.collection.name,
            connection=self.collection.connection,
            schema={**kinds, **VECTORS},
            vectors=sorted(VECTORS),
            frame="polars",
        )
        expected = [
            {
                "id": str(point),
                **{key: self.shaped(held.payload.get(key), dtype) for key, dtype in kinds.items()},
                **{name: held.vectors.get(name) for name in VECTORS},
            }
            for point, held in self.points.items()
        ]
        assert sorted(found.with_columns(pl.col("id").cast(pl.String)).to_dicts(), key=_id) == sorted(expected, key=_id)

    @classmethod
    def shaped(cls, value: Any, dtype: pl.DataType | Any) -> Any:
        """A stored value as a column of that type shows it: objects have all fields."""
        if isinstance(value, dict) and isinstance(dtype, pl.Struct):
            return {part.name: cls.shaped(value.get(part.name), part.dtype) for part in dtype.fields}
        return value


def _id(row: Row) -> str:
    return row["id"]


@pytest.mark.timeout(600)
def test_random_writes_agree_with_the_model(connection: qf.Connection) -> None:
    kind = type("WritesThere", (Writes,), {"connect": staticmethod(lambda: connection)})
    wanted = settings(
        max_examples=12,
        stateful_step_count=10,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(kind, settings=wanted)
