"""Filters on the gRPC wire: equal to what the official client makes of the same JSON; nothing is dropped in silence."""

import datetime
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client import grpc
from qdrant_client.conversions.conversion import RestToGrpc
from qdrant_client.http import models

from qframe.backends.grpc.filters import encode_filter, filter_needs
from qframe.errors import OptionError

texts = st.text(max_size=8)
keys = st.text(alphabet="abc.[]_", min_size=1, max_size=6)
int64s = st.integers(-(2**63), 2**63 - 1)
uint64s = st.integers(0, 2**64 - 1)
counts = st.integers(0, 2**32 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)
moments = st.datetimes(
    min_value=datetime.datetime(1900, 1, 1),
    max_value=datetime.datetime(2200, 1, 1),
    timezones=st.sampled_from([datetime.UTC, datetime.timezone(datetime.timedelta(hours=5, minutes=30))]),
).map(datetime.datetime.isoformat)


def bounds(values):
    return st.dictionaries(st.sampled_from(["lt", "gt", "gte", "lte"]), values, min_size=1)


matches = st.one_of(
    st.fixed_dictionaries({"value": st.one_of(texts, int64s, st.booleans())}),
    *(
        st.fixed_dictionaries({name: st.one_of(st.lists(texts, max_size=4), st.lists(int64s, max_size=4))})
        for name in ("any", "except")
    ),
    *(st.fixed_dictionaries({name: texts}) for name in ("text", "phrase", "text_any", "prefix", "substring")),
)
points = st.fixed_dictionaries({"lon": floats, "lat": floats})
lines = st.fixed_dictionaries({"points": st.lists(points, max_size=3)})
predicates = st.one_of(
    st.fixed_dictionaries({"match": matches}),
    st.fixed_dictionaries({"range": st.one_of(bounds(floats), bounds(moments))}),
    st.fixed_dictionaries({"values_count": bounds(counts)}),
    st.fixed_dictionaries({"geo_bounding_box": st.fixed_dictionaries({"top_left": points, "bottom_right": points})}),
    st.fixed_dictionaries(
        {"geo_radius": st.fixed_dictionaries({"center": points, "radius": st.floats(0, 1e7, width=32)})}
    ),
    st.fixed_dictionaries(
        {"geo_polygon": st.fixed_dictionaries({"exterior": lines}, optional={"interiors": st.lists(lines, max_size=2)})}
    ),
    st.fixed_dictionaries({"is_empty": st.booleans()}),
    st.fixed_dictionaries({"is_null": st.booleans()}),
)
fields = st.builds(lambda key, predicate: {"key": key, **predicate}, keys, predicates)
simple = st.one_of(
    fields,
    *(st.fixed_dictionaries({name: st.fixed_dictionaries({"key": keys})}) for name in ("is_empty", "is_null")),
    st.fixed_dictionaries({"has_id": st.lists(st.one_of(uint64s, st.uuids().map(str)), max_size=4)}),
    st.fixed_dictionaries({"has_vector": texts}),
    st.fixed_dictionaries({"slice": st.fixed_dictionaries({"total": st.integers(1, 9), "index": st.integers(0, 8)})}),
)


def filters_of(conditions):
    some = st.lists(conditions, max_size=3)
    minimum = st.fixed_dictionaries({"conditions": some, "min_count": st.integers(1, 5)})
    return st.fixed_dictionaries(
        {},
        optional={
            "must": st.one_of(some, conditions),
            "should": st.one_of(some, conditions),
            "must_not": some,
            "min_should": minimum,
        },
    )


def deeper(conditions):
    inner = filters_of(conditions)
    return st.one_of(inner, st.fixed_dictionaries({"nested": st.fixed_dictionaries({"key": keys, "filter": inner})}))


filters = filters_of(st.recursive(simple, deeper, max_leaves=6))


def official(tested):
    return RestToGrpc.convert_filter(models.Filter.model_validate(tested))


def decoded(tested):
    return grpc.Filter.FromString(encode_filter(tested))


@given(filters)
@settings(max_examples=400, deadline=None)
def test_a_filter_is_what_the_official_client_makes_of_it(tested):
    assert decoded(tested) == official(tested)


def test_a_single_condition_stands_for_a_list():
    condition = {"key": "a", "match": {"value": 1}}
    assert encode_filter({"must": condition}) == encode_filter({"must": [condition]})


@pytest.mark.parametrize(
    ("tested", "wire"),
    [
        ({"must": [{"key": "k", "match": {"value": "x"}}]}, "120a0a080a016b12030a0178"),
        ({"must": [{"key": "k", "match": {"value": 5}}]}, "12090a070a016b12021005"),
        ({"must": [{"key": "k", "match": {"value": False}}]}, "12090a070a016b12021800"),
        ({"must": [{"key": "k", "match": {"any": [1, 2]}}]}, "120d0a0b0a016b120632040a020102"),
        ({"must": [{"key": "k", "range": {"gte": 0.0}}]}, "12100a0e0a016b1a09190000000000000000"),
        (
            {"must": [{"key": "k", "range": {"lt": "2024-01-01T00:00:00Z"}}]},
            "120f0a0d0a016b42080a06088081c8ac06",
        ),
        ({"must_not": [{"is_empty": {"key": "k"}}]}, "1a0512030a016b"),
        ({"must": [{"is_null": {"key": "k"}}]}, "12052a030a016b"),
        ({"must": [{"has_id": [1]}]}, "12061a040a020801"),
        ({"must": [{"key": "k", "match": {"prefix": "ab"}}]}, "120b0a090a016b12045a026162"),
    ],
)
def test_a_filter_is_the_published_bytes(tested, wire):
    assert encode_filter(tested).hex() == wire


