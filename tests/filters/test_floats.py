"""What the server's parser of numbers does to floats, and bounds that bear it."""

from __future__ import annotations

import math
import sys
from random import Random

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qframe.filters.floats import lower, reread, upper
from qframe.model.schema import Field, Schema
from tests.filters.shard import Stored

finite = st.floats(allow_nan=False, allow_infinity=False)


def test_the_engine_reads_as_foretold() -> None:
    random = Random(5)
    values = [random.uniform(-1, 1) * 10.0 ** random.randint(-40, 40) for _ in range(3000)]
    values += [random.random() for _ in range(1000)]
    schema = Schema((Field("x", pa.float64()),))
    with Stored([{"x": value} for value in values], {}, range(len(values))) as stored:
        found = [row["x"] for row in stored.read(schema)[0]]
    assert found == [reread(value) for value in values]
    assert sum(one != value for one, value in zip(found, values, strict=True)) > 200


def test_an_index_holds_what_was_written() -> None:
    """The value that is read is not the value that the index finds."""
    written = 0.9194881836076133
    read = reread(written)
    assert read != written
    # The second half of the points is written after the index was made.
    equal = {"gte": read, "lte": read}
    moved = {"gte": lower(read, False, True)[0], "lte": upper(read, False, True)[0]}
    with Stored([{"x": written}] * 4, {"x": "float"}, range(4)) as stored:
        assert stored.matching({"must": [{"key": "x", "range": equal}]}) == {0, 1}
        assert stored.matching({"must": [{"key": "x", "range": moved}]}) == {0, 1, 2, 3}


@pytest.mark.parametrize("value", [0.0, 1.0, 0.5, 0.05, 0.07, 24.0, 1e-5, 0.1, 99.99, 1e22])
def test_constants_of_few_digits_are_exact_without_an_index(value: float) -> None:
    for strict in (False, True):
        assert lower(value, strict, False) == upper(value, strict, False) == (value, True)


@example(value=-sys.float_info.max, steps=0, strict=False, indexed=True)
@example(value=0.1, steps=-1, strict=False, indexed=True)
@given(value=finite, steps=st.integers(-12, 12), strict=st.booleans(), indexed=st.booleans())
@settings(max_examples=2000)
def test_bounds_let_everything_through(value: float, steps: int, strict: bool, indexed: bool) -> None:
    written = value
    for _ in range(abs(steps)):
        written = math.nextafter(written, math.copysign(math.inf, steps))
    if not math.isfinite(written):
        return
    read, meant = written, False
    for _ in range(6 if indexed else 1):
        meant |= read > value if strict else read >= value
        read = reread(read)
    bound, exact = lower(value, strict, indexed)
    for sent in (bound, reread(bound)):
        passes = written > sent if strict and exact else written >= sent
        assert passes or not meant
        assert meant or not (passes and exact)
    assert upper(-value, strict, indexed) == (-bound, exact)
