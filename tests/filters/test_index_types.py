"""What an index of each type changes about each condition: measured on the engine, and what is made of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal

import pyarrow as pa
import pytest

from qframe.filters.lowering import push
from qframe.filters.pushed import Facts, Part
from qframe.model.predicate import (
    Column,
    Compare,
    Conjunct,
    HasElement,
    HasText,
    In,
    IsNull,
    Leaf,
    Length,
    Moment,
    Not,
    Predicate,
)
from qframe.model.schema import Field, Schema
from tests.filters.shard import Stored
from tests.filters.strategy import INDEXES, UUID, UUIDS

Verdict = Literal["exact", "superset", "nothing"]

X = Column(("x",))
DAY = dt.date(2024, 1, 31)
NOON = Moment(1_706_704_200_000_000_000)
STAMPS = [
    "2024-01-31T12:30:00Z",
    "2024-01-31T12:30:00.123456Z",
    "2024-01-31 14:30:00+02:00",
    "2024-01-31",
    "1969-12-31",
]
# Its neighbour is read as this one where it was written; an index keeps what was written.
MOVED = 0.9194881836076132
UNMOVED = 1.5

VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "int": (pa.int64(), [0, 1, -3, 5, 2**53 + 1, -(2**63), 2**63 - 1]),
    "float": (pa.float64(), [0, 1, 1.5, -3.25, 1e300, 0.9194881836076133]),
    "bool": (pa.bool_(), [True, False]),
    "text": (pa.large_string(), ["", "a", "ab", "AB", "5", "2024-01-31", "a b", *UUIDS]),
    "date": (pa.date32(), ["2024-01-31", "2024-02-01", "0001-01-01", "9999-12-31"]),
    "timestamp": (pa.timestamp("us"), STAMPS),
    "struct": (pa.struct([("a", pa.int64())]), [{}, {"a": 1}, {"a": None}]),
    "ints": (pa.list_(pa.int64()), [[1], [1, None], [None], [5, 1], [5, 5, 5]]),
    "floats": (pa.list_(pa.float64()), [[1.5], [1.5, None], [None], [2, 1.5], [2.5, 2.5]]),
    "bools": (pa.list_(pa.bool_()), [[True], [True, None], [None], [False, True]]),
    "texts": (pa.list_(pa.large_string()), [["a"], ["a", None], [None], ["b", "a"], [UUID], [UUID.upper(), "a"]]),
    "timestamps": (pa.list_(pa.timestamp("us")), [[one] for one in STAMPS] + [[STAMPS[0], None], [None]]),
}

ASKED: dict[str, dict[str, Leaf]] = {
    "int": {"match": Compare(X, "==", 5), "any": In(X, (1, 5)), "range": Compare(X, "<", 2)},
    "float": {"range": Compare(X, "<", UNMOVED), "equal": In(X, (3, UNMOVED)), "moved": Compare(X, "==", MOVED)},
    "bool": {"match": Compare(X, "==", True)},
    "text": {
        "match": Compare(X, "==", "a"),
        "any": In(X, ("a", "5")),
        "uuid": Compare(X, "==", UUID),
        "uuids": In(X, (UUID,)),
        "prefix": HasText(X, "prefix", "a"),
        "prefix of a uuid": HasText(X, "prefix", UUID),
        "substring": HasText(X, "substring", "b"),
    },
    "date": {"range": Compare(X, "<", DAY), "equal": Compare(X, "==", DAY)},
    "timestamp": {"range": Compare(X, ">=", NOON), "equal": Compare(X, "==", NOON)},
    "struct": {},
    "ints": {"match": HasElement(X, 1), "count": Length(X, ">=", 2)},
    "floats": {"range": HasElement(X, 1.5), "count": Length(X, "==", 1)},
    "bools": {"match": HasElement(X, True), "count": Length(X, ">", 0)},
    "texts": {"match": HasElement(X, "a"), "uuid": HasElement(X, UUID), "count": Length(X, "==", 2)},
    "timestamps": {"range": HasElement(X, NOON), "count": Length(X, "==", 2)},
}

NO_DATES: Mapping[str, Verdict] = {"integer": "nothing", "float": "nothing"}
NO_UUIDS: Mapping[str, Verdict] = {"integer": "nothing", "float": "nothing", "datetime": "nothing", "uuid": "superset"}
TABLE: dict[tuple[str, str], Mapping[str, Verdict]] = {
    ("int", "range"): {"datetime": "nothing"},
    ("float", "range"): {"integer": "nothing", "datetime": "nothing"},
    ("float", "equal"): {"integer": "nothing", "datetime": "nothing"},
    ("float", "moved"): {"integer": "nothing", "datetime": "nothing", "float": "superset"},
    ("text", "uuid"): NO_UUIDS,
    ("text", "uuids"): NO_UUIDS,
    ("date", "range"): NO_DATES,
    ("date", "equal"): NO_DATES,
    ("timestamp", "range"): NO_DATES,
    ("timestamp", "equal"): NO_DATES,
    ("floats", "range"): {"integer": "nothing", "datetime": "nothing"},
    ("texts", "uuid"): NO_UUIDS,
    ("timestamps", "range"): NO_DATES,
}
"""Conditions that an index changes; every other pair of a condition and an index is exact."""

CAUTIOUS = {("text", "uuids", "integer"), ("text", "uuids", "float"), ("text", "uuids", "datetime")}
"""Not pushed although this engine answers them: of a single text the same index answers nothing."""


def pushed(family: str, predicate: Predicate, indexes: dict[str, str]) -> Part:
    schema = Schema((Field("x", VALUES[family][0]),))
    facts = Facts(schema, (1, 20, 0), indexes, proven=frozenset({"x"}))
    return push([Conjunct("it", predicate)], facts).parts[0]


def verdict(part: Part) -> Verdict:
    return "exact" if part.exact else "nothing" if part.filter is None else "superset"


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("family", VALUES)
def test_an_index_changes_what_the_table_says(family: str, index: str) -> None:
    dtype, values = VALUES[family]
    payloads = [*({"x": value} for value in values), {}, {"x": None}, {"x": []}, {"y": 1}]
    listed = pa.types.is_list(dtype)
    asked: dict[str, Predicate] = dict(ASKED[family])
    if not listed:
        asked |= {"empty": IsNull(X)}
    ids = range(len(payloads))
    with Stored(payloads, {}, ids) as bare, Stored(payloads, {"x": index}, ids) as indexed:
        for name, predicate in asked.items():
            expected = TABLE.get((family, name), {}).get(index, "exact")
            # Of UUIDs and an index of numbers, the negation is still answered without it.
            changed = [_changes(pushed(family, meant, {}), bare, indexed) for meant in (predicate, Not(predicate))]
            if (family, name, index) not in CAUTIOUS:
                assert any(changed) == (expected != "exact"), (name, index)
            assert verdict(pushed(family, predicate, {"x": index})) == expected, (name, index)
            negated = verdict(pushed(family, Not(predicate), {"x": index}))
            assert (negated == "exact") == (expected == "exact" and not listed), (name, index)


def _changes(part: Part, bare: Stored, indexed: Stored) -> bool:
    """Whether a filter that was made for no index finds other rows with one."""
    assert part.filter is not None
    return bare.matching(part.filter) != indexed.matching(part.filter)
