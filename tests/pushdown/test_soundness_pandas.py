"""Random conditions in pandas' terms: a read with `filter=` gives what pandas selects of the whole frame.

A quarter as many as in polars' terms: each of them plans a read of its own.
"""

from __future__ import annotations

import itertools
import random
import warnings
from typing import Any

import pandas as pd
import pytest

import qframe as qf
from tests.conftest import TARGETS
from tests.pushdown.strategy import selective
from tests.pushdown.strategy_frames import random_stored
from tests.pushdown.strategy_pandas import PandasConditions
from tests.pushdown.test_soundness import FIRST, PREDICATES
from tests.three import Three

BACKENDS: tuple[Any, ...] = ("numpy_nullable", "pyarrow", "numpy")
CELLS = [(target, backend) for target in TARGETS for backend in BACKENDS]
EACH = 20


@pytest.fixture(scope="module")
def counts() -> dict[str, int]:
    return {"all": 0, "selective": 0}


@pytest.mark.timeout(60 + PREDICATES // 5)
@pytest.mark.parametrize(("target", "dtype_backend"), CELLS)
def test_random_conditions(three: Three, target: str, dtype_backend: Any, counts: dict[str, int]) -> None:
    collection, cell = three.collections[target], CELLS.index((target, dtype_backend))
    for round_ in range(-(-PREDICATES // (4 * EACH * len(CELLS)))):
        seed = FIRST + 10_000 + round_ * len(CELLS) + cell
        judge(collection, seed, dtype_backend, counts)


def judge(collection: qf.Collection, seed: int, dtype_backend: Any, counts: dict[str, int]) -> None:
    """The frame of a seed and its first conditions; every other seed with payload indexes."""
    rng = random.Random(seed)
    stored = random_stored(rng)
    collection.create_collection(stored.frame, vector=stored.vector, distance="dot", if_exists="replace")
    assert collection.upsert(stored.frame, vector=stored.vector, null_vectors="omit", nulls=stored.nulls).ok
    for path, kind in stored.indexes.items() if seed % 2 else ():
        collection.create_index(path, kind)
    options: Any = {
        "schema": stored.frame.drop(stored.vector).schema,
        "frame": "pandas",
        "dtype_backend": dtype_backend,
    }
    whole = collection.read(pushdown="off", **options)
    drawn = PandasConditions(rng, stored.frame.drop(stored.vector), whole)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what pandas says of comparisons that people should not write
        for condition in itertools.islice(drawn, EACH):
            expected = condition.of(whole)
            found = collection.read(filter=condition.filter, **options)
            told = f"\nseed {seed}, {dtype_backend}, {collection.info().indexes}\n{condition.told}"
            lost, more = set(expected["id"]) - set(found["id"]), set(found["id"]) - set(expected["id"])
            assert not lost, f"{told}\nlost {lost}"
            assert not more, f"{told}\ntoo many: {more}"
            expected = expected.reset_index(drop=True)
            if dtype_backend == "numpy":  # whose dtypes say whether there are nulls in the rows at hand
                found, expected = (rows.astype(object).where(rows.notna(), None) for rows in (found, expected))
            # Categories that nobody fixed stand in the order in which they come.
            pd.testing.assert_frame_equal(found, expected, check_categorical=False, obj=told)
            counts["all"] += 1
            counts["selective"] += selective(len(expected), len(whole))


def test_most_of_them_select_something(counts: dict[str, int]) -> None:
    assert counts["selective"] >= 0.5 * counts["all"]
