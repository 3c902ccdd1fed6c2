"""What a read promises where two parts of it meet: nothing is lost, doubled or changed unless somebody is told."""

from __future__ import annotations

import operator
from typing import Any

import polars as pl
import pytest

import qframe as qf

X, F = pl.col("x"), pl.col("f")
LONG = pl.DataFrame({"id": range(3_000)}).with_columns(x=pl.col("id") % 7, f=pl.col("id") / 2)


def raw(connection: qf.Connection, name: str, values: list[Any], key: str = "x") -> qf.Collection:
    """Points 0, 1, … with a value each, as it stands, under a key."""
    collection = qf.collection(name, connection=connection)
    collection.create_collection(config={"vectors": {}})
    for number, value in enumerate(values):
        assert collection.upsert(pl.DataFrame({"id": [number], key: pl.Series([value])})).ok
    return collection


@pytest.fixture
def long(embedded: qf.Connection, name: str) -> qf.Collection:
    """More points than a page has."""
    collection = qf.collection(name, connection=embedded)
    collection.create_collection(config={"vectors": {}})
    assert collection.upsert(LONG).ok
    return collection


OF_OTHER_ROWS: dict[str, pl.Expr] = {
    "in an or": (X == 1) | (F.max() == F),
    "in a xor": (X == 1) ^ (F.max() == F),
    "in any_horizontal": pl.any_horizontal(X == 1, F.cum_sum() < 20),
    "the height": pl.len() > 2_000,
    "the height in an or": (X == 1) | (pl.len() > 2_000),
    "the row number": pl.int_range(pl.len()) < 3,
    "the row number in a choice": pl.when(pl.int_range(pl.len()) < 5).then(X == 1).otherwise(statement=False),
    "a mask": pl.lit(pl.Series([row % 2 == 0 for row in range(3_000)])),
    "a mask in an and": (X == 1) & pl.lit(pl.Series([row % 2 == 0 for row in range(3_000)])),
    "a function of a column": X.map_batches(lambda column: column == int(column.max()), return_dtype=pl.Boolean),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("given", OF_OTHER_ROWS.values(), ids=OF_OTHER_ROWS)
def test_a_filter_at_the_source_that_looks_at_other_rows_is_refused_however_it_is_nested(
    long: qf.Collection, given: pl.Expr
) -> None:
    """Page by page each of these would keep other rows than of the whole frame."""
    reads: list[Any] = [long.read, long.scan, long.count, lambda **options: long.read(pushdown="off", **options)]
    for read in reads:
        with pytest.raises(qf.OptionError, match="other rows"):
            read(filter=given)
    # The way out that the error names.
    assert long.scan().filter(given).collect()["id"].sort().to_list() == LONG.filter(given)["id"].to_list()


TIMES = [
    *("2024-01-01T00:00:00Z", "2024-01-01t00:00:00z", "2024-01-01 00:00:00z", "2024-01-01t02:00:00+02:00"),
    *("2024-01-01T00:00:00", "2024-01-01 00:00:00.0", "2024-01-01", "2024-01-01t00:00:00", "2024-01-01t00:00:00.000"),
    *("2024-01-01T00:00", "2024-01-01T00:00:00 Z", "20240101", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00+0000"),
]


@pytest.mark.parametrize("index", [None, "datetime"])
def test_what_is_read_as_a_time_the_server_takes_for_one_too(
    connection: qf.Connection, name: str, index: str | None
) -> None:
    collection = raw(connection, name, TIMES)
    if index is not None:
        collection.create_index("x", index)
    scan = collection.scan(schema={"x": pl.Datetime("us")}, on_mismatch="null")
    read = scan.collect().drop_nulls("x")["id"].to_list()
    assert read == list(range(7))
    assert scan.filter(pl.col("x").dt.year() == 2024).collect()["id"].to_list() == read


@pytest.mark.parametrize("index", [None, "integer"])
@pytest.mark.parametrize("dtype", [pl.Int64, pl.UInt64])
def test_integers_are_compared_with_the_last_there_are(
    connection: qf.Connection, name: str, dtype: Any, index: str | None
) -> None:
    collection = raw(connection, name, [0, 1, 2**53 + 1, 2**63 - 2, 2**63 - 1])
    if index is not None:
        collection.create_index("x", index)
    scan = collection.scan(schema={"x": dtype})
    whole = scan.collect()
    last = pl.select(dtype.max()).item()
    for edge in (last, last - 1, last - 2, 2**63 - 1, 2**63 - 2):
        for sign in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne):
            kept = sign(X, pl.lit(edge, dtype=dtype))
            assert scan.filter(kept).collect().equals(whole.filter(kept)), (sign, edge)


@pytest.mark.parametrize("key", ["*", "^id$", "^.*$", "a.b", "a[]", 'a"b', "null", " x"])
def test_a_key_is_no_pattern_of_columns(connection: qf.Connection, name: str, key: str) -> None:
    collection = raw(connection, name, [1, 2, None, 3], key)
    scan, column = collection.scan(), pl.selectors.by_name(key)
    assert scan.collect().rows() == [(0, 1), (1, 2), (2, None), (3, 3)]
    assert scan.filter(column > 1).select(column).collect().rows() == [(2,), (3,)]
    assert scan.filter(column.as_expr().is_null()).select("id").collect().rows() == [(2,)]
    assert collection.read(filter=column != 2)["id"].to_list() == [0, 3]
    assert collection.count(filter=column >= 2) == 2
    assert scan.filter(column > 1).qdrant.explain().sources[0].parts[0].pushed != "here" or '"' in key


def test_a_payload_field_with_the_name_of_the_id(connection: qf.Connection, name: str) -> None:
    """As `upsert(id_from=["id"])` stores it. What looks at neither goes on; what may mean either is not guessed."""
    collection = qf.collection(name, connection=connection)
    collection.create_collection(config={"vectors": {}})
    # The field of each point is the id of the other.
    points = pl.DataFrame({"point": [1, 2], "id": [2, 1], "x": [1, 2]})
    assert collection.upsert(points, id="point").ok
    given: tuple[Any, ...] = (X == 1, "x == 1", lambda frame: frame["x"] == 1)
    for kept in given:
        assert collection.count(filter=kept) == 1
        assert collection.read(filter=kept, columns=["x"]).rows() == [(1, 1)]
        assert collection.set_payload(filter=kept, payload={"seen": True}).ok
    assert collection.read(columns=["seen"])["seen"].to_list() == [True, None]
    ambiguous: tuple[Any, ...] = (pl.col("id") == 1, "id == 1", lambda frame: frame["id"] == 1)
    for kept in ambiguous:
        for verb in (collection.count, collection.delete):
            with pytest.raises(qf.OptionError, match=r"'id' is a payload field and the id.*'key': 'id'"):
                verb(filter=kept)
    assert collection.delete(filter={"must": [{"key": "id", "match": {"value": 1}}]}).ok
    assert collection.retrieve([1, 2], columns=["x"])["x"].to_list() == [1]
