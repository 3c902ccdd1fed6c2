"""Reads on the gRPC wire: request bytes read by the official stubs."""

import uuid

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client import grpc

from qframe.backends.grpc.requests import (
    existing_request,
    get_request,
    patient,
    request_needs,
    scroll_request,
)
from qframe.backends.selectors import payload_selector
from qframe.model.ids import Ids
from qframe.model.requests import PageRequest
from tests.backends.grpc.recorded import exchanges

FILTER = {"must": [{"key": "a", "match": {"value": "x"}}]}


def scrolled(**options):
    return grpc.ScrollPoints.FromString(scroll_request(PageRequest("c", **options)))


def ids_of(values):
    if isinstance(values[0], uuid.UUID):
        return Ids(np.frombuffer(b"".join(one.bytes for one in values), np.uint8).reshape(-1, 16))
    return Ids(np.array(values, np.uint64))


def official_id(value):
    return grpc.PointId(uuid=str(value)) if isinstance(value, str | uuid.UUID) else grpc.PointId(num=value)


def test_a_page_asks_for_what_it_says():
    text = "550e8400-e29b-41d4-a716-446655440000"
    request = scrolled(
        limit=7,
        offset=text,
        filter=FILTER,
        payload=("a", "b.c", "ä"),
        vectors=("v", "w"),
        consistency="majority",
        shard_key="k",
    )
    assert request == grpc.ScrollPoints(
        collection_name="c",
        limit=7,
        offset=official_id(text),
        filter={"must": [{"field": {"key": "a", "match": {"keyword": "x"}}}]},
        with_payload={"include": {"fields": ["a", '"b.c"', '"ä"']}},
        with_vectors={"include": {"names": ["v", "w"]}},
        read_consistency={"type": "Majority"},
        shard_key_selector={"shard_keys": [{"keyword": "k"}]},
    )


def test_a_page_says_what_it_leaves_out():
    request = scrolled(payload=False)
    assert request.with_payload.WhichOneof("selector_options") == "enable"
    assert (request.with_payload.enable, request.with_vectors.enable) == (False, False)
    assert not request.HasField("offset")
    assert not request.HasField("filter")


def test_offset_zero_and_consistency_factor_and_number_keys_are_sent():
    request = scrolled(offset=0, consistency=2, shard_key=0)
    assert request.HasField("offset")
    assert (request.offset.num, request.read_consistency.factor) == (0, 2)
    assert request.shard_key_selector.shard_keys[0].WhichOneof("key") == "number"
    assert scrolled(offset=2**64 - 1).offset.num == 2**64 - 1


def test_the_unnamed_vector_is_asked_for_with_all():
    assert scrolled(vectors=("",)).with_vectors.enable is True
    assert scrolled(vectors=("", "s")).with_vectors.enable is True


@pytest.mark.parametrize(
    ("payload", "selector"),
    [
        (True, True),
        (False, False),
        ((), False),
        (("a_b-1",), ("a_b-1",)),
        (("a.b", "a[0]", "a b"), ('"a.b"', '"a[0]"', '"a b"')),
        (("a", 'say "hi"'), True),
        (("a", "back\\slash"), True),
        (("",), True),
    ],
)
def test_payload_keys_are_asked_for_by_path_or_all(payload, selector):
    assert payload_selector(payload) == selector


point_ids = st.one_of(st.lists(st.integers(0, 2**64 - 1), min_size=1), st.lists(st.uuids(), min_size=1))


@given(point_ids)
@settings(deadline=None)
def test_points_are_asked_for_by_their_ids(values):
    ids = ids_of(values)
    request = grpc.GetPoints.FromString(get_request(PageRequest("c", ids=ids, vectors=("v",)), ids))
    assert list(request.ids) == [official_id(one) for one in values]
    assert (request.with_payload.enable, request.with_vectors.include.names) == (True, ["v"])
    bare = grpc.GetPoints.FromString(existing_request("c", ids))
    assert list(bare.ids) == list(request.ids)
    assert bare.with_payload.WhichOneof("selector_options") == "enable"
    assert (bare.with_payload.enable, bare.with_vectors.enable) == (False, False)


TIMED = {
    "/qdrant.Points/Scroll": grpc.ScrollPoints,
    "/qdrant.Points/Get": grpc.GetPoints,
    "/qdrant.Points/Count": grpc.CountPoints,
    "/qdrant.Points/Facet": grpc.FacetCounts,
    "/qdrant.Points/QueryBatch": grpc.QueryBatchPoints,
    "/qdrant.Points/CreateFieldIndex": grpc.CreateFieldIndexCollection,
    "/qdrant.Points/DeleteFieldIndex": grpc.DeleteFieldIndexCollection,
    "/qdrant.Collections/Create": grpc.CreateCollection,
    "/qdrant.Collections/Delete": grpc.DeleteCollection,
}


@pytest.mark.parametrize("path", TIMED)
def test_the_server_is_told_to_work_longer_than_it_would(path):
    content = TIMED[path](collection_name="c").SerializeToString()
    assert TIMED[path].FromString(patient(path, content, 600)) == TIMED[path](collection_name="c", timeout=540)
    assert patient(path, content, 60) == content


def test_requests_without_a_limit_stay_as_they_are():
    assert patient("/qdrant.Collections/List", b"", 600) == b""


def test_a_read_says_which_server_understands_it():
    assert request_needs(None) == request_needs(FILTER) == []
    substring = {"must": [{"key": "a", "match": {"substring": "x"}}]}
    assert max(request_needs(substring))[0] == (1, 20, 0)


def test_recorded_requests_are_made_again():
    recorded = {one["name"]: bytes.fromhex(one["request"]) for one in exchanges() if one["code"] == "OK"}
    page = grpc.ScrollPoints.FromString(recorded["scroll page"])
    page.with_vectors.enable = False
    made = scroll_request(PageRequest("kinds", limit=2, payload=("int",)))
    assert grpc.ScrollPoints.FromString(made) == page
