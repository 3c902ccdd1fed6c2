"""Payload indexes on the gRPC wire: requests read by the official stubs, against the official client's conversion."""

import pytest
from qdrant_client import grpc
from qdrant_client.conversions.conversion import RestToGrpc
from qdrant_client.http import models

from qframe.backends.grpc.admin import admin_call, describe
from qframe.errors import OptionError
from qframe.model.requests import CreateIndex

TEXT_INDEX = {
    "type": "text",
    "tokenizer": "multilingual",
    "min_token_len": 0,
    "max_token_len": 9,
    "lowercase": False,
    "ascii_folding": True,
    "phrase_matching": True,
    "on_disk": True,
    "enable_hnsw": False,
}
INDEXES = (
    {
        "type": "keyword",
        "is_tenant": True,
        "on_disk": False,
        "enable_hnsw": True,
        "prefix": True,
        "memory": "cold",
    },
    {"type": "keyword", "prefix": False},
    {"type": "integer", "lookup": True, "range": False, "is_principal": True, "on_disk": True},
    {"type": "float", "is_principal": False, "on_disk": True},
    {"type": "geo", "on_disk": True},
    {"type": "bool", "enable_hnsw": True},
    {"type": "datetime", "is_principal": True},
    {"type": "uuid", "is_tenant": True},
    {"type": "uuid"},
    {**TEXT_INDEX, "stopwords": "english", "stemmer": {"type": "snowball", "language": "german"}},
    {**TEXT_INDEX, "stopwords": {"languages": ["english"], "custom": ["qf"]}, "stemmer": {"type": "none"}},
)


@pytest.mark.parametrize("schema", INDEXES)
def test_an_index_is_made_as_the_official_client_would(schema):
    call = admin_call(CreateIndex("c", "a.b", schema))
    request = grpc.CreateFieldIndexCollection.FromString(call.content)
    kinds = {"keyword": 0, "integer": 1, "float": 2, "geo": 3, "text": 4, "bool": 5, "datetime": 6, "uuid": 7}
    model = getattr(models, f"{schema['type'].capitalize()}IndexParams").model_validate(schema)
    expected = grpc.CreateFieldIndexCollection(
        collection_name="c",
        wait=True,
        field_name="a.b",
        field_type=kinds[schema["type"]],
        field_index_params=RestToGrpc.convert_payload_schema_params(model),
    )
    assert call.path == "/qdrant.Points/CreateFieldIndex"
    assert request == expected


def test_an_index_by_its_type_alone_has_no_parameters():
    request = grpc.CreateFieldIndexCollection.FromString(admin_call(CreateIndex("c", "f", "geo")).content)
    assert request.field_type == grpc.FieldType.FieldTypeGeo
    assert not request.HasField("field_index_params")


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ("keywords", "keywords"),
        ({"type": "blob"}, "blob"),
        ({}, "None"),
        ({"type": "geo", "tenant": True}, "tenant"),
    ],
)
def test_an_unknown_index_is_refused_by_name(schema, named):
    with pytest.raises(OptionError, match=named):
        admin_call(CreateIndex("c", "f", schema))


@pytest.mark.parametrize("schema", INDEXES)
def test_an_index_is_described_by_its_type(schema):
    model = getattr(models, f"{schema['type'].capitalize()}IndexParams").model_validate(schema)
    kind = getattr(grpc.PayloadSchemaType, schema["type"].capitalize())
    info = grpc.PayloadSchemaInfo(data_type=kind, params=RestToGrpc.convert_payload_schema_params(model), points=3)
    config = grpc.CollectionConfig(params=grpc.CollectionParams(shard_number=1))
    told = grpc.CollectionInfo(config=config, payload_schema={"a.b": info}, status=grpc.CollectionStatus.Red)
    read = describe("c", grpc.GetCollectionInfoResponse(result=told).SerializeToString())
    assert (dict(read.indexes), read.status, read.vectors) == ({"a.b": schema["type"]}, "red", ())
