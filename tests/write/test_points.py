"""Record batches to checked points, arrays beside the frame, and ids that occur twice."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.errors import FrameError
from qframe.model.bad import Bad
from qframe.model.ids import Ids, join_ids
from qframe.model.requests import CollectionInfo, VectorConfig
from qframe.vectors.types import sample_columns
from qframe.write.points import Checked, duplicates, make_points
from qframe.write.resolve import resolve
from qframe.write.roles import RoleOptions

NAN = float("nan")
PAIR = pa.list_(pa.float32(), 2)
CUSTOM = CollectionInfo("places", (VectorConfig("", "dense", 2, "Dot"),), sharding="custom")


def _points(frame: pa.RecordBatch, info: CollectionInfo | None = None, **options: Any) -> tuple[Checked, list[Bad]]:
    first_row = options.pop("first_row", 0)
    null_vectors = options.pop("null_vectors", "raise")
    sample = frame.select(sample_columns(frame.schema))
    length = options.pop("length", frame.num_rows)
    roles = resolve(frame.schema, RoleOptions(**options), info=info, sample=sample, length=length, seed=1)
    return make_points(frame.select(list(roles.columns)), roles, first_row, null_vectors=null_vectors)


def _frame(**columns: Any) -> pa.RecordBatch:
    every = {"id": pa.array([1, 2, 3]), "vector": pa.array([[1, 2], [3, 4], [5, 6]], PAIR), **columns}
    return pa.record_batch(
        {name: value if isinstance(value, pa.Array) else pa.array(value) for name, value in every.items()}
    )


def test_rows_become_points() -> None:
    checked, bad = _points(_frame(name=["a", None, "c"]), first_row=10)
    assert bad == []
    assert len(checked) == 3
    points = checked.points
    assert points.ids.tolist() == [1, 2, 3]
    assert points.vectors[""].values.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert points.payload is not None
    assert points.payload.to_pydict() == {"name": ["a", None, "c"]}
    assert points.rows == range(10, 13)
    assert (points.shard_key, checked.shard_keys) == (None, None)


def test_every_kind_of_source() -> None:
    frame = _frame(
        x=[1, 2, 3], y=[0.5, 1.5, 2.5], i=[[1], [3, 2], []], v=[[0.1], [0.3, 0.2], []],
        s=[{"indices": [7], "values": [1.0]}] * 3, m=pa.array([[[1, 2]], [[3, 4], [5, 6]], [[7, 8]]], pa.list_(PAIR)),
    )  # fmt: skip
    vector = {"": "vector", "xy": ["x", "y"], "iv": ("i", "v"), "s": "s", "m": "m", "n": np.eye(3, dtype=np.float16)}
    checked, bad = _points(frame, vector=vector)
    assert bad == []
    vectors = checked.points.vectors
    assert vectors["xy"].values.tolist() == [[1, 0.5], [2, 1.5], [3, 2.5]]
    assert vectors["iv"].offsets.tolist() == [0, 1, 3, 3]
    assert vectors["iv"].indices.tolist() == [1, 2, 3]
    assert vectors["s"].indices.tolist() == [7, 7, 7]
    assert vectors["m"].offsets.tolist() == [0, 1, 3, 4]
    assert vectors["n"].values.tolist() == np.eye(3).tolist()
    assert checked.points.payload is None


def test_bad_rows_of_every_column() -> None:
    frame = _frame(
        id=pa.array([1, -2, None]), vector=pa.array([[1, NAN], None, [5, 6]], PAIR), p=[1.0, float("inf"), 2.0]
    )
    checked, bad = _points(frame)
    assert len(checked) == 3
    assert [(item.column, item.rows.tolist()) for item in bad] == [
        ("id", [2]),
        ("id", [1]),
        ("vector", [1]),
        ("vector", [0]),
        ("p", [1]),
    ]
    checked, bad = _points(frame, null_vectors="omit")
    assert ("vector", [1]) not in [(item.column, item.rows.tolist()) for item in bad]
    assert checked.points.vectors[""].present.tolist() == [True, False, True]


def test_made_ids_do_not_depend_on_where_a_part_begins() -> None:
    frame = _frame(sku=["a", "b", "c"])
    for options in ({"id": "uuid4"}, {"id_from": ["sku"]}):
        whole = _points(frame, **options)[0].points.ids.tolist()
        parts = [_points(frame.slice(i, 1), first_row=i, **options)[0].points.ids.tolist() for i in range(3)]
        assert [one for part in parts for one in part] == whole
        assert len(set(whole)) == 3


def test_a_column_at_fault_is_told_with_the_callers_row() -> None:
    with pytest.raises(FrameError, match="row 100") as caught:
        _points(_frame(id=[1.0, 2.0, 3.0]), first_row=100)
    assert caught.value.row == 100


@pytest.mark.parametrize(
    ("keys", "rows", "values"),
    [
        (pa.array(["x", "y", "x"]), [], []),
        (pa.array(["x", "y", "x"]).dictionary_encode(), [], []),
        (pa.array([1, 2, 1], pa.uint8()), [], []),
        (pa.array(["x", None, "x"]), [1], [None]),
        (pa.array([1, -2, None]), [1, 2], [-2, None]),
    ],
)
def test_shard_keys(keys: pa.Array, rows: list[int], values: list[Any]) -> None:
    checked, bad = _points(_frame(tenant=keys), CUSTOM, shard_key="tenant")
    assert sorted(int(row) for item in bad for row in item.rows) == rows
    assert all(item.values[0] in values for item in bad)
    assert checked.shard_keys is not None
    good = np.array([row for row in range(3) if row not in rows])
    kept = checked.take(good)
    assert kept.shard_keys.to_pylist() == [keys.to_pylist()[row] for row in good]
    assert kept.points.ids.tolist() == [row + 1 for row in good]
    assert checked.take(slice(1, 3)).shard_keys.to_pylist() == checked.shard_keys.to_pylist()[1:3]


@pytest.mark.parametrize(
    ("keys", "rows", "values"),
    [
        (pa.array(["z", "a", "7"]), [0, 2], ["z", "7"]),
        (pa.array([7, 8, 9], pa.uint64()), [1, 2], [8, 9]),
        (pa.array(["a", "z", "z"]).dictionary_encode(), [1, 2], ["z", "z"]),
        (pa.array(["a"] * 3), [], []),
    ],
)
def test_shard_keys_that_the_collection_does_not_have(keys: pa.Array, rows: list[int], values: list[Any]) -> None:
    known = replace(CUSTOM, shard_keys=("a", 7))
    _, bad = _points(_frame(tenant=keys), known, shard_key="tenant")
    assert [(one.column, one.rows.tolist(), list(one.values)) for one in bad] == (
        [("tenant", rows, values)] if rows else []
    )
    assert all("no such shard key, it has 'a', 7" in one.message for one in bad)


def test_null_and_negative_shard_keys_are_told_once() -> None:
    known = replace(CUSTOM, shard_keys=("a", 7))
    _, bad = _points(_frame(tenant=pa.array([8, None, -1])), known, shard_key="tenant")
    assert [one.rows.tolist() for one in bad] == [[1], [2], [0]]


def test_one_shard_key_for_all() -> None:
    checked, _ = _points(_frame(), CUSTOM, shard_key="berlin")
    assert (checked.points.shard_key, checked.shard_keys) == ("berlin", None)


def _rows(checked: Checked, name: str) -> Any:
    column = checked.points.vectors[name]
    if column.kind == "dense":
        return column.values.tolist()
    spans = list(zip(column.offsets.tolist(), column.offsets.tolist()[1:], strict=False))
    if column.kind == "multi":
        return [column.values[a:b].tolist() for a, b in spans]
    return [dict(zip(column.indices[a:b].tolist(), column.values[a:b].tolist(), strict=True)) for a, b in spans]


class NumpyOnly:
    """An array of a library that speaks nothing but numpy's protocol."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self._array


