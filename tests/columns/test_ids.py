"""Id columns: what is an id, what is a bad row, and what is refused for the whole column."""

from __future__ import annotations

import re
import uuid
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.columns.ids import parse_ids
from qframe.errors import FrameError

A, B = uuid.UUID("550e8400-e29b-41d4-a716-446655440000"), uuid.UUID("ffffffff-0000-4000-8000-0123456789ab")
SPELLINGS = ("{}", "{{{}}}", "urn:uuid:{}", "URN:UUID:{}")
_PLAIN = "-".join(f"[0-9a-f]{{{count}}}" for count in (8, 4, 4, 4, 12))
SHAPE = re.compile(rf"(urn:uuid:)?{_PLAIN}|\{{{_PLAIN}\}}|[0-9a-f]{{32}}", re.IGNORECASE)


@pytest.mark.parametrize("dtype", [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint64()])
def test_integers_of_any_width(dtype: pa.DataType) -> None:
    ids, bad = parse_ids(pa.array([9, 0, 1, 127], dtype).slice(1), "id")
    assert ids.tolist() == [0, 1, 127]
    assert bad == []


def test_the_largest_integer_is_exact() -> None:
    ids, bad = parse_ids(pa.array([2**64 - 1, 2**53 + 1], pa.uint64()), "id")
    assert ids.tolist() == [2**64 - 1, 2**53 + 1]
    assert bad == []


@pytest.mark.parametrize(
    "array",
    [
        pa.array([A.bytes, B.bytes], pa.uuid()),
        pa.array([A.bytes, B.bytes], pa.binary(16)),
        pa.array([str(A), str(B)]),
        pa.array([str(A), str(B)], pa.large_string()),
        pa.array([str(A), str(B)], pa.string_view()),
        pa.array([A.hex, B.urn]).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_uuids_of_any_type(array: pa.Array) -> None:
    ids, bad = parse_ids(array.slice(1), "id")
    assert ids.is_uuid
    assert ids.tolist() == [str(B)]
    assert bad == []


@given(st.lists(st.tuples(st.uuids(), st.sampled_from((*SPELLINGS, "hex")), st.booleans())))
def test_uuid_text_in_any_spelling(rows: list[tuple[uuid.UUID, str, bool]]) -> None:
    texts = [
        value.hex if spelling == "hex" else spelling.format(str(value).upper() if upper else value)
        for value, spelling, upper in rows
    ]
    ids, bad = parse_ids(pa.array([str(A), *texts]), "id")
    assert ids.tolist() == [str(A), *(str(value) for value, _, _ in rows)]
    assert bad == []


@given(st.uuids(), st.sampled_from((*SPELLINGS, "hex")), st.integers(0, 44), st.sampled_from("0gG-{}:u \u00e9"))
def test_a_changed_letter_is_seen(value: uuid.UUID, spelling: str, place: int, letter: str) -> None:
    text = value.hex if spelling == "hex" else spelling.format(value)
    place %= len(text)
    changed = text[:place] + letter + text[place + 1 :]
    # The first row keeps text of nothing but digits from being refused as a column of numbers.
    ids, bad = parse_ids(pa.array([str(A), changed]), "id")
    if SHAPE.fullmatch(changed):
        assert bad == []
        assert ids[1] == str(uuid.UUID(re.sub("urn:uuid:|[{}]", "", changed, flags=re.IGNORECASE)))
    else:
        assert [found.rows.tolist() for found in bad] == [[1]]


@pytest.mark.parametrize(
    ("array", "rows", "values", "words"),
    [
        (pa.array([1, -5, 2, -6], pa.int8()), [1, 3], (-5, -6), "negative"),
        (pa.array([1, None, 2]), [1], (None,), "needs an id"),
        (pa.array([None, None]), [0, 1], (None, None), "needs an id"),
        (pa.array([A.bytes, None], pa.uuid()), [1], (None,), "needs an id"),
        (pa.array([str(A), "lamp-7", None]).filter(pa.array([True, True, False])), [1], ("lamp-7",), "not a UUID"),
        (pa.array(["12", str(A)]), [0], ("12",), "not a UUID"),
        (pa.array([str(A), str(A).replace("-", "_")]), [1], (str(A).replace("-", "_"),), "not a UUID"),
        (pa.array([str(A), "{" + str(A) + "]"]), [1], ("{" + str(A) + "]",), "not a UUID"),
        (pa.array(["a", str(A), "a"]).dictionary_encode(), [0, 2], ("a", "a"), "not a UUID"),
    ],
)  # fmt: skip
def test_bad_rows(array: pa.Array, rows: list[int], values: tuple[object, ...], words: str) -> None:
    ids, (bad,) = parse_ids(array, "id")
    assert len(ids) == len(array)
    assert bad.rows.tolist() == rows
    assert bad.values == values
    assert words in bad.message
    assert bad.way_out.endswith(".")


def test_unused_values_of_a_dictionary_are_no_matter() -> None:
    array = pa.DictionaryArray.from_arrays(pa.array([1, 1]), pa.array(["no id", str(A)]))
    ids, bad = parse_ids(array, "id")
    assert ids.tolist() == [str(A), str(A)]
    assert bad == []


@pytest.mark.parametrize(
    ("array", "row", "value", "words"),
    [
        (pa.array([1.0, 2.0]), 100, 1.0, ["floats cannot be ids", "all are whole numbers", ".astype('uint64')"]),
        (pa.array([None, 1.0]), 101, 1.0, ["in 1 row there is none", "merge or concat", "Drop or fill", "pl.UInt64"]),
        (pa.array([1.0, float("nan")]), 100, 1.0, ["in 1 row there is none"]),
        (pa.array([2.0**60]), 100, 2.0**60, ["2^53"]),
        (pa.array([1.5]), 100, 1.5, ["not all whole numbers", "id_from"]),
        (pa.array([1.0], pa.float16()), 100, 1.0, ["all are whole numbers"]),
        (pa.array([True]), 100, True, ["booleans", "id_from"]),
        (pa.array(["7", "8"]), 100, "7", ["numbers as text", ".astype('uint64')"]),
        (pa.array([None, "7.0"]), 101, "7.0", ["numbers as text"]),
        (pa.array([Decimal(7)]), 100, Decimal(7), ["decimals", "pl.UInt64"]),
        (pa.array([b"0123"]), 100, b"0123", ["bytes cannot be ids", "encode"]),
        (pa.array([[1]]), 100, [1], ["list<"]),
        (pa.array([], pa.float64()), None, None, ["floats cannot be ids"]),
    ],
)
def test_columns_that_cannot_be_ids(array: pa.Array, row: int | None, value: object, words: list[str]) -> None:
    with pytest.raises(FrameError) as caught:
        parse_ids(array, "key", 100)
    assert caught.value.column == "key"
    assert caught.value.row == row
    assert caught.value.value == value
    for word in ("'key'", *words):
        assert word in str(caught.value)


def test_an_empty_column_gives_no_ids() -> None:
    for dtype in (pa.int64(), pa.string(), pa.uuid(), pa.null()):
        ids, bad = parse_ids(pa.array([], dtype), "id")
        assert len(ids) == 0
        assert bad == []
    assert parse_ids(pa.array([], pa.uuid()), "id")[0].values.dtype == np.uint8
