"""Random predicates over random payloads: filters find at least the rows that are true, and exact ones no other."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from qdrant_client import grpc, models
from qdrant_client.conversions.conversion import GrpcToRest

from qframe.backends.grpc.filters import encode_filter
from qframe.filters.lowering import push
from qframe.filters.pushed import Facts, Part
from qframe.model.predicate import Conjunct, Predicate
from tests.filters.reference import READINGS, evaluate
from tests.filters.shard import Row, Stored
from tests.filters.strategy import FITTING, INDEXES, TEXT_IDS, random_payload, random_schema, with_numbers, with_texts

POINTS = 64
EXAMPLES = 170
CHANGING = ["integer", "float", "datetime", "uuid"]
"""Index types that change what some conditions find."""
VERSIONS = [(1, 12, 4), (1, 18, 2), (1, 19, 0), (1, 20, 0)]


class Case:
    """A collection, what is read of it, and the facts about it."""

    def __init__(self, seed: int, indexed: str, messy: bool = False, lenient: bool = False) -> None:
        random = Random(f"{seed} {indexed} {messy}")
        text_ids = seed % 3 == 2
        self.predicates = with_texts if text_ids else with_numbers
        schema = random_schema(random, text_ids)
        payloads = [random_payload(random, schema) for _ in range(POINTS)]
        if messy:
            payloads = [_messy(random, payload) for payload in payloads]
        indexes = _indexes(random, indexed)
        self.stored = Stored(payloads, indexes, TEXT_IDS if text_ids else range(POINTS))
        self.rows, self.misfits = self.stored.read(schema)
        proven = frozenset(field.name for field in schema.payload if random.random() < 0.7)
        self.facts = Facts(schema, (1, 20, 0), indexes, proven=proven, lenient=lenient)
        self.name = f"{seed}, {indexed} indexes"

    def __repr__(self) -> str:
        return self.name


def _indexes(random: Random, kind: str) -> dict[str, str]:
    if kind == "none":
        return {}
    if kind == "fitting":
        return {path: FITTING[path] for path in FITTING if random.random() < 0.8}
    return {path: random.choice([*INDEXES, *CHANGING * 3]) for path in FITTING if random.random() < 0.9}


def _messy(random: Random, payload: Row) -> Row:
    odd = [
        1,
        2.5,
        "a",
        True,
        [],
        [1, "a"],
        ["a"],
        {"a": 1},
        [None],
        {},
        "2024-01-31T00:00:00Z",
        2**70,
        [0.1],
        [[1]],
        3.0,
    ]
    return {name: random.choice(odd) if random.random() < 0.1 else value for name, value in payload.items()}


@pytest.fixture(scope="module", params=[(seed, indexed) for seed in range(5) for indexed in ("none", "fitting", "any")])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    found = Case(*request.param)
    assert not found.misfits
    yield found
    found.stored.close()


def _pushed(predicate: Predicate, facts: Facts, version: tuple[int, int, int]) -> Part:
    facts = Facts(facts.schema, version, facts.indexes, {}, facts.proven, facts.lenient)
    (part,) = push([Conjunct("it", predicate)], facts).parts
    assert bool(part.reasons) != part.exact
    return part


def _check(case: Case, predicate: Predicate, part: Part, but: set[Any]) -> None:
    found = {str(one) for one in case.stored.matching(part.filter)}
    for reading in READINGS:
        true = {str(row["id"]) for row in case.rows if evaluate(predicate, row, case.facts.schema, reading) is True}
        true -= but
        assert true <= found, ("lost", reading, part, true - found)
        if part.exact and not but:
            assert true == found, ("not exact", reading, part, found - true)


@given(data=st.data(), version=st.sampled_from(VERSIONS))
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
def test_filters_find_all_rows_and_exact_ones_no_other(case: Case, data: st.DataObject, version: Any) -> None:
    predicate = data.draw(case.predicates)
    part = _pushed(predicate, case.facts, version)
    event("exact" if part.exact else "nothing" if part.filter is None else "superset")
    _check(case, predicate, part, set())
    if part.filter is not None:
        _every_wire_takes(part.filter)


def _every_wire_takes(filter_: Any) -> None:
    """Both the official models and the official stubs read it, and as the same."""
    modelled = models.Filter.model_validate(filter_)
    message = grpc.Filter.FromString(encode_filter(filter_))
    assert _shown(GrpcToRest.convert_filter(message)) == _shown(modelled)


def _shown(modelled: models.Filter) -> Any:
    return _without_empty(modelled.model_dump(exclude_none=True, mode="json"))


def _without_empty(found: Any) -> Any:
    """Without the empty clauses that a message cannot tell from absent ones."""
    if isinstance(found, list):
        return [_without_empty(one) for one in found]
    if not isinstance(found, dict):
        return found
    clauses = ("must", "should", "must_not")
    return {key: _without_empty(one) for key, one in found.items() if key not in clauses or one}


@pytest.fixture(scope="module", params=[(seed, indexed) for seed in range(3) for indexed in ("none", "fitting", "any")])
def messy(request: pytest.FixtureRequest) -> Iterator[tuple[Case, Case]]:
    strict, lenient = (Case(*request.param, messy=True, lenient=lenient) for lenient in (False, True))
    assert strict.misfits
    yield strict, lenient
    strict.stored.close()
    lenient.stored.close()


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_what_does_not_fit_loses_no_row(messy: tuple[Case, Case], data: st.DataObject) -> None:
    """Rows that hold what does not fit cannot be read, or hold null; no other is lost, nor are they as null."""
    strict, lenient = messy
    predicate = data.draw(strict.predicates)
    _check(strict, predicate, _pushed(predicate, strict.facts, (1, 20, 0)), {*map(str, strict.misfits)})
    _check(lenient, predicate, _pushed(predicate, lenient.facts, (1, 20, 0)), set())
