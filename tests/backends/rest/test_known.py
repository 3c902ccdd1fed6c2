"""Keys that a server would pass over are refused here; which there are, the official models say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from qdrant_client import models

from qframe.backends.rest import known, requests
from qframe.errors import OptionError
from qframe.model.requests import Create, CreateIndex

INDEXES = {
    "keyword": models.KeywordIndexParams,
    "integer": models.IntegerIndexParams,
    "float": models.FloatIndexParams,
    "geo": models.GeoIndexParams,
    "text": models.TextIndexParams,
    "bool": models.BoolIndexParams,
    "datetime": models.DatetimeIndexParams,
    "uuid": models.UuidIndexParams,
}
TABLES: list[tuple[Any, type[BaseModel]]] = [
    (known.SEARCH_PARAMS, models.SearchParams),
    (known.SEARCH_PARAMS["quantization"], models.QuantizationSearchParams),
    (known.SEARCH_PARAMS["acorn"], models.AcornSearchParams),
    (known.SEARCH_PARAMS["idf"], models.IdfCorpusParams),
    (known.COLLECTION, models.CreateCollection),
    (known.COLLECTION["hnsw_config"], models.HnswConfigDiff),
    (known.COLLECTION["wal_config"], models.WalConfigDiff),
    (known.COLLECTION["optimizers_config"], models.OptimizersConfigDiff),
    (known.COLLECTION["strict_mode_config"], models.StrictModeConfig),
    (known.COLLECTION["payload"], models.PayloadStorageParams),
    (known.COLLECTION["id_tracker"], models.IdTrackerParams),
    (known.VECTOR_PARAMS, models.VectorParams),
    (known.VECTOR_PARAMS["multivector_config"], models.MultiVectorConfig),
    (known.SPARSE_VECTOR_PARAMS, models.SparseVectorParams),
    (known.SPARSE_VECTOR_PARAMS["index"], models.SparseIndexParams),
    *((known.INDEX_PARAMS[kind], model) for kind, model in INDEXES.items()),
]


@pytest.mark.parametrize(("table", "model"), TABLES, ids=lambda value: getattr(value, "__name__", ""))
def test_the_tables_are_the_models(table: Any, model: type[BaseModel]) -> None:
    assert set(table) == set(model.model_fields)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"vectors": {}, "hnsw": {}}, "config: unknown key 'hnsw'"),
        ({"optimizers_config": {"indexing_treshold": 0}}, "config.optimizers_config: unknown key 'indexing_treshold'"),
        ({"vectors": {"size": 2, "distance": "Dot", "ondisk": True}}, "vector '': unknown key 'ondisk'"),
        ({"vectors": {"v": {"size": 2, "distance": "Dot", "hnsw_config": {"M": 4}}}}, "hnsw_config: unknown key 'M'"),
        ({"sparse_vectors": {"s": {"modifer": "idf"}}}, "vector 's': unknown key 'modifer'"),
    ],
)
def test_collections(config: Any, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        requests.create(Create("c", config), 10)


@pytest.mark.parametrize(
    "config",
    [
        {"vectors": {"size": {"size": 2, "distance": "Dot"}}, "metadata": {"any": "thing"}},
        {"vectors": None, "sparse_vectors": {"s": None}, "hnsw_config": None},
        {"vectors": 3},
    ],
)
def test_what_is_not_unknown_is_the_servers_affair(config: Any) -> None:
    requests.create(Create("c", config), 10)


def test_indexes() -> None:
    requests.create_index(CreateIndex("c", "a", {"type": "text", "stemmer": {"type": "none"}}), 10)
    with pytest.raises(OptionError, match="index of 'a': unknown key 'is_tenant'"):
        requests.create_index(CreateIndex("c", "a", {"type": "integer", "is_tenant": True}), 10)
