"""The values under a key and how many points have each, alike on the three backends."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qframe as qf
from tests.frames_strategy import SAMPLES
from tests.three import Three

N = 60
UUIDS = [str(uuid.UUID(int=number)) for number in range(3)]
POINTS = pl.DataFrame(
    {
        "id": range(N),
        "city": ["Ulm", "Bonn", "Ulm", "Kiel", "", "Bonn"] * 10,
        "rooms": [3, -(2**63), 3, 0, 2**63 - 1, 0] * 10,
        "open": [True, None, False, True, True, None] * 10,
        "owner": [UUIDS[row % 3] for row in range(N)],
        "tags": [["x", "y", "x"], ["y"], [], None, ["z"], ["y", "z"]] * 10,
        "address": [{"city": "Ulm"}, {"city": "Bonn"}] * 30,
        "a b": ["o"] * N,
        "price": [0.5] * N,
    }
)
INDEXES = {
    "city": "keyword",
    "rooms": "integer",
    "open": "bool",
    "owner": "uuid",
    "tags": "keyword",
    "address.city": "keyword",
    '"a b"': "keyword",
    "price": "float",
}


@pytest.fixture(scope="module")
def points(three_connections: dict[str, qf.Connection]) -> Iterator[Three]:
    with Three.on(three_connections) as three:
        three.create(indexes=INDEXES)
        three.upsert(POINTS)
        yield three


@pytest.mark.parametrize(
    ("key", "dtype", "found"),
    [
        ("city", pl.String, [("Bonn", 20), ("Ulm", 20), ("", 10), ("Kiel", 10)]),
        ("rooms", pl.Int64, [(0, 20), (3, 20), (-(2**63), 10), (2**63 - 1, 10)]),
        ("open", pl.Boolean, [(True, 30), (False, 10)]),
        ("owner", pl.String, [(text, 20) for text in UUIDS]),
        ("tags", pl.String, [("y", 30), ("z", 20), ("x", 10)]),
        ("address.city", pl.String, [("Bonn", 30), ("Ulm", 30)]),
        ("a b", pl.String, [("o", N)]),
    ],
)
@pytest.mark.parametrize("exact", [True, False])
def test_values_by_count_and_then_by_value(points: Three, key: str, dtype: Any, found: Any, exact: bool) -> None:
    answer = points.same(lambda collection: collection.facet(key, exact=exact))
    assert dict(answer.schema) == {"value": dtype, "count": pl.UInt64}
    assert answer.rows() == found


def test_filter_and_limit(points: Three) -> None:
    rich = {"must": [{"key": "rooms", "range": {"gte": 1}}]}
    answer = points.same(lambda collection: collection.facet("city", filter=rich, limit=1, exact=True))
    assert answer.rows() == [("Ulm", 20)]


@pytest.mark.parametrize(("key", "dtype"), [("city", pl.String), ("rooms", pl.Int64), ("open", pl.Boolean)])
def test_the_index_types_what_has_no_value(points: Three, key: str, dtype: Any) -> None:
    none = {"must": [{"has_id": [N]}]}
    answer = points.same(lambda collection: collection.facet(key, filter=none))
    assert answer.is_empty()
    assert dict(answer.schema) == {"value": dtype, "count": pl.UInt64}


def test_the_three_libraries(points: Three) -> None:
    nullable = points.same(lambda collection: collection.facet("rooms", frame="pandas"))
    assert nullable.dtypes.to_dict() == {"value": pd.Int64Dtype(), "count": pd.UInt64Dtype()}
    numpy = points.same(lambda collection: collection.facet("rooms", frame="pandas", dtype_backend="numpy"))
    assert [str(dtype) for dtype in numpy.dtypes] == ["int64", "uint64"]
    arrow = points.same(lambda collection: collection.facet("city", frame="arrow"))
    assert arrow.schema == pa.schema([("value", pa.large_string()), ("count", pa.uint64())])


def test_the_function(embedded: qf.Connection, name: str) -> None:
    collection = qf.collection(name, connection=embedded)
    collection.create_collection(POINTS, vector=False, indexes=INDEXES)
    collection.upsert(POINTS)
    assert qf.facet(name, "city", connection=embedded).equals(collection.facet("city"))


class TestRefused:
    def test_a_key_without_an_index(self, points: Three) -> None:
        error = points.refused(lambda collection: collection.facet("nope"))
        assert error.kind == "OptionError"
        assert "no point of 'NAME' has that key" in error

    def test_a_key_whose_index_knows_no_values(self, points: Three) -> None:
        error = points.refused(lambda collection: collection.facet("price"))
        assert error.kind == "OptionError"
        assert "of the type 'float'" in error

    def test_what_the_error_says_to_do_helps(self, three: Three) -> None:
        three.create()
        three.upsert(POINTS)
        assert 'create_index("city", "keyword")' in three.refused(lambda collection: collection.facet("city"))
        three.all(lambda collection: collection.create_index("city", "keyword"))
        assert three.same(lambda collection: collection.facet("city")).height == 4

    @pytest.mark.parametrize(
        ("options", "word"),
        [
            ({"limit": 0}, "limit"),
            ({"limit": None}, "limit"),
            ({"limit": 2.0}, "limit"),
            ({"exact": "yes"}, "exact"),
            ({"frame": "numpy"}, "frame"),
            ({"filter": 3}, "filter"),
            ({"filter": {"key": "city"}}, "filter"),
            ({"key": ""}, "key"),
            ({"key": "a["}, "key"),
        ],
    )
    def test_options_that_make_no_sense(self, points: Three, options: Any, word: str) -> None:
        error = points.refused(lambda collection: collection.facet(**{"key": "city", **options}))
        assert error.kind == "OptionError"
        assert word in error

    def test_no_such_collection(self, three: Three) -> None:
        assert three.refused(lambda collection: collection.facet("city")).kind == "CollectionNotFoundError"

    def test_shard_keys_on_the_embedded_engine(self, points: Three) -> None:
        with pytest.raises(qf.UnsupportedError, match="shard_key"):
            points.collections["embedded"].facet("city", shard_key="a")


@settings(max_examples=SAMPLES)
@given(values=st.lists(st.text(max_size=3) | st.none(), min_size=1, max_size=30), limit=st.integers(1, 8))
def test_any_text_is_counted(three: Three, values: list[str | None], limit: int) -> None:
    three.create(indexes={"v": "keyword"})
    three.upsert(pl.DataFrame({"id": range(len(values)), "v": pl.Series(values, dtype=pl.String)}))
    counts = Counter(value for value in values if value is not None)
    # Qdrant orders text by its bytes.
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0].encode()))
    answer = three.same(lambda collection: collection.facet("v", limit=limit, exact=True))
    assert answer.rows() == ordered[:limit]
