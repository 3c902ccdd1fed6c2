"""Official filter models → the engine's filters.

Works round two things of the binding: a bool must come as numpy's, or it is taken for an integer,
and an empty list must come as None, or it matches nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import qdrant_edge as edge
from qdrant_client.http import models as rest

from .errors import ApiError
from .operations import point_id


def to_engine(model: rest.Filter | None) -> edge.Filter | None:
    """A filter, or None for none."""
    return None if model is None else _filter(model)


def listed(conditions: Any) -> list[Any]:
    """A clause's conditions; the API takes one alone in place of a list."""
    if conditions is None:
        return []
    return conditions if isinstance(conditions, list) else [conditions]


def _filter(model: rest.Filter) -> edge.Filter:
    min_should = model.min_should
    return edge.Filter(
        must=[_condition(c) for c in listed(model.must)] or None,
        should=[_condition(c) for c in listed(model.should)] or None,
        must_not=[_condition(c) for c in listed(model.must_not)] or None,
        min_should=None
        if min_should is None
        else edge.MinShould([_condition(c) for c in min_should.conditions], min_should.min_count),
    )


def _condition(model: Any) -> Any:
    match model:
        case rest.FieldCondition():
            return _field(model)
        case rest.IsEmptyCondition():
            return edge.IsEmptyCondition(_path(model.is_empty.key))
        case rest.IsNullCondition():
            return edge.IsNullCondition(_path(model.is_null.key))
        case rest.HasIdCondition():
            return edge.HasIdCondition({point_id(i) for i in model.has_id})
        case rest.HasVectorCondition():
            return edge.HasVectorCondition(model.has_vector)
        case rest.SliceCondition():
            return edge.SliceCondition(model.slice.total, model.slice.index)
        case rest.NestedCondition():
            return edge.NestedCondition(_path(model.nested.key), _filter(model.nested.filter))
        case _:
            return _filter(model)


def _path(key: str) -> str:
    try:
        edge.IsNullCondition(key)
    except ValueError:
        raise ApiError(f"Format error in JSON body: Invalid json path: '{key}'") from None
    return key


def _field(model: rest.FieldCondition) -> edge.FieldCondition:
    return edge.FieldCondition(
        _path(model.key),
        match=None if model.match is None else _match(model.match),
        range=None if model.range is None else _range(model.range),
        geo_bounding_box=None if model.geo_bounding_box is None else _box(model.geo_bounding_box),
        geo_radius=None
        if model.geo_radius is None
        else edge.GeoRadius(_point(model.geo_radius.center), model.geo_radius.radius),
        geo_polygon=None if model.geo_polygon is None else _polygon(model.geo_polygon),
        values_count=None if model.values_count is None else edge.ValuesCount(**model.values_count.model_dump()),
        is_empty=model.is_empty,
        is_null=model.is_null,
    )


def _match(model: Any) -> Any:
    match model:
        case rest.MatchValue():
            return edge.MatchValue(np.bool_(model.value) if isinstance(model.value, bool) else model.value)
        case rest.MatchText():
            return edge.MatchText(model.text)
        case rest.MatchTextAny():
            return edge.MatchTextAny(model.text_any)
        case rest.MatchPhrase():
            return edge.MatchPhrase(model.phrase)
        case rest.MatchPrefix():
            return edge.MatchPrefix(model.prefix)
        case rest.MatchSubstring():
            return edge.MatchSubstring(model.substring)
        case rest.MatchAny():
            return edge.MatchAny(model.any)
        case _:
            return edge.MatchExcept(model.except_)


def _range(model: Any) -> Any:
    if isinstance(model, rest.Range):
        return edge.RangeFloat(gte=model.gte, gt=model.gt, lte=model.lte, lt=model.lt)
    bounds = {k: v.isoformat() for k, v in model.model_dump().items() if v is not None}
    return edge.RangeDateTime(**bounds)


def _point(model: rest.GeoPoint) -> edge.GeoPoint:
    return edge.GeoPoint(model.lon, model.lat)


def _box(model: rest.GeoBoundingBox) -> edge.GeoBoundingBox:
    return edge.GeoBoundingBox(_point(model.top_left), _point(model.bottom_right))


def _polygon(model: rest.GeoPolygon) -> edge.GeoPolygon:
    interiors = [[_point(p) for p in line.points] for line in model.interiors or []]
    return edge.GeoPolygon([_point(p) for p in model.exterior.points], interiors or None)
