"""Rows of one payload: which are told equal, and when they change their places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.model.ids import Ids
from qframe.model.operations import SetPayload
from qframe.model.points import Points
from qframe.write.payload_groups import grouped, payload_codes

VALUES = {
    "text": (pa.string(), st.sampled_from(["", "a", "b", "ab", None])),
    "number": (pa.float64(), st.sampled_from([0.0, 1.5, None, float("nan")])),
    "flag": (pa.bool_(), st.sampled_from([True, False, None])),
    "items": (pa.list_(pa.int64()), st.sampled_from([None, [], [1], [None], [1, None], [2, 1]])),
    "nested": (
        pa.struct({"a": pa.string(), "b": pa.list_(pa.int8())}),
        st.sampled_from([None, {"a": None, "b": None}, {"a": "x", "b": [1]}, {"a": "x", "b": None}]),
    ),
}


@st.composite
def payloads(draw: st.DrawFn) -> pa.RecordBatch:
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, unique=True))
    rows = draw(st.integers(0, 12))
    columns = [pa.array([draw(VALUES[name][1]) for _ in range(rows)], VALUES[name][0]) for name in names]
    return pa.RecordBatch.from_arrays(columns, names)


def points(payload: pa.RecordBatch, ids: Any = None) -> Points:
    n = payload.num_rows
    numbers = np.arange(n, dtype=np.uint64) if ids is None else np.array(ids, dtype=np.uint64)
    return Points(Ids(numbers), {}, payload, range(n))


def written(row: Any, nulls: str) -> Any:
    """What is stored of a value, as slow Python says it; lists keep their nulls."""
    if isinstance(row, float) and row != row:
        return None
    if isinstance(row, dict):
        kept = {key: written(value, nulls) for key, value in row.items()}
        return {key: value for key, value in kept.items() if nulls == "keep" or value is not None}
    return row


def names_of(payload: pa.RecordBatch, nulls: str) -> list[str]:
    return [repr(written(row, nulls)) for row in payload.to_pylist()]


@given(payloads(), st.sampled_from(["omit", "keep", "remove"]))
def test_codes_are_equal_where_the_payload_is(payload: pa.RecordBatch, nulls: Any) -> None:
    names = names_of(payload, nulls)
    codes = payload_codes(payload)
    if codes is None:
        assert len(set(names)) == len(names)
    else:
        assert codes.tolist() == [list(dict.fromkeys(names)).index(name) for name in names]


@given(payloads())
def test_gathered_rows_keep_what_they_are(payload: pa.RecordBatch) -> None:
    names = names_of(payload, "remove")
    found, codes = grouped(points(payload))
    operation = SetPayload(found, codes)
    assert len(operation.runs) - 1 == len(set(names))
    rows = np.asarray(found.rows).tolist()
    assert sorted(rows) == list(range(payload.num_rows))
    assert found.ids.tolist() == rows
    assert names_of(found.payload, "remove") == [names[row] for row in rows]
    for start, stop in zip(operation.runs, operation.runs[1:], strict=False):
        run = rows[start:stop]
        assert run == sorted(run)
        assert len({names[row] for row in run}) == 1


@given(payloads(), st.data())
def test_rows_stay_where_an_id_comes_again(payload: pa.RecordBatch, data: st.DataObject) -> None:
    n = payload.num_rows
    ids = [*data.draw(st.lists(st.integers(0, 9), min_size=max(n - 2, 0), max_size=max(n - 2, 0))), 3, 3][:n]
    if len(set(ids)) == len(ids):
        return
    found, codes = grouped(points(payload, ids))
    assert list(found.rows) == list(range(n))
    names = names_of(payload, "omit")
    runs = SetPayload(found, codes).runs
    changes = [0, *(row for row in range(1, n) if names[row] != names[row - 1]), n]
    assert runs.tolist() == (changes if codes is not None else list(range(n + 1)))


def test_rows_that_all_differ_are_left_alone() -> None:
    given = points(pa.record_batch({"a": [3, 1, 2], "b": [0, 0, 0]}))
    found, codes = grouped(given)
    assert found is given
    assert codes is None


@pytest.mark.parametrize("ids", [[7, 5, 6], [5, 5, 6]])
def test_rows_that_are_together_are_not_moved(ids: list[int]) -> None:
    given = points(pa.record_batch({"a": ["x", "x", "y"]}), ids)
    found, codes = grouped(given)
    assert found is given
    assert codes is not None
    assert codes.tolist() == [0, 0, 1]
