"""Stored values that do not fit their column: an error that names them or null, whatever is filtered; nothing else."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import polars as pl
import pytest

import qframe as qf
from tests import conftest
from tests.pushdown.strategy import Predicates
from tests.pushdown.strategy_frames import STRUCT, random_stored
from tests.three import Three

ODD: list[Any] = [
    *(True, False, 0, 1, -1, 3.0, 2.5, 2**53 + 1, 2**63 - 1, -(2**63), 1e300, -0.0, 5e-324),
    *("", "a", "ab", "3", "true", "null", "red", "2024-01-31", "2024-01-31T12:00:00Z", "1969-12-31T23:59:59.999999Z"),
    *("2024-02-30", "00:30:00", "PT7H", "00000070-0000-0000-0000-000000000001", "2024-01-31T12:00:00+02:00"),
    *([], [1], [1, None], [None], [2**63 - 1], [1.5], ["a"], ["a", None], [[1], []], [[[1]]], [True], ["2024-01-31"]),
    *({"x": 1}, {"x": "a"}, {"x": {"x": 1}}, {"y y": 3}, {"in": {"z.1": "a"}}, {"in": 3}, {"l": [1.5]}),
    *([{"x": 1}], {"x": [1]}, {"in": {"on": "true"}}, {"in": {"at": "yesterday"}}, {"other": 1}),
]


def _deep(levels: int, *, lists: bool) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value] if lists else {"x": value}
    return value


ODD += [_deep(20, lists=True), _deep(9, lists=False)]


@dataclass
class Mixed:
    """A collection in which some cells hold what their column cannot.

    Parameters
    ----------
    collection : Collection
    schema : polars.Schema
    odd : dict
        (id, column) → what was put there.
    vector : str
    """

    collection: qf.Collection
    schema: pl.Schema
    odd: dict[tuple[Any, str], Any]
    vector: str

    def nulled(self) -> pl.DataFrame:
        return self.collection.scan(schema=self.schema, on_mismatch="null", pushdown="off").collect()


def mix(collection: qf.Collection, rng: random.Random, *, indexed: bool) -> Mixed:
    """A random frame, and odd values over some of its cells."""
    stored = random_stored(rng, rows=60, columns=8)
    options: Any = {"vector": stored.vector}
    collection.create_collection(stored.frame, distance="dot", if_exists="replace", **options)
    assert collection.upsert(stored.frame, null_vectors="omit", nulls=stored.nulls, **options).ok
    columns = [name for name in stored.frame.columns if name not in ("id", stored.vector)]
    odd: dict[tuple[Any, str], Any] = {}
    for row, value in zip(rng.sample(range(60), 22), rng.sample(ODD, 22), strict=True):
        cell = stored.frame["id"][row], rng.choice(columns)
        change = pl.DataFrame({"id": stored.frame["id"][row : row + 1], cell[1]: pl.Series([value])})
        assert collection.set_payload(change).ok
        odd[cell] = value
    for path, kind in stored.indexes.items() if indexed else ():
        collection.create_index(path, kind)
    return Mixed(collection, stored.frame.schema, odd, stored.vector)


def fits(dtype: Any, value: Any) -> bool | None:  # noqa: C901 - a table, said in words of its own
    """Whether a type has a JSON value; None where that takes a parser."""
    match dtype:
        case pl.Boolean:
            return isinstance(value, bool)
        case pl.Float64 | pl.Float32:
            if isinstance(value, int) and not isinstance(value, bool):
                return dtype == pl.Float32 or int(float(value)) == value
            return isinstance(value, float) and (dtype == pl.Float64 or abs(value) < 1e38)
        case pl.String | pl.Categorical():
            return isinstance(value, str)
        case pl.Enum():
            return isinstance(value, str) and value in dtype.categories
        case pl.List():
            if not isinstance(value, list):
                return False
            inner = [fits(dtype.inner, one) for one in value if one is not None]
            return False if False in inner else None if None in inner else True
        case pl.Struct():
            if not isinstance(value, dict):
                return False
            found = [
                fits(field.dtype, value[field.name]) for field in dtype.fields if value.get(field.name) is not None
            ]
            return False if False in found else None if None in found else True
    if dtype.is_integer():
        low, high = (dtype.min(), dtype.max())
        low, high = pl.select(low).item(), pl.select(high).item()
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    return None if isinstance(value, str) else False


def same(dtype: Any, value: Any, found: Any) -> bool:
    """Whether a cell says what is stored."""
    if value is None or found is None:
        return value is None and found is None
    if isinstance(dtype, pl.Struct):
        return all(same(field.dtype, value.get(field.name), found[field.name]) for field in dtype.fields)
    if isinstance(dtype, pl.List):
        return len(value) == len(found) and all(same(dtype.inner, *pair) for pair in zip(value, found, strict=True))
    if dtype == pl.Float32:
        return math.isclose(value, found, rel_tol=1e-6, abs_tol=1e-44)
    if dtype.is_temporal():  # the parsers have tests of their own
        return True
    return type(found) is (float if dtype.is_float() else type(value)) and found == value


@pytest.fixture(scope="module", params=[*itertools.product(conftest.TARGETS, (False, True))], ids=str)
def mixed(request: pytest.FixtureRequest, three_connections: dict[str, qf.Connection]) -> Iterator[list[Mixed]]:
    target, indexed = request.param
    with Three.on({f"{target}{number}": three_connections[target] for number in range(3)}) as several:
        collections = several.collections.values()
        yield [mix(c, random.Random(f"{target}{n}{indexed}"), indexed=indexed) for n, c in enumerate(collections)]


def test_every_value_is_itself_or_null(mixed: list[Mixed]) -> None:
    for one in mixed:
        whole = one.nulled()
        for (point, column), value in one.odd.items():
            dtype = one.schema[column]
            found = whole.row(by_predicate=pl.col("id") == point, named=True)[column]
            fit = fits(dtype, value)
            if fit is False or (fit is None and found is None):
                assert found is None, (column, dtype, value)
            else:
                assert same(dtype, value, found), (column, dtype, value, found)


def test_an_error_names_point_field_and_value(mixed: list[Mixed]) -> None:
    for one in mixed:
        for column in sorted({column for _, column in one.odd}):
            dtype = one.schema[column]
            unfit = {
                point: value for (point, at), value in one.odd.items() if at == column and fits(dtype, value) is False
            }
            _, error = caught(one.collection.scan(schema=one.schema).select("id", column))
            if error is None:
                assert not unfit, (column, dtype)
                continue
            assert error.field == column
            assert (error.point_id, column) in one.odd
            assert equal(error.value, one.odd[error.point_id, column])
            assert repr(column) in str(error)
            assert str(error.point_id) in str(error)


def equal(found: Any, stored: Any) -> bool:
    """As JSON; -0.0 and 3.0 stay floats."""
    return json.dumps(found, sort_keys=True) == json.dumps(stored, sort_keys=True)


def test_predicates(mixed: list[Mixed]) -> None:
    """With null for what does not fit, as on the frame. Otherwise every conforming row it selects, or the error."""
    for number, one in enumerate(mixed):
        whole = one.nulled()
        unfit = {
            point
            for (point, column), value in one.odd.items()
            if value is not None and whole.row(by_predicate=pl.col("id") == point, named=True)[column] is None
        }
        rng = random.Random(number)
        lenient = one.collection.scan(schema=one.schema, on_mismatch="null")
        strict = one.collection.scan(schema=one.schema)
        for predicate in itertools.islice(Predicates(rng, whole, (one.vector,)), 40):
            told = f"{number}: {predicate}\n{one.collection.info().indexes}\n{one.odd}"
            expected = whole.filter(predicate)
            found = lenient.filter(predicate).collect()
            assert set(found["id"]) == set(expected["id"]), told
            assert found.sort("id").equals(expected.sort("id")), told
            kept, error = caught(strict.filter(predicate))
            if error is None:
                assert set(kept["id"]) == set(expected["id"]) - unfit, told
            else:
                assert (error.point_id, error.field) in one.odd, told
                assert error.point_id in unfit, told


def caught(query: pl.LazyFrame) -> tuple[pl.DataFrame, qf.MismatchError | None]:
    """What a query gives, or the one error it may raise."""
    try:
        return query.collect(), None
    except qf.MismatchError as error:
        return pl.DataFrame(), error


OTHERS = [
    "9223372036854775808",
    "18446744073709551615",
    '[1, "a", null, {"x": []}]',
    '{"x": 18446744073709551615, "in": {"z.1": [[]]}}',
    "[9223372036854775808]",
]
"""JSON that qframe does not write."""


@pytest.fixture(scope="module")
def of_others(three_connections: dict[str, qf.Connection]) -> Iterator[Three]:
    """Points 0, 1, … hold OTHERS under `v`, the next one holds 7; written by another client."""
    rest = three_connections["rest"]
    with Three.on({target: three_connections[target] for target in ("rest", "grpc")}) as two:
        two.create()
        for collection in two.collections.values():
            points = [
                f'{{"id": {n}, "vector": {{}}, "payload": {{"v": {text}}}}}' for n, text in enumerate([*OTHERS, "7"])
            ]
            httpx.put(
                f"{rest.target}/collections/{collection.name}/points?wait=true",
                content=f'{{"points": [{", ".join(points)}]}}'.encode(),
                headers=dict(rest.metadata()),
                trust_env=False,
            ).raise_for_status()
        yield two


@pytest.mark.parametrize("dtype", [pl.Int64, pl.UInt64, pl.Int8, pl.String, pl.Boolean, pl.List(pl.Int64), STRUCT])
def test_what_other_clients_write(of_others: Three, dtype: Any) -> None:
    """None of it fits any of these types; what is null here stays so under every filter."""
    sound = 5 if dtype in (pl.Int64, pl.UInt64, pl.Int8) else None
    whole = of_others.same(lambda c: c.scan(schema={"v": dtype}, on_mismatch="null", pushdown="off").collect())
    assert whole.drop_nulls("v")["id"].to_list() == ([] if sound is None else [sound])
    of_others.same(lambda c: str(caught(c.scan(schema={"v": dtype}))[1]).replace(c.name, ""))
    rng = random.Random(1)
    for predicate in itertools.islice(Predicates(rng, whole), 30):
        expected = whole.filter(predicate)
        for collection in of_others.collections.values():
            found = collection.scan(schema={"v": dtype}, on_mismatch="null").filter(predicate).collect()
            assert found.sort("id").equals(expected), predicate
            kept, error = caught(collection.scan(schema={"v": dtype}).filter(predicate))
            assert error is not None or set(kept["id"]) == set(expected["id"]) & {sound}, predicate


def test_floats_of_other_clients(of_others: Three) -> None:
    """As floats they are what floats can say of them."""
    whole = of_others.same(lambda c: c.scan(schema={"v": pl.Float64}, on_mismatch="null").collect())
    assert whole["v"].to_list() == [2.0**63, 2.0**64, None, None, None, 7.0]
    for predicate in (pl.col("v") > 2.0**63, pl.col("v") >= 2.0**64, pl.col("v") == 2.0**63, pl.col("v") <= 7):
        found = of_others.same(
            lambda c, by=predicate: c.scan(schema={"v": pl.Float64}, on_mismatch="null").filter(by).collect()
        )
        assert found.equals(whole.filter(predicate)), predicate
