"""Points by id: in the order of the ids, once each, over as many requests as it takes."""

from __future__ import annotations

import uuid

import polars as pl
import pytest

import qframe as qf

MANY = 2_100
"""More ids than one request asks for."""


@pytest.mark.parametrize("kind", ["integers", "UUIDs"])
def test_repeated_ids_come_once(connection: qf.Connection, name: str, kind: str) -> None:
    ids = list(range(MANY)) if kind == "integers" else [str(uuid.UUID(int=row << 32)) for row in range(MANY)]
    collection = qf.collection(name, connection=connection)
    collection.create_collection(config={"vectors": {}})
    collection.upsert(pl.DataFrame({"id": ids}), payload=False)
    asked = [*reversed(ids), ids[-1], ids[0]]
    assert collection.retrieve(asked)["id"].to_list() == list(reversed(ids))
    assert collection.retrieve([ids[5], ids[2], ids[5]])["id"].to_list() == [ids[5], ids[2]]


def test_missing_ids_are_left_out(connection: qf.Connection, name: str) -> None:
    collection = qf.collection(name, connection=connection)
    collection.create_collection(config={"vectors": {}})
    collection.upsert(pl.DataFrame({"id": [1, 2], "x": ["a", "b"]}))
    assert collection.retrieve([3, 2]).to_dict(as_series=False) == {"id": [2], "x": ["b"]}
    assert collection.retrieve([], frame="pandas").shape == (0, 2)
