"""What several versions of polars write, recorded: an older form may say less of an expression, never anything else."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import polars as pl
import pytest

from qframe.frames.polars_predicates.conjuncts import conjuncts
from qframe.model.predicate import And, Not, Opaque, Or, Predicate, Xor
from tests.frames.polars_predicates.frames import frame_of
from tests.frames.polars_predicates.meaning import possible, rows_of
from tests.frames.polars_predicates.versions import EXPRESSIONS, RECORDED

LINES: list[tuple[str, str, Any, list[str]]] = [tuple(json.loads(line)) for line in RECORDED.read_text().splitlines()]
FRAME = pl.concat([frame_of(seed) for seed in range(8)])
ROWS = rows_of(FRAME)


class Recorded:
    """An expression of which there is only what some polars wrote."""

    def __init__(self, tree: Any) -> None:
        self.tree = tree
        self.meta = self

    def serialize(self, *, format: str) -> str:  # noqa: A002
        assert format == "json"
        return json.dumps(self.tree)

    def __str__(self) -> str:
        return "recorded"


def _meaning(tree: Any) -> Predicate:
    return And(tuple(part.predicate for part in conjuncts(Recorded(tree), FRAME.schema)))  # type: ignore[arg-type]


def _known(predicate: Predicate) -> bool:
    match predicate:
        case Opaque():
            return False
        case Not(inner):
            return _known(inner)
        case And(parts) | Or(parts):
            return all(_known(part) for part in parts)
        case Xor(left, right):
            return _known(left) and _known(right)
    return True


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_every_version_means_what_polars_makes_of_it(name: str) -> None:
    lines = [line for line in LINES if line[0] == name]
    assert lines, "record it: python -m tests.frames.polars_predicates.versions"
    found = FRAME.select(EXPRESSIONS[name].alias("found")).to_series().to_list()
    found = found if len(found) == len(ROWS) else found * len(ROWS)
    for _, form, tree, versions in lines:
        meaning = _meaning(tree)
        for row, truth in zip(ROWS, found, strict=True):
            possibilities = possible(meaning, row)
            # Handed over, a predicate need only tell the rows that are true from the others.
            allowed = truth in possibilities or (form == "handed" and truth is None and False in possibilities)
            assert allowed, (form, versions, meaning, row)


@pytest.mark.parametrize("form", ["written", "handed"])
def test_older_versions_are_known_as_well_but_for_two_expressions(form: str) -> None:
    known: dict[str, set[str]] = defaultdict(set)
    for name, line_form, tree, versions in LINES:
        if line_form == form and _known(_meaning(tree)):
            for version in versions:
                known[version].add(name)
    newest = known["2.1.0"]
    assert len(newest) > 100
    assert known["2.0.0"] == newest
    # 1.44 compares the one as float64; 1.38 the other in microseconds.
    assert known["1.44.2"] >= newest - {"i > 2**63"}
    assert known["1.38.1"] >= newest - {"i > 2**63", "tns > time"}


def test_the_polars_in_use_is_known() -> None:
    for name, expression in EXPRESSIONS.items():
        recorded = [_meaning(tree) for other, form, tree, _ in LINES if (other, form) == (name, "written")]
        assert And(tuple(part.predicate for part in conjuncts(expression, FRAME.schema))) in recorded, name
