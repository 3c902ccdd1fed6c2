"""Ropes: what is described is what is joined, and its size is known before."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.columns.rope import Rope, column, fixed, grouped, join, loose, rope, where


def _joined(ropes: Rope) -> list[bytes]:
    """Joined rows, after their sizes have been compared with what `sizes` said."""
    rows = join(ropes).to_pylist()
    assert np.broadcast_to(ropes.sizes, ropes.n).tolist() == [len(row) for row in rows]
    assert ropes.total == sum(map(len, rows))
    return rows


def _column(values: list[bytes], start: int = 0) -> Rope:
    return column(pa.array([b"before"] * start + values, pa.large_binary()).slice(start))


ROWS = st.lists(st.tuples(st.binary(max_size=5), st.binary(min_size=2, max_size=2), st.booleans()), max_size=6)


@given(ROWS, st.integers(0, 3))
def test_parts_stand_side_by_side(rows: list[tuple[bytes, bytes, bool]], start: int) -> None:
    ragged, even, chosen = ([row[i] for row in rows] for i in range(3))
    n, mask = len(rows), np.array(chosen, dtype=np.bool_)
    whole = rope(n, b"<", _column(ragged, start), b"", _column(even, start), b">")
    expected = [b"<" + left + right + b">" for left, right in zip(ragged, even, strict=True)]
    assert _joined(whole) == expected
    assert _joined(where(whole, mask)) == [row if kept else b"" for row, kept in zip(expected, chosen, strict=True)]
    assert _joined(rope(n, where(whole, mask), b"|", where(whole, ~mask))) == [
        row + b"|" if kept else b"|" + row for row, kept in zip(expected, chosen, strict=True)
    ]


@given(st.lists(st.lists(st.binary(max_size=3), max_size=3), max_size=5))
def test_elements_are_grouped(lists: list[list[bytes]]) -> None:
    elements = _column([element for row in lists for element in row])
    spans = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    assert _joined(grouped(elements, spans)) == [b"".join(row) for row in lists]


def test_wide_columns_and_none_at_all() -> None:
    wide = [bytes([i]) * 100 for i in range(3)]
    assert _joined(_column(wide, start=1)) == wide
    assert _joined(rope(2)) == [b"", b""]
    assert _joined(rope(0, b"x")) == []


def test_what_hides_behind_nulls_is_left_out() -> None:
    spans = pa.py_buffer(np.array([0, 3, 4], dtype=np.int64))
    bitmap = pa.py_buffer(np.array([2], dtype=np.uint8))
    hidden = pa.Array.from_buffers(pa.large_string(), 2, [bitmap, spans, pa.py_buffer(b"abcd")])
    assert _joined(where(column(hidden), np.array([False, True]))) == [b"", b"d"]


def test_a_part_that_does_not_keep_its_word_is_found() -> None:
    lost = loose(2, 1, lambda: pa.array([b"a", None], pa.large_binary()))
    longer = loose(2, 1, lambda: pa.array([b"a", b"bc"], pa.large_binary()))
    for part in (lost, longer):
        with pytest.raises(RuntimeError, match="did not join"):
            join(rope(2, fixed(2, 1, lambda out: out.fill(0)), part))
