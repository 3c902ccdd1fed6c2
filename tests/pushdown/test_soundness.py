"""Random predicates over random frames: a scan gives what the frame gives, and exact means exact.

2,000 predicates; as many as QFRAME_TEST_PREDICATES says in `nox -s fuzz`. A failure names its seed, which
`judge_seed(collection, seed, …)` goes through again.
"""

from __future__ import annotations

import os

import polars as pl
import pytest

import qframe as qf
from tests.conftest import TARGETS
from tests.pushdown.judging import Tally, judge_seed
from tests.three import Three

PREDICATES = int(os.environ.get("QFRAME_TEST_PREDICATES", "2000"))
FIRST = int(os.environ.get("QFRAME_TEST_SEED", "0"))
EACH = 34
"""Predicates of one frame."""
CELLS = [(target, indexed) for target in TARGETS for indexed in (False, True)]


@pytest.fixture(scope="module")
def tallies() -> dict[tuple[str, bool], Tally]:
    """What the cells have come to."""
    return {}


@pytest.fixture
def collection(three: Three, request: pytest.FixtureRequest) -> qf.Collection:
    return three.collections[request.getfixturevalue("target")]


@pytest.mark.timeout(60 + PREDICATES // 5)
@pytest.mark.parametrize(("target", "indexed"), CELLS)
def test_random_predicates(
    collection: qf.Collection, target: str, indexed: bool, tallies: dict[tuple[str, bool], Tally]
) -> None:
    cell = CELLS.index((target, indexed))
    total = Tally()
    for round_ in range(-(-PREDICATES // (EACH * len(CELLS)))):
        total += judge_seed(collection, FIRST + round_ * len(CELLS) + cell, EACH, indexed=indexed)
    tallies[target, indexed] = total


def test_most_of_them_say_something(tallies: dict[tuple[str, bool], Tally]) -> None:
    """Half select 5 to 95 % of the rows, and four of ten are pushed exactly."""
    if len(tallies) < len(CELLS):
        pytest.skip("not all cells have been run")
    total = sum(tallies.values(), Tally())
    print(total)  # noqa: T201 - seen with -s
    assert total.predicates >= PREDICATES
    assert total.share("selective") >= 0.5, total
    assert total.share("exact") >= 0.4, total
    assert tallies["embedded", True].share("pushed") >= 0.4, total


@pytest.mark.parametrize("name", ["price", "x-y", "a b", "a.b", "ümlaut", "日本", "मात्रा"])
def test_an_index_is_known_however_its_path_is_spelt(three: Three, name: str) -> None:
    """The server quotes only what it must; an integer index that is overlooked loses rows with fractions."""
    frame = pl.DataFrame({"id": [1, 2, 3], name: [8.25, 1.0, None]})
    three.create()
    three.upsert(frame, vector=False)
    three.all(lambda collection: collection.create_index(f'"{name}"', "integer"))
    found = three.same(lambda collection: collection.scan(schema=frame.schema).filter(pl.col(name) == 8.25).collect())
    assert found["id"].to_list() == [1]
