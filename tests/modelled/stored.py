"""What a collection really holds: asked of the server past qframe, read by qframe where the engine is within it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import polars as pl

import qframe as qf
from tests.modelled.world import Id, Point

MOST = 1_000


class Holding:
    """The points of one collection."""

    def __init__(self, collection: qf.Collection, vectors: list[str]) -> None:
        self.collection, self.vectors = collection, vectors
        to = collection.connection
        self._http = None
        if to.transport != "embedded":
            self._http = httpx.Client(base_url=to.target, headers=dict(to.metadata()), trust_env=False, timeout=60)

    def points(self) -> dict[Id, Point]:
        return self.read() if self._http is None else self._asked(self._http)

    def _asked(self, http: httpx.Client) -> dict[Id, Point]:
        body = {"limit": MOST, "with_payload": True, "with_vector": True}
        answer = http.post(f"/collections/{self.collection.name}/points/scroll", json=body)
        answer.raise_for_status()
        result = answer.json()["result"]
        assert result["next_page_offset"] is None
        return {
            item["id"]: Point(item.get("payload") or {}, self._named(item.get("vector"))) for item in result["points"]
        }

    def _named(self, vector: Any) -> dict[str, Any]:
        return {"": vector} if isinstance(vector, list) else dict(vector or {})

    def read(self) -> dict[Id, Point]:
        """The same by `qf.read`."""
        columns = {name or "vector": name for name in self.vectors}
        frame = self.collection.read(schema={}, extra="column", vectors=list(columns), frame="polars")
        mixed = frame.schema["id"] == pl.String
        found = {}
        for row in frame.iter_rows(named=True):
            held = {name: row[column] for column, name in columns.items() if row[column] is not None}
            point = int(row["id"]) if mixed and row["id"].isdigit() else row["id"]
            found[point] = Point(json.loads(row["extra"] or "{}"), held)
        return found

    def close(self) -> None:
        if self._http is not None:
            self._http.close()
        self.collection.drop()
