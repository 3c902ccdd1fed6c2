"""The engine's shards of a collection: one, or one for each shard key where the sharding is custom.

Reads of several shards are put together here: pages by id, an id that is in several of them once, as the server does.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import qdrant_edge as edge

from . import config as configs
from .errors import bad_request, not_served, wrong_input

ShardKey = int | str


class Shards:
    """The shards of one collection; what is done to all of them, and which of them a request is about."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self._folder, self._config = folder, config
        self.custom = config["params"].get("sharding_method") == "custom"
        self.by_key: dict[ShardKey | None, Any] = {} if self.custom else {None: self._made()}

    @property
    def keys(self) -> list[ShardKey]:
        """The shard keys, in the order in which they were made."""
        return [key for key in self.by_key if key is not None]

    def create(self, key: ShardKey) -> Any:
        """A shard for one more key."""
        if not self.custom:
            raise bad_request("Shard Key cannot be created with Auto sharding method")
        if key in self.by_key:
            raise bad_request(f"Shard key {key} already exists")
        made = self.by_key[key] = self._made()
        return made

    def drop(self, key: ShardKey) -> None:
        """Remove the shard of a key, with its points."""
        self._one(key)
        self.by_key.pop(key).close()

    def close(self) -> None:
        for shard in self.by_key.values():
            shard.close()

    @property
    def all(self) -> list[Any]:
        return list(self.by_key.values())

    def written(self, selector: Any) -> list[Any]:
        """The shards that a write is for.

        Raises
        ------
        ApiError
            An unknown key; none where the sharding is custom.
        """
        if selector is None and self.custom:
            raise wrong_input("Shard key not specified")
        return [shard for _, shard in self._chosen(selector)]

    def read(self, selector: Any) -> Any:
        """What answers a read: a shard, or several as one; errors as of `written`, but all where no key is given."""
        chosen = self._chosen(selector)
        return chosen[0][1] if len(chosen) == 1 else _Several([shard for _, shard in chosen])

    def holder(self, selector: Any) -> Callable[[Any], ShardKey | None]:
        """Tells under which key a point that was read lies."""
        if not self.custom:
            return lambda _: None
        chosen = self._chosen(selector)

        def held(point: Any) -> ShardKey | None:
            return next(key for key, shard in chosen if shard.retrieve([point], False, False))

        return held

    def info(self) -> Any:
        """Numbers of all shards together."""
        found = [shard.info() for shard in self.all]
        schemas = [one.payload_schema for one in found]
        points = {name: sum(schema[name].points for schema in schemas) for schema in schemas[:1] for name in schema}
        return SimpleNamespace(
            indexed_vectors_count=sum(one.indexed_vectors_count for one in found),
            points_count=sum(one.points_count for one in found),
            segments_count=sum(one.segments_count for one in found),
            payload_points=points,
        )

    def _chosen(self, selector: Any) -> list[tuple[ShardKey | None, Any]]:
        if selector is None:
            return list(self.by_key.items())
        keys = selector if isinstance(selector, list) else [selector]
        return [(key, self._one(key)) for key in keys]

    def _one(self, key: ShardKey) -> Any:
        if key not in self.by_key:
            shown = f'"{key}"' if isinstance(key, str) else key
            raise wrong_input(f"Shard key {shown} not found")
        return self.by_key[key]

    def _made(self) -> Any:
        folder = self._folder / uuid4().hex
        folder.mkdir()
        return edge.EdgeShard.create(str(folder), configs.to_engine(self._config))


def _by_id(record: Any) -> tuple[bool, int]:
    return (True, record.id.int) if isinstance(record.id, UUID) else (False, record.id)


class _Several:
    """Shards that answer together."""

    def __init__(self, shards: list[Any]) -> None:
        self._shards = shards

    def count(self, request: Any) -> int:
        return sum(shard.count(request) for shard in self._shards)

    def retrieve(self, ids: list[Any], *asked: Any) -> list[Any]:
        return _once([record for shard in self._shards for record in shard.retrieve(ids, *asked)])

    def scroll(self, request: Any) -> tuple[list[Any], Any]:
        if request.order_by is not None:
            raise not_served("order_by over several shards")
        pages = [shard.scroll(request) for shard in self._shards]
        found = _once(list(heapq.merge(*(records for records, _ in pages), key=_by_id)))
        left = [after for _, after in pages if after is not None] + [record.id for record in found[request.limit :]]
        after = min(left, key=lambda point: _by_id(SimpleNamespace(id=point)), default=None)
        return found[: request.limit], after

    def facet(self, request: Any) -> Any:
        counts: Counter[Any] = Counter()
        for shard in self._shards:
            every = edge.FacetRequest(request.key, 2**31, request.exact, request.filter)
            counts.update({hit.value: hit.count for hit in shard.facet(every).hits})
        hits = sorted(counts.items(), key=lambda hit: (-hit[1], hit[0]))[: request.limit]
        return SimpleNamespace(hits=[SimpleNamespace(value=value, count=count) for value, count in hits])

    def query_batch(self, request: Any) -> Any:
        raise not_served("queries over several shards")


def _once(records: list[Any]) -> list[Any]:
    """The first of the records of each id."""
    return list({record.id: record for record in reversed(records)}.values())[::-1]
