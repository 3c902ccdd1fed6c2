"""What a look says is what an upsert then does: the verdict, the rows, the requests, on any frame and backend."""

from __future__ import annotations

import json
import uuid
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qframe as qf

INF, NAN = float("inf"), float("nan")
PAIR = pl.Array(pl.Float32, 2)
BAG = pl.Struct({"indices": pl.List(pl.Int64), "values": pl.List(pl.Float64)})

IDS: list[tuple[Any, list[Any]]] = [
    (pl.Int64, [1, 2, 3, 4, 5, 6, -1, None]),
    (pl.UInt64, list(range(1, 40))),
    (pl.String, [*(str(uuid.UUID(int=number)) for number in range(5)), "no uuid"]),
    (pl.Float64, [1.0, 2.0]),
]
VALUES: list[tuple[Any, list[Any]]] = [
    (pl.Int64, [1, None]),
    (pl.Float64, [1.5, 2.5, 3.5, INF, NAN, None]),
    (pl.UInt64, [1, 2, 3, 2**63 + 5]),
    (pl.String, ["a", "", None]),
    (pl.Datetime("ns"), [10**18, 10**18 + 1]),
    (pl.List(pl.Float64), [[1.0], [], [None], [INF], None]),
    (pl.Struct({"a": pl.Float64}), [{"a": 1.0}, {"a": INF}, {"a": None}, None]),
    (pl.Binary, [b"x"]),
]
VECTORS: list[tuple[str, Any, list[Any]]] = [
    ("dense", PAIR, [[1.0, 2.0], [3.0, 4.0], [INF, 0.0], None]),
    ("dense", pl.List(pl.Float64), [[1.0, 2.0], [3.0, 4.0], [1.0], [None, 1.0], [], None]),
    ("other", PAIR, [[1.0, 2.0]]),
    ("bag", BAG, [{"indices": [1, 2], "values": [1.0, 2.0]}, {"indices": [1, 1], "values": [1.0, 2.0]}]),
]
SCHEMES: list[dict[str, Any] | None] = [
    None,
    {"vectors": {"dense": {"size": 2, "distance": "Dot"}}, "sparse_vectors": {"bag": {}}},
    {"vectors": {"size": 2, "distance": "Dot"}},
    {"vectors": {"dense": {"size": 3, "distance": "Dot"}}},
]
OPTIONS: list[dict[str, Any]] = [
    {"null_vectors": "omit"},
    {"duplicates": "first"},
    {"duplicates": "last"},
    {"batch_size": 2},
    {"mode": "insert_only"},
    {"mode": "update_only"},
    {"nulls": "keep"},
    {"id": "uuid4"},
    {"payload": False},
    {"if_missing": "raise"},
]


def column(draw: st.DrawFn, dtype: Any, values: list[Any], rows: int) -> pl.Series:
    """Mostly the first values, which are good ones."""
    picked = draw(
        st.lists(st.one_of(st.sampled_from(values[:3]), st.sampled_from(values)), min_size=rows, max_size=rows)
    )
    whole = pl.Int64 if isinstance(dtype, pl.Datetime) else dtype
    return pl.Series(picked, dtype=whole).cast(dtype)


@st.composite
def calls(draw: st.DrawFn) -> tuple[pl.DataFrame, dict[str, Any], dict[str, Any] | None, int]:
    """A frame, the options, the collection that is there, and how many chunks the frame comes in; 0 in memory."""
    rows = draw(st.integers(0, 9))
    dtype, values = draw(st.sampled_from(IDS[:2] * 3 + IDS))
    ids = draw(st.permutations(values[: max(rows, 6)])) if len(values) > rows and draw(st.booleans()) else None
    frame = {"id": pl.Series(ids[:rows], dtype=dtype) if ids else column(draw, dtype, values, rows)}
    for name, (kind, some) in draw(
        st.dictionaries(
            st.sampled_from(["a", "b.c", "row", "é"]), st.sampled_from(VALUES * 2 + VALUES[:-1]), max_size=2
        )
    ).items():
        frame[name] = column(draw, kind, some, rows)
    vectors = draw(st.lists(st.sampled_from(VECTORS[:2] * 2 + VECTORS), max_size=2, unique_by=lambda vector: vector[0]))
    for name, kind, some in vectors:
        frame[name] = column(draw, kind, some, rows)
    options: dict[str, Any] = {"vector": [name for name, _, _ in vectors] or False}
    for more in draw(st.lists(st.sampled_from(OPTIONS), max_size=2)):
        options |= more
    return pl.DataFrame(frame), options, draw(st.sampled_from(SCHEMES)), draw(st.sampled_from([0, 0, 0, 1, 2]))


def written(
    collection: qf.Collection, source: Any, options: dict[str, Any]
) -> tuple[qf.WriteReport | None, BaseException | None]:
    """The report, or why there is none of all rows."""
    try:
        return collection.upsert(source, errors="report", **options), None
    except (qf.FrameError, qf.CollectionNotFoundError) as error:
        return None, error
    except qf.WriteError as error:
        return None, error.__cause__


def agree(connection: qf.Connection, call: tuple[pl.DataFrame, dict[str, Any], dict[str, Any] | None, int]) -> None:
    frame, options, scheme, chunks = call
    collection = qf.collection(f"qframe_test_{uuid.uuid4().hex[:16]}", connection=connection)
    if scheme is not None:
        collection.create_collection(config=scheme)

    def source() -> Any:
        middle = len(frame) // 2
        return [frame, iter([frame]), iter([frame[:middle], frame[middle:]])][chunks]

    try:
        found = collection.check(source(), **options)
        assert collection.exists() is (scheme is not None)
        assert scheme is None or collection.count() == 0
        json.dumps(found.to_dict())
        errors = [problem for problem in found.found if problem.severity == "error"]
        assert found.ok is (not errors)
        report, refused = written(collection, source(), options)
        if report is None:
            assert not found.ok, refused
            named = {problem.column for problem in errors}
            assert getattr(refused, "column", None) in named or str(refused) in {problem.message for problem in errors}
            return
        assert found.ok is report.ok, (found, report)
        assert (found.rows, found.bad, found.skipped) == (report.total, report.failed, report.skipped)
        assert found.batches == report.batches
        assert (found.created is not None) is report.created or not len(frame)
        failed = {(item.row, item.column) for item in report.details}
        assert {(problem.first_row, problem.column) for problem in errors} <= failed
        assert {problem.column for problem in errors} == {name for _, name in failed}
        assert sum(problem.rows or 0 for problem in errors) == len(report.details)
        # Ids of a stream are compared within a chunk.
        if report.ok and options.get("mode") is None and chunks < 2:
            assert collection.count() == report.written
    finally:
        collection.drop()


@settings(max_examples=25)
@given(calls())
def test_on_the_embedded_engine(three_connections: dict[str, qf.Connection], call: Any) -> None:
    agree(three_connections["embedded"], call)


@pytest.mark.parametrize("wire", ["rest", "grpc"])
@settings(max_examples=40)
@given(call=calls())
def test_over_both_wires(three_connections: dict[str, qf.Connection], wire: str, call: Any) -> None:
    agree(three_connections[wire], call)
