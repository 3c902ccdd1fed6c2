"""What predicates become, one by one: the JSON, whether it is exact, and the words when it is not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import reduce
from typing import Any

import pyarrow as pa
import pytest

from qframe.filters.bounds import size
from qframe.filters.lowering import MAX_LEVELS, push
from qframe.filters.pushed import NOTHING, Facts, Part
from qframe.model.predicate import (
    Always,
    And,
    Column,
    Compare,
    Conjunct,
    HasElement,
    HasText,
    In,
    IsNull,
    Length,
    Moment,
    Not,
    Opaque,
    Or,
    Predicate,
    Xor,
)
from qframe.model.schema import Field, Schema, VectorField

TYPES = {
    "i": pa.int64(), "u": pa.uint64(), "small": pa.int8(), "f": pa.float64(), "f32": pa.float32(), "s": pa.string(),
    "b": pa.bool_(), "d": pa.date32(), "t": pa.timestamp("us"), "ns": pa.timestamp("ns", "UTC"), "tm": pa.time64("us"),
    "dec": pa.decimal128(9, 2), "l": pa.list_(pa.int64()), "st": pa.struct([("a b", pa.int64()), ('"', pa.int64())]),
    "a.b": pa.int64(), 'q"': pa.int64(),
}  # fmt: skip
SCHEMA = Schema(
    (*(Field(name, dtype) for name, dtype in TYPES.items()), Field("j", pa.large_string(), json=True)),
    (VectorField("vector", "", "dense", 2), VectorField("title", "title", "dense", 2)),
    extra="column",
)
PROVEN = frozenset({*TYPES, "j"})
DAY = dt.date(2024, 1, 31)


def pushed(predicate: Predicate, **facts: Any) -> Part:
    whole = Facts(**{"schema": SCHEMA, "version": (1, 20, 0), "proven": PROVEN, **facts})
    return push([Conjunct("it", predicate)], whole).parts[0]


def column(*path: str) -> Column:
    return Column(path)


I, F, S, T, L, NS = (column(name) for name in ("i", "f", "s", "t", "l", "ns"))  # noqa: E741
ONE = Compare(I, "==", 1)
IS_ONE = {"key": "i", "match": {"value": 1}}
NO_I = {"is_empty": {"key": "i"}}

EXACT: list[tuple[Predicate, Mapping[str, Any] | None]] = [
    (ONE, {"must": [IS_ONE]}),
    (Compare(I, "==", 2.5), NOTHING),
    (Compare(I, "==", 2.0), {"must": [{"key": "i", "match": {"value": 2}}]}),
    (Compare(I, ">", 2.5), {"must": [{"key": "i", "range": {"gte": 3}}]}),
    (Compare(I, "<=", 2.5), {"must": [{"key": "i", "range": {"lte": 2}}]}),
    (Compare(I, "<", 2), {"must": [{"key": "i", "range": {"lte": 1}}]}),
    (Compare(I, "<", 2**64), {"must_not": [NO_I]}),
    (Compare(I, ">", 2**64), NOTHING),
    (Compare(I, "!=", 2**64), {"must_not": [NO_I]}),
    (Compare(I, "==", 2**53 + 1), {"must": [{"key": "i", "match": {"value": 2**53 + 1}}]}),
    (Compare(column("small"), ">", 127), NOTHING),
    (Compare(I, "!=", 1), {"must_not": [IS_ONE, NO_I]}),
    (Compare(I, "!=", 1, "true"), {"must_not": [IS_ONE]}),
    (Not(Compare(I, "==", 1, "false")), {"must_not": [IS_ONE]}),
    (Compare(I, "==", 1, "true"), {"should": [IS_ONE, NO_I]}),
    (In(I, ()), NOTHING),
    (In(I, (1, 2, 2)), {"must": [{"key": "i", "match": {"any": [1, 2]}}]}),
    (Not(In(I, (1, 2))), {"must_not": [{"key": "i", "match": {"any": [1, 2]}}, NO_I]}),
    (In(F, (0.5, 24)), {"should": [{"key": "f", "range": {"gte": v, "lte": v}} for v in (0.5, 24.0)]}),
    (Compare(F, "<", 0.05), {"must": [{"key": "f", "range": {"lt": 0.05}}]}),
    (Compare(column("b"), "==", True), {"must": [{"key": "b", "match": {"value": True}}]}),
    (In(column("b"), (True, False)), {"must_not": [{"is_empty": {"key": "b"}}]}),
    (Compare(column("b"), ">", False), {"must": [{"key": "b", "match": {"value": True}}]}),
    (HasText(S, "prefix", "a"), {"must": [{"key": "s", "match": {"prefix": "a"}}]}),
    (HasText(S, "substring", "a"), {"must": [{"key": "s", "match": {"substring": "a"}}]}),
    (HasText(S, "prefix", ""), {"must_not": [{"is_empty": {"key": "s"}}]}),
    (Compare(column("d"), "<=", DAY), {"must": [{"key": "d", "range": {"lte": "2024-01-31T00:00:00Z"}}]}),
    (Compare(T, "<", Moment(1500)), {"must": [{"key": "t", "range": {"lt": "1970-01-01T00:00:00.000002Z"}}]}),
    (Compare(T, "==", Moment(1500)), NOTHING),
    (HasElement(L, 3), {"must": [{"key": "l", "match": {"value": 3}}]}),
    (Not(HasElement(L, 3, "false")), {"must_not": [{"key": "l", "match": {"value": 3}}]}),
    (Length(L, ">", 2), {"must": [{"key": "l", "values_count": {"gte": 3}}]}),
    (Length(L, "!=", 0), {"must": [{"key": "l", "values_count": {"gt": 0}}]}),
    (Compare(column("st", "a b"), "==", 1), {"must": [{"key": 'st."a b"', "match": {"value": 1}}]}),
    (Compare(column("a.b"), "==", 1), {"must": [{"key": '"a.b"', "match": {"value": 1}}]}),
    (IsNull(I), {"must": [NO_I]}),
    (Not(IsNull(I)), {"must_not": [NO_I]}),
    (Compare(column("id"), "==", 3), {"must": [{"has_id": [3]}]}),
    (Not(In(column("id"), (3, 4.0, 2.5, -1, 2**64))), {"must_not": [{"has_id": [3, 4]}]}),
    (Compare(column("id"), "!=", -1), None),
    (IsNull(column("id")), NOTHING),
    (IsNull(column("vector")), {"must_not": [{"has_vector": ""}]}),
    (Not(IsNull(column("title"))), {"must": [{"has_vector": "title"}]}),
    (Always(True), None),
    (Always(False), NOTHING),
    (Always(None), NOTHING),
    (And(()), None),
    (Or(()), NOTHING),
    (And((ONE, And((ONE, Compare(S, "==", "a"))))), {"must": [IS_ONE, {"key": "s", "match": {"value": "a"}}]}),
    (And((Opaque("it is odd"), Always(False))), NOTHING),
    (Or((Opaque("it is odd"), Always(True))), None),
    (Or((ONE, Or((ONE, IsNull(I))))), {"should": [IS_ONE, NO_I]}),
    (Not(Or((ONE, IsNull(I)))), {"must_not": [IS_ONE, NO_I]}),
    (Xor(IsNull(I), Always(True)), {"must_not": [NO_I]}),
]  # fmt: skip


@pytest.mark.parametrize(("predicate", "expected"), EXACT, ids=str)
def test_exact(predicate: Predicate, expected: Mapping[str, Any] | None) -> None:
    part = pushed(predicate)
    assert part.filter == expected
    assert part.exact
    assert part.reasons == ()


INEXACT: list[tuple[Predicate, Mapping[str, Any] | None, str, dict[str, Any]]] = [
    (Opaque("it is odd"), None, "it is odd", {}),
    (And((ONE, Opaque("it is odd"))), {"must": [IS_ONE]}, "it is odd", {}),
    (Not(And((ONE, Opaque("it is odd")))), None, "it is odd", {}),
    (Compare(column("zzz"), "==", 1), None, "no column 'zzz'", {}),
    (Compare(column("extra"), "==", "a"), None, "gathered from other keys", {}),
    (Compare(column("i", "a"), "==", 1), None, "no field of a struct column", {}),
    (Compare(column("id", "a"), "==", 1), None, "'id' has no field 'a'", {}),
    (Compare(column('q"'), "==", 1), None, "no path of Qdrant's can name", {}),
    (Compare(column("st", '"'), "==", 1), None, "no path of Qdrant's can name", {}),
    (Compare(S, "<", "a"), None, "Qdrant has no order of 's', which is string", {}),
    (Compare(S, "==", 1), None, "'s' is string and is compared with int", {}),
    (Compare(I, "==", True), None, "'i' is int64 and is compared with bool", {}),
    (Compare(I, "<", "a"), None, "'i' is int64 and is compared with str", {}),
    (Compare(T, "==", DAY), None, "compared with date", {}),
    (Compare(column("d"), "==", Moment(0)), None, "compared with Moment", {}),
    (Compare(column("tm"), "==", Moment(0)), None, "'tm' is time64[us]", {}),
    (Compare(column("dec"), "==", 1), None, "'dec', which is decimal128(9, 2)", {}),
    (Compare(L, "==", 1), None, "Qdrant does not compare 'l', which is list", {}),
    (HasElement(I, 1), None, "'i' is no list", {}),
    (Length(I, ">", 1), None, "'i' is no list", {}),
    (HasText(I, "prefix", "a"), None, "text in payload only", {}),
    (HasText(column("id"), "prefix", "a"), None, "text in payload only", {}),
    (Compare(column("id"), ">", 5), None, "no order of 'id', which is the id", {}),
    (Compare(column("id"), "==", "5"), None, "'id' holds integers", {}),
    (Compare(column("id"), "==", 1e18), None, "several integers", {}),
    (Compare(column("vector"), "==", 5), None, "the numbers of a vector", {}),
    (Compare(column("j"), "==", "5"), None, "'j' is read as JSON text", {}),
    (IsNull(column("j")), {"must": [{"is_empty": {"key": "j"}}]}, "an empty list in 'j'", {}),
    (IsNull(L), {"must": [{"is_empty": {"key": "l"}}]}, "an empty list in 'l'", {}),
    (Not(IsNull(L)), None, "an empty list in 'l'", {}),
    (Not(HasElement(L, 3)), {"must_not": [{"key": "l", "match": {"value": 3}}]}, "an empty list", {}),
    (Length(L, "<=", 2), {"must_not": [{"key": "l", "values_count": {"gte": 3}}]}, "an empty list", {}),
    (IsNull(I), None, "the type of 'i' is a guess", {"proven": frozenset()}),
    (IsNull(I), None, "the type of 'i' is a guess", {"proven": frozenset(), "indexes": {"i": "keyword"}}),
    (ONE, {"must": [IS_ONE]}, "read as null", {"lenient": True}),
    (IsNull(I), None, "read as null", {"lenient": True}),
    (Compare(I, "!=", 1), {"must_not": [IS_ONE, NO_I]}, "read as null", {"lenient": True}),
    (Compare(I, "!=", 1, "true"), None, "read as null", {"lenient": True}),
    (Compare(I, "!=", 1, "either"), {"must_not": [IS_ONE]}, "whether it keeps a row where 'i' is null", {}),
    (HasText(S, "prefix", "a"), None, "prefix search needs Qdrant 1.19, the server is 1.18.2", {"version": (1, 18, 2)}),
    (HasText(S, "substring", "a"), None, "substring search needs Qdrant 1.20", {"version": (1, 19, 1)}),
    (IsNull(column("vector")), None, "needs Qdrant 1.13", {"version": (1, 12, 4)}),
    (Compare(I, ">", 2**53), {"must": [{"key": "i", "range": {"gte": 2**53}}]}, "beyond 2^53", {}),
    (Compare(I, "<", 2**53 + 4), {"must": [{"key": "i", "range": {"lte": 2**53 + 4}}]}, "beyond 2^53", {}),
    (Compare(I, "<", 1e17), {"must": [{"key": "i", "range": {"lte": 10**17 + 16}}]}, "compared with a float", {}),
    (Compare(column("u"), "==", 2**63), {"must": [{"key": "u", "range": {"gte": 2**63 - 2048, "lte": 2**63 + 2048}}]},
     "beyond int64", {}),
    (Compare(F, "==", 2**53 + 1), {"must": [{"key": "f", "range": {"gte": 2.0**53, "lte": 2.0**53}}]},
     "an integer that it cannot hold", {}),
    (Compare(F, ">=", 1.0), {"must": [{"key": "f", "range": {"gte": 0.9999999999999998}}]}, "last digits",
     {"indexes": {"f": "float"}}),
    (Compare(column("f32"), "<", 1.0), {"must": [{"key": "f32", "range": {"lte": 1.0000001192092896}}]},
     "rounded to float", {}),
    (Compare(NS, "<", Moment(1500)), {"must": [{"key": "ns", "range": {"lte": "1970-01-01T00:00:00.000003Z"}}]},
     "'ns' has nanoseconds", {}),
    (Compare(T, "<", Moment(10**21)), None, "a year that RFC 3339 cannot write", {}),
    (In(I, tuple(range(20_001))), {"must": [{"key": "i", "range": {"gte": -1, "lte": 20_001}}]},
     "more than 20,000", {}),
    (In(F, tuple(i / 2 for i in range(1001))), {"must": [{"key": "f", "range": {"gte": 0.0, "lte": 500.0}}]},
     "more than 500 values", {}),
    (In(S, tuple(map(str, range(20_001)))), None, "more than 20,000 texts", {}),
    (In(column("id"), tuple(range(20_001))), None, "more than 20,000 ids", {}),
    (In(S, ("a", "b", "c")), None, "more than 2 texts", {"strict": {"condition_max_size": 2}}),
]  # fmt: skip


@pytest.mark.parametrize(("predicate", "expected", "reason", "facts"), INEXACT, ids=lambda one: str(one)[:80])
def test_inexact(predicate: Predicate, expected: Mapping[str, Any] | None, reason: str, facts: dict[str, Any]) -> None:
    part = pushed(predicate, **facts)
    assert part.filter == expected
    assert not part.exact
    assert any(reason in one for one in part.reasons), part.reasons


@pytest.mark.parametrize("indexes", [{"i": "integer"}, {'"i"': "integer"}])
def test_an_index_proves_a_type(indexes: dict[str, str]) -> None:
    assert pushed(IsNull(I), proven=frozenset(), indexes=indexes).exact


def test_ids_as_text() -> None:
    schema = Schema(id_type=pa.large_string())
    uuid = "550e8400-e29b-41d4-a716-446655440000"
    found = pushed(In(column("id"), ("7", "007", uuid, uuid.upper(), uuid.replace("-", ""), "", "-1")), schema=schema)
    assert found.filter == {"must": [{"has_id": [7, uuid]}]}
    assert found.exact
    assert pushed(Compare(column("id"), "==", 7), schema=schema).filter is None


def test_parts_are_joined() -> None:
    facts = Facts(SCHEMA, (1, 20, 0))
    parts = [Conjunct("a", ONE), Conjunct("b", Opaque("it is odd")), Conjunct("c", Compare(S, "==", "x"))]
    found = push(parts, facts)
    assert [part.text for part in found.parts] == ["a", "b", "c"]
    assert not found.exact
    assert found.filter == {"must": [IS_ONE, {"key": "s", "match": {"value": "x"}}]}


def test_bounds_from_both_sides_are_one_range() -> None:
    facts = Facts(SCHEMA, (1, 20, 0))
    sides = [Conjunct("a", Compare(I, ">", 1)), Conjunct("b", Compare(S, "==", "x")), Conjunct("c", Compare(I, "<", 9))]
    assert push(sides, facts).filter == {
        "must": [{"key": "i", "range": {"gte": 2, "lte": 8}}, {"key": "s", "match": {"value": "x"}}]
    }
    same = push([Conjunct("a", Compare(I, ">", 1)), Conjunct("b", Compare(I, ">=", 5))], facts).filter
    assert same == {"must": [{"key": "i", "range": {"gte": 2}}, {"key": "i", "range": {"gte": 5}}]}


def test_long_chains_are_one_level_and_deep_ones_stay() -> None:
    some = [Compare(I, "==", at) for at in range(900)]
    chain = reduce(lambda a, b: Or((a, b)), some)
    assert pushed(chain).exact
    assert len(pushed(chain).filter["should"]) == 900  # type: ignore[index]
    many = pushed(reduce(lambda a, b: Or((a, b)), [Compare(I, "==", at) for at in range(1001)]))
    assert many.filter is None
    assert many.reasons == ("its filter would have more than 1,000 conditions",)
    deep: Predicate = ONE
    for _ in range(MAX_LEVELS):
        deep = Not(deep)
    assert pushed(deep).reasons == (f"it has more than {MAX_LEVELS} operators within each other",)


def test_nesting_is_limited() -> None:
    deep: Predicate = ONE
    for at in range(20):
        deep = Or((And((deep, Compare(S, "==", str(at)))), Compare(F, "<", at + 0.5)))
    assert pushed(deep).reasons == ("its filter would be nested more than 16 deep",)


def test_a_chain_of_xor_does_not_explode() -> None:
    found = pushed(reduce(Xor, [Compare(I, "==", at) for at in range(40)]))
    assert found.filter is not None
    assert not found.exact
    assert size(found.filter) <= 1000


STRICT = {"unindexed_filtering_retrieve": False}


def test_strict_mode_takes_what_an_index_serves() -> None:
    indexes = {"i": "integer", "s": "keyword"}
    assert pushed(ONE, strict=STRICT, indexes=indexes).exact
    assert pushed(Compare(S, "==", "a"), strict=STRICT, indexes=indexes).exact
    assert pushed(IsNull(S), strict=STRICT, indexes=indexes).exact
    assert pushed(Compare(column("id"), "==", 1), strict=STRICT).exact
    for refused in (Compare(F, "<", 1.5), HasText(S, "substring", "a"), IsNull(T), Compare(column("b"), "==", True)):
        found = pushed(refused, strict=STRICT, indexes=indexes)
        assert found.filter is None
        assert "strict mode refuses filters on" in found.reasons[0]
    half = pushed(And((ONE, Compare(F, "<", 1.5))), strict=STRICT, indexes=indexes)
    assert half.filter == {"must": [IS_ONE]}


def test_strict_mode_limits_conditions() -> None:
    facts = Facts(SCHEMA, (1, 20, 0), strict={"filter_max_conditions": 3})
    two = Or((ONE, Compare(S, "==", "a")))
    found = push([Conjunct("a", two), Conjunct("b", two), Conjunct("c", ONE)], facts)
    assert [part.exact for part in found.parts] == [True, False, True]
    assert "allows 3 conditions" in found.parts[1].reasons[0]
