"""Requests over REST, read by the official models as a server would read them."""

import json
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from qdrant_client import models

from qframe.backends.rest import requests
from qframe.backends.rest.pipe import Request
from qframe.model.batch import WriteOptions
from qframe.model.ids import Ids
from qframe.model.requests import (
    Count,
    Create,
    CreateIndex,
    Describe,
    Drop,
    DropIndex,
    Exists,
    Facet,
    ListShardKeys,
    PageRequest,
)

INTEGERS = Ids(np.array([0, 7, 2**64 - 1], dtype=np.uint64))
UUIDS = Ids(np.arange(32, dtype=np.uint8).reshape(2, 16))
FILTER = {"must": [{"key": "city", "match": {"value": "Berlin"}}]}


def said(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(b"".join(request.body))
    return found


def test_a_page() -> None:
    request = requests.scroll(PageRequest("c", 100, 17, filter=FILTER, payload=("a", "b.c"), vectors=("v",)), 100)
    read = models.ScrollRequest.model_validate(said(request))
    assert (request.method, request.path) == ("POST", "/collections/c/points/scroll")
    assert request.params == (("timeout", "90"),)
    assert (read.limit, read.offset) == (100, 17)
    assert read.filter == models.Filter.model_validate(FILTER)
    assert read.with_payload == ["a", '"b.c"']
    assert said(request)["with_vector"] == ["v"]
    assert "shard_key" not in said(request)


@pytest.mark.parametrize(
    ("payload", "sent"),
    [(True, True), (False, False), ((), False), (("a", "größe"), ["a", '"größe"']), (("a", 'say "x"'), True)],
)
def test_what_payload_is_asked_for(payload: Any, sent: object) -> None:
    assert said(requests.scroll(PageRequest("c", payload=payload), 60))["with_payload"] == sent


@pytest.mark.parametrize(("vectors", "sent"), [((), False), (("",), True), (("a", "b"), ["a", "b"]), (("", "s"), True)])
def test_what_vectors_are_asked_for(vectors: Any, sent: object) -> None:
    assert said(requests.scroll(PageRequest("c", vectors=vectors), 60))["with_vector"] == sent


@pytest.mark.parametrize("consistency", [2, "all", "majority", "quorum"])
def test_consistency_travels_beside_the_body(consistency: Any) -> None:
    request = PageRequest("c", consistency=consistency, shard_key="k")
    for made in (requests.scroll(request, 60), requests.retrieve(request, INTEGERS, 60)):
        assert ("consistency", str(consistency)) in made.params
        assert said(made)["shard_key"] == "k"


@pytest.mark.parametrize("ids", [INTEGERS, UUIDS])
def test_points_by_id(ids: Ids) -> None:
    request = requests.retrieve(PageRequest("c", ids=ids, payload=False), ids, 60)
    read = models.PointRequest.model_validate(said(request))
    assert (request.method, request.path) == ("POST", "/collections/c/points")
    assert read.ids == ids.tolist()
    assert (said(request)["with_payload"], said(request)["with_vector"]) == (False, False)
    assert said(requests.existing("c", ids, 60))["ids"] == ids.tolist()


def test_options_of_a_write() -> None:
    params = dict(requests.write_params(WriteOptions(wait=False, ordering="strong", timeout=10)))
    assert params == {"wait": "false", "ordering": "strong", "timeout": "9"}
    assert dict(requests.write_params(WriteOptions(timeout=0.5)))["timeout"] == "1"


@pytest.mark.parametrize("name", ["a/b", "a b", "ä?#%", "..", ".", "a.b", "%2F"])
def test_a_collections_name_is_one_part_of_the_path(name: str) -> None:
    path = requests.collection_path(name, "/points")
    parts = path.split("/")
    assert (parts[0], parts[1], unquote(parts[2]), parts[3:]) == ("", "collections", name, ["points"])
    assert parts[2] not in (".", "..")


def test_administration() -> None:
    config = {"vectors": {"size": 4, "distance": "Dot"}}
    asked = {
        kind.__name__: requests.ADMIN[kind](request, 10)
        for kind, request in {
            Exists: Exists("c"),
            Describe: Describe("c"),
            ListShardKeys: ListShardKeys("c"),
            Create: Create("c", config),
            Drop: Drop("c"),
            CreateIndex: CreateIndex("c", "a.b", "keyword"),
            DropIndex: DropIndex("c", "a[].b/c"),
            Count: Count("c", FILTER, exact=False),
            Facet: Facet("c", "a.b", FILTER, limit=3, exact=True, shard_key="s"),
        }.items()
    }
    assert {name: (request.method, request.path) for name, request in asked.items()} == {
        "Exists": ("GET", "/collections/c/exists"),
        "Describe": ("GET", "/collections/c"),
        "ListShardKeys": ("GET", "/collections/c/cluster"),
        "Create": ("PUT", "/collections/c"),
        "Drop": ("DELETE", "/collections/c"),
        "CreateIndex": ("PUT", "/collections/c/index"),
        "DropIndex": ("DELETE", "/collections/c/index/a%5B%5D.b%2Fc"),
        "Count": ("POST", "/collections/c/points/count"),
        "Facet": ("POST", "/collections/c/facet"),
    }
    assert said(asked["Create"]) == config
    assert said(asked["CreateIndex"]) == {"field_name": "a.b", "field_schema": "keyword"}
    assert ("wait", "true") in asked["CreateIndex"].params
    assert ("wait", "true") in asked["DropIndex"].params
    assert models.CountRequest.model_validate(said(asked["Count"])) == models.CountRequest(
        filter=models.Filter.model_validate(FILTER), exact=False
    )
    assert models.FacetRequest.model_validate(said(asked["Facet"])) == models.FacetRequest(
        key="a.b", filter=models.Filter.model_validate(FILTER), limit=3, exact=True, shard_key="s"
    )