@pytest.mark.parametrize(
    ("text", "seconds", "nanos"),
    [
        ("2024-01-01T00:00:00Z", 1704067200, 0),
        ("2024-01-01", 1704067200, 0),
        ("2024-01-01 00:00:00", 1704067200, 0),
        ("2024-01-01T00:00", 1704067200, 0),
        ("2024-01-01T02:00:00+02:00", 1704067200, 0),
        ("2023-12-31T22:30:00-0130", 1704067200, 0),
        ("2024-01-01T00:00:00.123456789Z", 1704067200, 123456789),
        ("1969-12-31T23:59:59.5Z", -1, 500_000_000),
        ("2024-01-01t00:00:00.1z", 1704067200, 100_000_000),
    ],
)
def test_dates_are_instants_with_nanoseconds(text, seconds, nanos):
    lower = decoded({"must": [{"key": "t", "range": {"gte": text}}]}).must[0].field.datetime_range.gte
    assert (lower.seconds, lower.nanos) == (seconds, nanos)


def test_ids_may_be_uuid_objects():
    one = uuid.uuid4()
    assert decoded({"must": [{"has_id": [one]}]}).must[0].has_id.has_id[0].uuid == str(one)


@pytest.mark.parametrize(
    ("tested", "named"),
    [
        ({"musst": []}, "musst"),
        ({"must": [{"key": "a", "matches": {"value": 1}}]}, "matches"),
        ({"must": [{"key": "a", "match": {"glob": "x"}}]}, "glob"),
        ({"must": [{"key": "a", "match": {"value": 1.5}}]}, "1.5"),
        ({"must": [{"key": "a", "match": {"value": 2**63}}]}, "9223372036854775808"),
        ({"must": [{"key": "a", "match": {"any": ["x", 1]}}]}, "'x'"),
        ({"must": [{"key": "a"}]}, "'a'"),
        ({"must": [{"key": "a", "range": {"ge": 1}}]}, "'ge'"),
        ({"must": [{"key": "a", "range": {"gte": "yesterday"}}]}, "yesterday"),
        ({"must": [{"key": "a", "range": {"gte": "2024-02-30"}}]}, "2024-02-30"),
        ({"must": [{"key": "a", "range": {"gte": 1, "lt": "2024-01-01"}}]}, "2024-01-01"),
        ({"must": [{"key": "a", "datetime_range": {}}]}, "datetime_range"),
        ({"must": [{"key": "a", "geo_radius": {"center": {"lon": 1.0}, "radius": 2}}]}, "'lat'"),
        ({"must": [{"has_ids": [1]}]}, "has_ids"),
        ({"must": [{"has_id": ["abc"]}]}, "'abc'"),
        ({"must": [{"has_id": [-1]}]}, "-1"),
        ({"must": [{"has_id": [1], "slice": {"total": 1, "index": 0}}]}, "has_id"),
        ({"must": [{"slice": {"total": 4}}]}, "'index'"),
        ({"must": [{"nested": {"key": "a", "filter": {"must": [{"hass_id": [1]}]}}}]}, "hass_id"),
        ({"min_should": {"conditions": []}}, "min_count"),
        ({"must": ["a"]}, "'a'"),
        ({"must": "a"}, "'a'"),
        ({"must": [{"is_empty": {"path": "a"}}]}, "path"),
    ],
)
def test_what_the_message_has_no_place_for_is_refused_by_name(tested, named):
    with pytest.raises(OptionError) as caught:
        encode_filter(tested)
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("tested", "since"),
    [
        ({}, (0, 0, 0)),
        ({"must": [{"key": "a", "match": {"value": 1}}]}, (0, 0, 0)),
        ({"must": [{"slice": {"total": 2, "index": 0}}]}, (1, 19, 0)),
        ({"must": {"slice": {"total": 2, "index": 0}}}, (1, 19, 0)),
        ({"should": [{"must_not": [{"key": "a", "match": {"substring": "x"}}]}]}, (1, 20, 0)),
        ({"must": [{"key": "a", "is_null": True}]}, (1, 14, 0)),
        ({"must": [{"is_null": {"key": "a"}}]}, (0, 0, 0)),
        (
            {"must": [{"nested": {"key": "a", "filter": {"must": [{"key": "b", "match": {"prefix": ""}}]}}}]},
            (1, 19, 0),
        ),
        ({"min_should": {"conditions": [{"has_vector": "v"}], "min_count": 1}}, (1, 13, 0)),
    ],
)
def test_a_filter_says_which_server_understands_it(tested, since):
    assert max(filter_needs(tested), default=((0, 0, 0), ""))[0] == since
