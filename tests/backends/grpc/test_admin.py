"""Administration on the gRPC wire: requests read by the official stubs, answers made by them or recorded."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client import grpc
from qdrant_client.conversions.conversion import RestToGrpc
from qdrant_client.http import models

from qframe.backends.grpc.acknowledgement import acknowledgement
from qframe.backends.grpc.admin import admin_call, create_request, describe, version_of
from qframe.errors import OptionError
from qframe.model.outcome import Ack, Fault
from qframe.model.requests import (
    Count,
    Create,
    Describe,
    Drop,
    DropIndex,
    Exists,
    Facet,
    ListCollections,
    ListShardKeys,
    VectorConfig,
)
from tests.backends.grpc.recorded import FILE, answer

RECORDED_NAMES = sorted(one.name for one in grpc.ListCollectionsResponse.FromString(answer("list")).collections)
HNSW = {
    "m": 0,
    "ef_construct": 50,
    "full_scan_threshold": 10,
    "max_indexing_threads": 1,
    "on_disk": True,
    "payload_m": 8,
    "inline_storage": False,
    "memory": "cached",
}
QUANTIZATIONS = (
    {"scalar": {"type": "int8", "quantile": 0.5, "always_ram": True}},
    {"product": {"compression": "x64", "always_ram": False}},
    {"product": {"compression": "x4"}},
    {"binary": {"always_ram": True, "encoding": "one_bit", "query_encoding": "scalar8bits"}},
    {"turbo": {"bits": "bits1_5", "memory": "pinned"}},
)
STRICT = {
    "enabled": True,
    "max_query_limit": 100,
    "max_timeout": 9,
    "unindexed_filtering_retrieve": False,
    "unindexed_filtering_update": True,
    "search_max_hnsw_ef": 4,
    "search_allow_exact": False,
    "search_max_oversampling": 1.5,
    "upsert_max_batchsize": 30,
    "search_max_batchsize": 31,
    "max_collection_vector_size_bytes": 2**40,
    "read_rate_limit": 40,
    "write_rate_limit": 41,
    "max_collection_payload_size_bytes": 5,
    "max_points_count": 6,
    "filter_max_conditions": 7,
    "condition_max_size": 8,
    "multivector_config": {"m": {"max_vectors": 3}},
    "sparse_config": {"s": {"max_length": 3}},
    "max_payload_index_count": 0,
}
VECTOR = {"size": 4, "distance": "Manhattan", "hnsw_config": HNSW, "on_disk": False, "datatype": "float16"}
FULL = {
    "vectors": {
        "a": {**VECTOR, "quantization_config": QUANTIZATIONS[0]},
        "b": {
            "size": 1,
            "distance": "Dot",
            "multivector_config": {"comparator": "max_sim"},
            "memory": "cold",
        },
    },
    "sparse_vectors": {
        "s": {},
        "t": {"modifier": "idf", "index": {"full_scan_threshold": 5, "on_disk": True, "datatype": "uint8"}},
    },
    "shard_number": 3,
    "sharding_method": "custom",
    "replication_factor": 2,
    "write_consistency_factor": 1,
    "on_disk_payload": False,
    "hnsw_config": HNSW,
    "wal_config": {"wal_capacity_mb": 1, "wal_segments_ahead": 0, "wal_retain_closed": 2},
    "optimizers_config": {
        "deleted_threshold": 0.25,
        "vacuum_min_vector_number": 10,
        "default_segment_number": 0,
        "max_segment_size": 5,
        "memmap_threshold": 6,
        "indexing_threshold": 0,
        "flush_interval_sec": 2,
        "max_optimization_threads": 3,
        "prevent_unoptimized": True,
    },
    "quantization_config": QUANTIZATIONS[3],
    "strict_mode_config": STRICT,
    "metadata": {"text": "ä", "n": [1, -2, 1.5, None, True, {"deep": {}}], "big": 2**63 - 1},
    "payload": {"memory": "cold"},
    "id_tracker": {"memory": "pinned"},
}


def created(config):
    return grpc.CreateCollection.FromString(create_request("c", config))


def official(config):
    """The request as the official client puts it together from its own model of the REST body."""
    model = models.CreateCollection.model_validate(config)
    convert = RestToGrpc
    parts = {
        "hnsw_config": convert.convert_hnsw_config_diff,
        "wal_config": convert.convert_wal_config_diff,
        "optimizers_config": convert.convert_optimizers_config_diff,
        "quantization_config": convert.convert_quantization_config,
        "strict_mode_config": convert.convert_strict_mode_config,
        "metadata": convert.convert_payload,
        "payload": convert.convert_payload_storage_params,
        "id_tracker": convert.convert_id_tracker_params,
        "sharding_method": convert.convert_sharding_method,
    }
    given = {name: change(getattr(model, name)) for name, change in parts.items() if getattr(model, name) is not None}
    numbers = ("shard_number", "replication_factor", "write_consistency_factor", "on_disk_payload")
    given |= {name: getattr(model, name) for name in numbers}
    if model.sparse_vectors is not None:
        given["sparse_vectors_config"] = convert.convert_sparse_vector_config(model.sparse_vectors)
    if model.vectors is not None:
        given["vectors_config"] = convert.convert_vectors_config(model.vectors)
    request = grpc.CreateCollection(collection_name="c", **given)
    # The official client writes the number of threads a second time, for servers before 1.12.6.
    request.optimizers_config.ClearField("deprecated_max_optimization_threads")
    return request


@pytest.mark.parametrize(
    "config",
    [
        FULL,
        {"vectors": {"size": 4, "distance": "Cosine"}, "optimizers_config": {}},
        {"vectors": {}, "optimizers_config": {}},
        {"vectors": {"size": {"size": 4, "distance": "Cosine"}}, "optimizers_config": {}},
        {
            "vectors": {"size": 2, "distance": "Dot"},
            "optimizers_config": {"max_optimization_threads": "auto"},
        },
        *(
            {
                "vectors": {"size": 4, "distance": "Euclid"},
                "optimizers_config": {},
                "quantization_config": one,
            }
            for one in QUANTIZATIONS
        ),
    ],
)
def test_a_collection_is_made_as_the_official_client_would(config):
    assert created(config) == official(config)


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"vector": {"size": 4, "distance": "Dot"}}, "'vector'"),
        ({"collection_name": "other"}, "'collection_name'"),
        (
            {"vectors": {"size": 4, "distance": "Dot", "hnsw": {}}},
            "config.vectors.params: unknown key 'hnsw'",
        ),
        ({"vectors": {"a": {"size": 4, "dist": "Dot"}}}, "'dist'"),
        ({"vectors": {"a": {"size": 4}}}, "'distance'"),
        ({"vectors": {"size": 4, "distance": "cosine"}}, "'cosine'"),
        ({"vectors": {"size": -4, "distance": "Dot"}}, "-4"),
        ({"hnsw_config": {"m": True}}, "config.hnsw_config.m"),
        ({"quantization_config": {"scalr": {}}}, "'scalr'"),
        ({"quantization_config": {"scalar": {"type": "int4"}}}, "int4"),
        ({"quantization_config": {"binary": {}, "turbo": {}}}, "turbo"),
        ({"strict_mode_config": {"enable": True}}, "'enable'"),
        ({"sparse_vectors": {"s": {"modifier": "tf"}}}, "'tf'"),
        ({"metadata": {"n": 2**63}}, "metadata.n"),
        ({"shard_number": 2**32}, "shard_number"),
        ({"on_disk_payload": "yes"}, "'yes'"),
    ],
)
def test_what_a_configuration_cannot_say_is_refused_by_name(config, named):
    with pytest.raises(OptionError) as caught:
        create_request("c", config)
    assert named in str(caught.value)


def rest_result(name):
    """`result` of the same question over REST, recorded from the same server."""
    for line in FILE.with_name("recorded_rest.jsonl").read_text().splitlines():
        one = json.loads(line)
        if one["name"] == name:
            return json.loads(one["answer"])["result"]
    raise LookupError(name)


@pytest.mark.parametrize(("grpc_name", "rest_name"), [("info", "info with indexes"), ("info named", "info named")])
def test_a_collection_is_described_alike_over_both_wires(grpc_name, rest_name):
    info = describe("c", answer(grpc_name))
    over_rest = rest_result(rest_name)
    assert info.config == over_rest["config"]
    assert dict(info.indexes) == {key: one["data_type"] for key, one in over_rest["payload_schema"].items()}
    assert (info.status, info.sharding, info.strict) == ("green", "auto", {})


def test_a_recorded_collection_names_its_vectors():
    assert describe("c", answer("info")).vectors == (VectorConfig("", "dense", 4, "Dot"),)
    assert describe("c", answer("info named")).vectors == (
        VectorConfig("d", "dense", 3, "Cosine"),
        VectorConfig("m", "multi", 2, "Dot"),
        VectorConfig("u", "dense", 2, "Dot", "uint8"),
        VectorConfig("i", "sparse"),
        VectorConfig("s", "sparse"),
    )
    assert describe("c", answer("info named")).points == 6


def described(config, **rest):
    """An answer that tells `config`, made by the official stubs from the request that would make it."""
    request = created(config)
    params = grpc.CollectionParams(
        **{name: getattr(request, name) for name in ("shard_number", "on_disk_payload", "sharding_method")},
        **{name: getattr(request, name) for name in ("vectors_config", "sparse_vectors_config", "payload")},
    )
    parts = ("hnsw_config", "wal_config", "quantization_config", "strict_mode_config")
    answer = grpc.CollectionConfig(
        params=params,
        optimizer_config=request.optimizers_config,
        metadata=request.metadata,
        **{name: getattr(request, name) for name in parts},
    )
    info = grpc.CollectionInfo(config=answer, **rest)
    return grpc.GetCollectionInfoResponse(result=info, time=0.5).SerializeToString()


def test_a_full_configuration_comes_back_in_the_spelling_it_was_made_with():
    info = describe("c", described(FULL, status=grpc.CollectionStatus.Grey, points_count=7))
    assert info.config["params"]["vectors"] == FULL["vectors"]
    assert info.config["params"]["sparse_vectors"] == FULL["sparse_vectors"]
    for name in ("hnsw_config", "wal_config", "quantization_config", "strict_mode_config", "metadata"):
        assert info.config[name] == FULL[name]
    assert info.config["optimizer_config"] == FULL["optimizers_config"]
    assert (info.sharding, info.points, info.status) == ("custom", 7, "grey")
    assert info.strict == {key: value for key, value in STRICT.items() if key != "enabled"}
    assert VectorConfig("t", "sparse", datatype="uint8") in info.vectors


def test_fields_of_a_newer_server_are_passed_over():
    unknown = bytes.fromhex("a2b80203414243" + "98b80201" + "a5b80200000000" + "a1b8020000000000000000")
    assert describe("c", answer("info named") + unknown) == describe("c", answer("info named"))


def test_an_answer_that_is_no_message_is_refused():
    with pytest.raises(ValueError, match="not a protobuf message"):
        describe("c", answer("info")[:-3])


@pytest.mark.parametrize(
    ("request_", "path", "message", "expected"),
    [
        (ListCollections(), "/qdrant.Collections/List", grpc.ListCollectionsRequest, {}),
        (
            Exists("c"),
            "/qdrant.Collections/CollectionExists",
            grpc.CollectionExistsRequest,
            {"collection_name": "c"},
        ),
        (Describe("c"), "/qdrant.Collections/Get", grpc.GetCollectionInfoRequest, {"collection_name": "c"}),
        (
            ListShardKeys("c"),
            "/qdrant.Collections/CollectionClusterInfo",
            grpc.CollectionClusterInfoRequest,
            {"collection_name": "c"},
        ),
        (Drop("ä"), "/qdrant.Collections/Delete", grpc.DeleteCollection, {"collection_name": "ä"}),
        (
            DropIndex("c", "f"),
            "/qdrant.Points/DeleteFieldIndex",
            grpc.DeleteFieldIndexCollection,
            {"collection_name": "c", "field_name": "f", "wait": True},
        ),
        (Count("c"), "/qdrant.Points/Count", grpc.CountPoints, {"collection_name": "c", "exact": True}),
    ],
)
def test_a_request_is_the_published_message(request_, path, message, expected):
    call = admin_call(request_)
    assert call.path == path
    assert message.FromString(call.content) == message(**expected)


def test_a_count_takes_filter_and_shard_key():
    count = Count("c", {"must": [{"has_id": [1]}]}, exact=False, shard_key=7)
    request = grpc.CountPoints.FromString(admin_call(count).content)
    assert request.filter.must[0].has_id.has_id[0].num == 1
    assert (request.exact, request.shard_key_selector.shard_keys[0].number) == (False, 7)


def test_a_facet_takes_what_it_is_asked_with():
    facet = Facet("c", "a.b", {"must": [{"has_id": [1]}]}, limit=3, exact=True, shard_key="s")
    call = admin_call(facet)
    request = grpc.FacetCounts.FromString(call.content)
    assert (call.path, request.collection_name, request.key) == ("/qdrant.Points/Facet", "c", "a.b")
    assert (request.limit, request.exact, request.shard_key_selector.shard_keys[0].keyword) == (3, True, "s")
    assert request.filter.must[0].has_id.has_id[0].num == 1
    assert not grpc.FacetCounts.FromString(admin_call(Facet("c", "a")).content).HasField("filter")


def test_the_values_of_a_facet_are_of_three_kinds():
    kinds = [{"string_value": ""}, {"integer_value": -1}, {"integer_value": 0}, {"bool_value": False}]
    hits = [grpc.FacetHit(value=grpc.FacetValue(**kind), count=count) for count, kind in enumerate(kinds)]
    found = admin_call(Facet("c", "a")).read(grpc.FacetResponse(hits=hits).SerializeToString())
    assert found == [("", 0), (-1, 1), (0, 2), (False, 3)]
    assert found[2][0] is not False
    assert found[3][0] is False


@pytest.mark.parametrize(
    ("request_", "name", "expected"),
    [
        (ListCollections(), "list", RECORDED_NAMES),
        (Exists("kinds"), "collection exists", True),
        (Count("kinds"), "count", 8),
    ],
)
def test_a_recorded_answer_is_read(request_, name, expected):
    assert admin_call(request_).read(answer(name)) == expected


def test_shard_keys_wherever_they_lie():
    keys = [{"keyword": "a"}, {"number": 0}, {"keyword": "a"}, {"keyword": "0"}]
    here = [grpc.LocalShardInfo(shard_id=number, shard_key=grpc.ShardKey(**keys[number])) for number in (0, 1)]
    there = [grpc.RemoteShardInfo(shard_id=number, shard_key=grpc.ShardKey(**keys[number])) for number in (2, 3)]
    answered = grpc.CollectionClusterInfoResponse(
        peer_id=1, shard_count=5, local_shards=[*here, grpc.LocalShardInfo(shard_id=9)], remote_shards=there
    )
    read = admin_call(ListShardKeys("c")).read
    assert read(answered.SerializeToString()) == ["a", 0, "0"]
    assert read(b"") == []


def test_defaults_that_are_left_out_on_the_wire_are_read():
    no = grpc.CollectionExistsResponse(result=grpc.CollectionExists(exists=False)).SerializeToString()
    assert admin_call(Exists("c")).read(no) is False
    assert admin_call(Count("c")).read(grpc.CountResponse(result=grpc.CountResult()).SerializeToString()) == 0
    assert admin_call(ListCollections()).read(b"") == []
    assert admin_call(Drop("c")).read(grpc.CollectionOperationResponse(time=1.0).SerializeToString()) is False
    assert admin_call(Create("c", {})).read(grpc.CollectionOperationResponse(result=True).SerializeToString()) is True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.19.0", (1, 19, 0)),
        ("1.20.1-dev", (1, 20, 1)),
        ("", (0, 0, 0)),
    ],
)
def test_a_version_is_three_numbers(text, expected):
    assert version_of(grpc.HealthCheckReply(title="q", version=text).SerializeToString()) == expected


def test_the_recorded_server_tells_its_version():
    assert version_of(answer("health")) == (1, 19, 0)


@pytest.mark.parametrize(("name", "status"), [("upsert wait", "completed"), ("upsert no wait", "acknowledged")])
def test_a_recorded_write_is_acknowledged(name, status):
    official = grpc.PointsOperationResponse.FromString(answer(name)).result
    assert acknowledgement(answer(name)) == Ack(status, official.operation_id)


def test_what_is_not_known_to_be_applied_is_not_promised():
    def answered(status):
        result = grpc.UpdateResult(status=status)
        return acknowledgement(grpc.PointsOperationResponse(result=result).SerializeToString())

    assert answered(grpc.UpdateStatus.WaitTimeout) == Ack("wait_timeout")
    for status in (grpc.UpdateStatus.UnknownUpdateStatus, grpc.UpdateStatus.ClockRejected, 99):
        assert answered(status) == Ack("acknowledged")
    assert isinstance(acknowledgement(grpc.PointsOperationResponse(time=1.0).SerializeToString()), Fault)


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        (["Completed"], "completed"),
        (["Completed", "Completed"], "completed"),
        (["Completed", "Acknowledged", "Completed"], "acknowledged"),
        (["WaitTimeout", "Acknowledged", "Completed"], "wait_timeout"),
        (["Completed", "UnknownUpdateStatus"], "acknowledged"),
    ],
)
def test_a_batch_is_as_certain_as_its_least_certain_operation(statuses, worst):
    results = [grpc.UpdateResult(operation_id=i, status=status) for i, status in enumerate(statuses)]
    assert acknowledgement(grpc.UpdateBatchResponse(result=results).SerializeToString()).status == worst


DONE = grpc.UpdateResult(operation_id=1, status=grpc.UpdateStatus.Completed)


@pytest.mark.parametrize("late", [0, 777, 999])
def test_one_operation_of_a_thousand_that_is_late_is_found_and_named(late):
    results = [grpc.UpdateResult(operation_id=i, status=grpc.UpdateStatus.Completed) for i in range(1000)]
    results[late].status = grpc.UpdateStatus.WaitTimeout
    content = grpc.UpdateBatchResponse(result=results, time=0.5).SerializeToString()
    assert acknowledgement(content) == Ack("wait_timeout", late)


@pytest.mark.parametrize("before", [b"", grpc.UpdateBatchResponse(result=[DONE] * 100).SerializeToString()])
@pytest.mark.parametrize("broken", [b"\x0a\x7f\x10\x02", b"\xff", b"\x0a\x02\x10\xff", b"<html>"])
def test_an_answer_to_a_write_that_is_no_message_is_told_apart(before, broken):
    with pytest.raises(ValueError, match=r"message|field|wire type"):
        acknowledgement(before + broken)


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        st.text(max_size=5),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), json_values, max_size=3))
@settings(max_examples=150, deadline=None)
def test_metadata_is_the_official_clients_and_comes_back_equal(metadata):
    official = grpc.CreateCollection(collection_name="c", metadata=RestToGrpc.convert_payload(metadata))
    assert created({"metadata": metadata}) == official
    if metadata:
        assert describe("c", described({"metadata": metadata})).config["metadata"] == metadata
