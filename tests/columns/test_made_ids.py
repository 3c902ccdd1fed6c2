"""Ids made from columns and random ids: the same on every machine, told by the standard library's uuid5."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.columns.made_ids import NAMESPACE, ids_from, random_ids
from qframe.errors import FrameError

U = uuid.UUID("550e8400-e29b-41d4-a716-446655440000")
SECOND = dt.datetime(1970, 1, 1, 0, 0, 1)


def _one(array: pa.Array) -> str:
    ids, bad = ids_from({"x": array})
    assert bad == []
    return str(ids[0])


@pytest.mark.parametrize(
    ("array", "name"),
    [
        (pa.array([5], pa.int8()), "i1:5"),
        (pa.array([5], pa.uint64()), "i1:5"),
        (pa.array([-5], pa.int64()), "i2:-5"),
        (pa.array([2**64 - 1], pa.uint64()), "i20:18446744073709551615"),
        (pa.array(["A-1"]), "s3:A-1"),
        (pa.array(["é"], pa.large_string()), "s2:é"),
        (pa.array(["é"], pa.string_view()), "s2:é"),
        (pa.array([""]), "s0:"),
        (pa.array(["é"]).dictionary_encode(), "s2:é"),
        (pa.array([True]), "b4:true"),
        (pa.array([False]), "b5:false"),
        (pa.array([dt.date(1970, 1, 3)]), "d1:2"),
        (pa.array([dt.date(1969, 12, 31)], pa.date64()), "d2:-1"),
        (pa.array([SECOND], pa.timestamp("s")), "t7:1000000"),
        (pa.array([SECOND], pa.timestamp("ms")), "t7:1000000"),
        (pa.array([SECOND], pa.timestamp("us", "Europe/Berlin")), "t7:1000000"),
        (pa.array([SECOND], pa.timestamp("ns", "UTC")), "t7:1000000"),
        (pa.array([U.bytes], pa.uuid()), "u36:550e8400-e29b-41d4-a716-446655440000"),
        (pa.array([Decimal("1.50")]), "n3:1.5"),
        (pa.array([Decimal("1.5")], pa.decimal256(50, 9)), "n3:1.5"),
        (pa.array([Decimal("-20.00")]), "n3:-20"),
        (pa.array([Decimal("0.00")]), "n1:0"),
        (pa.array([Decimal("1234567890123456789012345678901234567.8")]), "n39:1234567890123456789012345678901234567.8"),
    ],
    ids=str,
)
def test_the_name_of_each_kind_of_value(array: pa.Array, name: str) -> None:
    assert _one(array) == str(uuid.uuid5(NAMESPACE, name))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"sku": pa.array(["A-1"]), "region": pa.array([5], pa.int16())}, "a7a6326d-2df3-510b-8f71-eca6a0033843"),
        ({"region": pa.array([5]), "sku": pa.array(["A-1"])}, str(uuid.uuid5(NAMESPACE, "i1:5s3:A-1"))),
    ],
)
def test_vectors_that_must_never_change(columns: dict[str, pa.Array], expected: str) -> None:
    assert ids_from(columns)[0].tolist() == [expected]


def test_the_namespace_is_that_of_the_name_qframe() -> None:
    assert uuid.uuid5(uuid.NAMESPACE_DNS, "qframe") == NAMESPACE
    other = ids_from({"x": pa.array([5])}, uuid.NAMESPACE_URL)[0][0]
    assert other == str(uuid.uuid5(uuid.NAMESPACE_URL, "i1:5"))


def test_columns_delimit_themselves() -> None:
    one = ids_from({"a": pa.array(["as1:b", "a"]), "b": pa.array(["c", "s1:bc"])})[0].tolist()
    assert len(set(one)) == 2


@given(st.lists(st.tuples(st.text(), st.integers(-(2**63), 2**63 - 1), st.booleans()), max_size=30), st.integers(0, 5))
def test_any_rows_as_the_standard_library_names_them(rows: list[tuple[str, int, bool]], skip: int) -> None:
    text, number, flag = (pa.array([row[i] for row in rows], dtype).slice(skip)
                          for i, dtype in enumerate((pa.string(), pa.int64(), pa.bool_())))  # fmt: skip
    ids, bad = ids_from({"text": text, "number": number, "flag": flag})
    assert bad == []
    expected = []
    for word, value, yes in rows[skip:]:
        truth = "true" if yes else "false"
        name = f"s{len(word.encode())}:{word}i{len(str(value))}:{value}b{len(truth)}:{truth}"
        expected.append(str(uuid.uuid5(NAMESPACE, name)))
    assert ids.tolist() == expected


def test_nulls_and_nanoseconds_are_bad_rows() -> None:
    ids, bad = ids_from(
        {"a": pa.array(["x", None, "y"]), "t": pa.array([None, 1000, 1001], pa.timestamp("ns"))}, first_row=7
    )
    assert len(ids) == 3
    found = [(item.column, item.rows.tolist(), item.values) for item in bad]
    assert found == [
        ("a", [1], (None,)),
        ("t", [0], (None,)),
        ("t", [2], ("1970-01-01T00:00:00.000001001",)),
    ]


@pytest.mark.parametrize(
    ("array", "row", "words"),
    [
        (pa.array([None, 1.5]), 8, ["floats", "Cast the column"]),
        (pa.array([[1]]), 7, ["list<"]),
        (pa.array([b"x"]), 7, ["binary"]),
        (pa.array([None]), None, ["all its values are null"]),
        (pa.array([1], pa.duration("s")), 7, ["duration"]),
    ],
)
def test_columns_without_a_name(array: pa.Array, row: int | None, words: list[str]) -> None:
    with pytest.raises(FrameError) as caught:
        ids_from({"x": array}, first_row=7)
    assert (caught.value.column, caught.value.row) == ("x", row)
    for word in ("'x'", *words):
        assert word in str(caught.value)


@given(st.integers(0, 2**128 - 1), st.integers(0, 10**9), st.integers(0, 40), st.data())
def test_random_ids_depend_on_seed_and_position_alone(seed: int, start: int, count: int, data: st.DataObject) -> None:
    every = random_ids(count, seed, start).tolist()
    first = data.draw(st.integers(0, count))
    last = data.draw(st.integers(first, count))
    assert random_ids(last - first, seed, start + first).tolist() == every[first:last]
    assert {uuid.UUID(str(value)).version for value in every} <= {4}
    assert {uuid.UUID(str(value)).variant for value in every} <= {uuid.RFC_4122}
    assert len(set(every)) == count
    assert count == 0 or every != random_ids(count, seed ^ 1, start).tolist()


def test_random_ids_never_change() -> None:
    assert random_ids(3, 5, 0).tolist() == [
        "910cfd34-62c6-46bb-88ea-780d685c2c97",
        "a394c2f5-7bf7-4235-be08-6f0e5d3e8071",
        "069ca323-3263-4e3f-9f33-bfd5b29576ad",
    ]


def test_random_bits_are_random() -> None:
    bits = np.unpackbits(random_ids(20_000, 1).values, axis=1).mean(axis=0)
    fixed = {48, 49, 50, 51, 64, 65}
    free = [bit for bit in range(128) if bit not in fixed]
    assert np.abs(bits[free] - 0.5).max() < 0.02
