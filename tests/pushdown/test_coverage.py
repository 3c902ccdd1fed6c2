"""Sixty ordinary predicates: how many the server evaluates, and that the answer is right whoever does."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest

import qframe as qf
from tests.conftest import connection_to
from tests.pushdown.coverage import PAGE, Covered, covered, page, store
from tests.pushdown.ordinary import ORDINARY, PANDAS, Ordinary
from tests.pushdown.ordinary_frame import SCHEMA, ordinary_frame

FRAME = ordinary_frame()


@pytest.fixture(scope="module")
def collection(request: pytest.FixtureRequest) -> Iterator[qf.Collection]:
    with connection_to("embedded", request) as connection:
        found = qf.collection("ordinary", connection=connection)
        store(found)
        yield found


@pytest.fixture(scope="module")
def all_covered(collection: qf.Collection) -> dict[str, Covered]:
    """By name."""
    return {one.name: covered(collection, FRAME, one) for one in ORDINARY}


def test_there_are_sixty() -> None:
    assert len({one.name for one in ORDINARY}) == 60


def test_most_are_pushed(all_covered: dict[str, Covered]) -> None:
    here = [name for name, one in all_covered.items() if one.pushed == "here"]
    exact = [name for name, one in all_covered.items() if one.pushed == "exact"]
    assert len(here) <= 5, here
    assert len(exact) >= 45, sorted({one.name for one in ORDINARY} - set(exact))


def test_the_table_is_what_running_them_gives(collection: qf.Collection, all_covered: dict[str, Covered]) -> None:
    """After a change: python -m tests.pushdown.coverage --write."""
    assert PAGE.read_text(encoding="utf-8") == page(collection, FRAME, list(all_covered.values()))


@pytest.mark.parametrize("one", ORDINARY, ids=lambda one: one.name)
def test_each_selects_what_it_selects_of_the_frame(
    collection: qf.Collection, all_covered: dict[str, Covered], one: Ordinary
) -> None:
    expected = FRAME.filter(one.polars)["id"].to_list()
    assert 0 < len(expected) < FRAME.height
    found = collection.scan(schema=FRAME.schema).filter(one.polars).select("id").collect()["id"].to_list()
    assert found == expected
    told = all_covered[one.name]
    if told.filter is not None:
        counted = collection.count(filter=told.filter)
        assert counted == len(expected) if told.pushed == "exact" else counted >= len(expected)


@pytest.mark.parametrize("one", PANDAS, ids=lambda one: one.name)
def test_each_in_pandas_terms(collection: qf.Collection, all_covered: dict[str, Covered], one: Ordinary) -> None:
    """The server is asked the same as in polars' terms, with every kind of dtypes."""
    expected = FRAME.filter(one.polars)["id"].to_list()
    for dtype_backend in ("numpy_nullable", "pyarrow", "numpy"):
        found = collection.read(
            schema=FRAME.schema, columns=[], filter=one.pandas, frame="pandas", dtype_backend=dtype_backend
        )
        assert isinstance(found, pd.DataFrame)
        assert found["id"].tolist() == expected
    assert covered(collection, FRAME, one, one.pandas).pushed == all_covered[one.name].pushed


def test_the_frame_has_the_types_it_says() -> None:
    assert dict(FRAME.schema) == SCHEMA
