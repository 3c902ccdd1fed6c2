"""Which indexes a filter asks for."""

from __future__ import annotations

from typing import Any

import pytest

from qframe.filters.advice import Condition, conditions

UUID = "550e8400-e29b-41d4-a716-446655440000"

KINDS: list[tuple[dict[str, Any], str, Any]] = [
    ({"match": {"value": "a"}}, "text", "keyword"),
    ({"match": {"any": ["a", UUID]}}, "text", "keyword"),
    ({"match": {"any": [UUID]}}, "uuid", "keyword"),
    ({"match": {"except": ["a"]}}, "text", "keyword"),
    ({"match": {"value": 1}}, "integer", "integer"),
    ({"match": {"value": True}}, "boolean", "bool"),
    ({"match": {"prefix": "a"}}, "prefix", {"type": "keyword", "prefix": True}),
    ({"match": {"substring": "a"}}, "substring", None),
    ({"match": {"text": "a"}}, "full text", "text"),
    ({"range": {"gte": 1, "lt": None}}, "integer range", "integer"),
    ({"range": {"gte": 1.5, "lt": 3}}, "range", "float"),
    ({"range": {"gte": "2024-01-01"}}, "date range", "datetime"),
    ({"values_count": {"gte": 1}}, "count", "keyword"),
    ({"is_empty": True}, "empty", "keyword"),
    ({"geo_radius": {"center": {"lon": 1, "lat": 1}, "radius": 1}}, "geo", "geo"),
]


@pytest.mark.parametrize(("asked", "kind", "index"), KINDS, ids=lambda one: str(one))
def test_kinds(asked: dict[str, Any], kind: Any, index: Any) -> None:
    assert conditions({"must": [{"key": "x", **asked}]}, {}, {}) == (Condition("x", kind, False, index),)
    if index is not None:
        made, params = (index, {}) if isinstance(index, str) else (index["type"], {"x": index})
        (found,) = conditions({"should": {"key": '"x"', **asked}}, {"x": made}, params)
        assert found.served


@pytest.mark.parametrize(
    ("asked", "kind", "params"),
    [
        ({"match": {"prefix": "a"}}, "keyword", {}),
        ({"match": {"prefix": "a"}}, "keyword", {"prefix": False, "is_tenant": True}),
        ({"match": {"prefix": "a"}}, "text", {"prefix": True}),
        ({"match": {"value": 1}}, "integer", {"lookup": False, "range": True}),
        ({"range": {"gt": 1}}, "integer", {"lookup": True, "range": False}),
        ({"range": {"gt": 1.5}}, "integer", {"range": False}),
    ],
)
def test_an_index_that_was_made_for_something_else_does_not_serve(
    asked: dict[str, Any], kind: str, params: dict[str, Any]
) -> None:
    (found,) = conditions({"must": [{"key": "x", **asked}]}, {"x": kind}, {"x": params})
    assert not found.served


def test_an_index_of_another_type_does_not_serve() -> None:
    (found,) = conditions({"must": [{"key": "x", "match": {"value": "a"}}]}, {"x": "integer", "y": "keyword"}, {})
    assert (found.served, found.index) == (False, "keyword")


def test_each_once_wherever_it_stands() -> None:
    one = {"key": "x", "match": {"value": 1}}
    whole = {
        "must": [one, {"should": [one, {"has_id": [1]}, {"is_null": {"key": "y"}}]}],
        "must_not": {"is_empty": {"key": "z"}},
        "min_should": {"conditions": [{"key": "w", "range": {"lt": 1}}], "min_count": 1},
        "should": [
            {"has_vector": ""},
            {"slice": {"total": 2, "index": 0}},
            {"nested": {"key": "a", "filter": {"must": [{"key": "b", "match": {"value": "q"}}]}}},
        ],
    }
    found = [(one.key, one.kind) for one in conditions(whole, {}, {})]
    assert sorted(found) == [
        ("a[].b", "text"), ("w", "integer range"), ("x", "integer"), ("y", "empty"), ("z", "empty"),
    ]  # fmt: skip