class DlpackOnly:
    """An array of a library that speaks nothing but DLPack."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()


GRID = np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float64)
CUBE = np.arange(12, dtype=np.float32).reshape(3, 2, 2)


@pytest.mark.parametrize(
    ("array", "kind", "expected"),
    [
        (GRID, "dense", GRID.tolist()),
        (np.asfortranarray(GRID), "dense", GRID.tolist()),
        (GRID.astype(np.int8), "dense", GRID.tolist()),
        (NumpyOnly(GRID), "dense", GRID.tolist()),
        (DlpackOnly(GRID.copy()), "dense", GRID.tolist()),
        (CUBE, "multi", CUBE.tolist()),
        (pa.array(GRID.tolist()), "dense", GRID.tolist()),
        (pa.chunked_array([pa.array(GRID[:2].tolist()), pa.array(GRID[2:].tolist())]), "dense", GRID.tolist()),
        (pa.array(CUBE.tolist()), "multi", CUBE.tolist()),
        (np.array([GRID[0], GRID[1], GRID[2], None], dtype=object)[:3], "dense", GRID.tolist()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_arrays_beside_the_frame(array: Any, kind: str, expected: Any) -> None:
    checked, bad = _points(_frame(), vector={"v": array}, payload=False)
    assert bad == []
    assert checked.points.vectors["v"].kind == kind
    assert _rows(checked, "v") == expected
    last, _ = _points(_frame().slice(2), vector={"v": array}, payload=False, first_row=2, length=3)
    assert _rows(last, "v") == expected[2:]


def test_series_beside_the_frame() -> None:
    pl, pd = pytest.importorskip("polars"), pytest.importorskip("pandas")
    for series in (pl.Series(GRID), pl.Series(GRID.tolist()), pd.Series(GRID.tolist()), pd.DataFrame(GRID),
                   pl.DataFrame(GRID)):  # fmt: skip
        checked, bad = _points(_frame(), vector={"v": series}, payload=False)
        assert bad == []
        assert _rows(checked, "v") == GRID.tolist()


def test_sparse_matrices_beside_the_frame() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    matrix = np.array([[0, 1.5, 0, 2], [0, 0, 0, 0], [3, 0, 0, 0]])
    for made in (sparse.csr_array(matrix), sparse.coo_matrix(matrix), sparse.csc_matrix(matrix)):
        checked, bad = _points(_frame(), vector={"v": made}, payload=False)
        assert bad == []
        assert _rows(checked, "v") == [{1: 1.5, 3: 2}, {}, {0: 3}]
    twice = sparse.coo_array(([1.0, 2.0], ([0, 0], [1, 1])), shape=(3, 2))
    assert _rows(_points(_frame(), vector={"v": twice}, payload=False)[0], "v") == [{1: 3}, {}, {}]
    matrix[0, 0] = NAN
    (bad,) = _points(_frame(), vector={"v": sparse.csr_array(matrix)}, payload=False)[1]
    assert bad.rows.tolist() == [0]
    with pytest.raises(FrameError, match="must have a name"):
        _points(_frame(), vector=sparse.csr_array(matrix))


@pytest.mark.parametrize(
    ("array", "rows", "column"),
    [
        (np.array([[1, 2], [NAN, 4], [5, 6]]), [1], "vector['v']"),
        (np.array([[1, 2], [3, 4], [5, 1e300]]), [2], "vector['v']"),
        (np.where(CUBE == 7, NAN, CUBE), [1], "vector['v']"),
        (pa.array([[1.0, 2.0], None, [3.0, 4.0]]), [1], "vector['v']"),
        (pa.array([[1.0, 2.0], [3.0, 4.0], [5.0]]), [2], "vector['v']"),
    ],
)
def test_bad_rows_of_arrays_beside_the_frame(array: Any, rows: list[int], column: str) -> None:
    (bad,) = _points(_frame(), vector={"v": array}, payload=False)[1]
    assert (bad.column, bad.rows.tolist()) == (column, rows)


def _ids(values: list[int], uuids: bool) -> Ids:
    if not uuids:
        return Ids(np.array(values, dtype=np.uint64))
    raw = b"".join(uuid.UUID(int=value << 64).bytes for value in values)
    return Ids(np.frombuffer(raw, dtype=np.uint8).reshape(-1, 16))


@given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=20),
    st.sampled_from(["raise", "first", "last"]),
    st.booleans(),
)
def test_duplicates_by_the_definition(rows: list[tuple[int, bool]], policy: Any, uuids: bool) -> None:
    values = [value for value, _ in rows]
    usable = np.array([yes for _, yes in rows], dtype=np.bool_)
    ids = _ids(values, uuids)
    left_out, bad = duplicates(ids, policy, "id", usable=usable, first_row=5)
    places = [row for row, (_, yes) in enumerate(rows) if yes]
    if policy == "last":
        expected = {row for row in places if any(values[other] == values[row] for other in places if other > row)}
    else:
        expected = {row for row in places if any(values[other] == values[row] for other in places if other < row)}
    assert set(np.flatnonzero(left_out)) == expected
    if policy != "raise" or not expected:
        assert bad == []
        return
    (found,) = bad
    assert found.rows.tolist() == sorted(expected)
    assert list(found.values) == [ids[row] for row in sorted(expected)]
    before = next(row for row in places if values[row] == values[min(expected)])
    assert f"the id of row {before + 5} again" in str(found.error(5))
    assert f"row {min(expected) + 5}" in str(found.error(5))
    assert "duplicates='first' or 'last'" in found.way_out


def test_ids_of_parts_are_joined() -> None:
    assert join_ids([]).tolist() == []
    assert join_ids([_ids([1], True)]).is_uuid
    assert join_ids([_ids([1], False), _ids([], False), _ids([2], False)]).tolist() == [1, 2]
