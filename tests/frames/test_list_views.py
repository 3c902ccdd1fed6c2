"""List views and what holds them, which Arrow's own cast takes apart, become plain lists with the same values."""

from __future__ import annotations

import pyarrow as pa
import pytest

from qframe.frames.arrow_source import plain_array, plain_type
from qframe.frames.schemas import targets_of

VIEW = pa.list_view(pa.int8())
ARRAYS = {
    "views": pa.array([[1], [2, 3], None, []], VIEW),
    "large": pa.array([["a"], ["bb", None], None, []], pa.large_list_view(pa.string_view())),
    "out of order": pa.ListViewArray.from_arrays(
        pa.array([2, 0, 1], pa.int32()), pa.array([1, 2, 0], pa.int32()), pa.array([[7], [8, 9], [1]], VIEW)
    ),
    "in structs": pa.array([{"a": [1]}, None, {"a": None}, {"a": [2, 3]}], pa.struct([("a", VIEW)])),
    "in views": pa.array([[[1], None], None, [[2, 3], []]], pa.list_view(VIEW)),
    "in lists": pa.array([[[1], None], None, [[2, 3], []]], pa.list_(VIEW)),
    "in fixed lists": pa.array([[[1], None], None, [[2, 3], []]], pa.list_(VIEW, 2)),
    "text in lists": pa.array([["a"], None, ["b"]], pa.list_(pa.string_view())),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_same_values(array: pa.Array) -> None:
    for part in (array, array.slice(1), array.slice(1, 1), array.slice(0, 0)):
        found = plain_array(part)
        found.validate(full=True)
        assert found.type == plain_type(part.type)
        assert found.to_pylist() == part.to_pylist()


def test_a_schema_reads_what_arrow_can_make() -> None:
    runs = pa.run_end_encoded(pa.int32(), pa.int64())
    found = targets_of(pa.schema([("views", VIEW), ("runs", runs), ("text", pa.string_view())]))
    assert [target.final for target in found.values()] == [None, None, pa.string_view()]
    assert [target.dtype for target in found.values()] == [pa.large_list(pa.int8()), pa.int64(), pa.large_string()]
