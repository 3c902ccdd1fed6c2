"""Random writes: a verb, a frame or a filter, options, and what the call does to points in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import polars as pl
from hypothesis import strategies as st

from tests.modelled import world
from tests.modelled.frames import FORMS, Frame, Layout, frames
from tests.modelled.judge import Row
from tests.modelled.world import Change, Condition, Id, Object, Point

VERBS = (
    "upsert",
    "update_vectors",
    "set_payload",
    "overwrite_payload",
    "delete_payload",
    "clear_payload",
    "delete_vectors",
    "delete",
)
MODES = ("upsert", "upsert", "update_only", "insert_only")
KEYS = ("deep", "deep.er", "obj", "n", '"a.b"', "a b", "objs[]", "objs[].z", "obj.y")
PATHS = ("n", "city", "obj.x", "obj", "objs[].x", "tags[]", "objs[].z[]", '"a.b"', '"a.b".x', "a b", "deep.er", "n.x")


@dataclass(frozen=True, repr=False)
class Write:
    """One verb on one frame.

    Parameters
    ----------
    options : dict
        Those of the verb.
    delivery : dict
        Those of all writes.
    change : callable
        (payload, vectors) of a row → what it does.
    """

    verb: str
    frame: Frame
    options: dict[str, Any]
    delivery: dict[str, Any]
    change: Callable[[Object, Object], Change]

    @property
    def needs(self) -> bool:
        return self.verb not in ("upsert", "delete")

    @property
    def duplicates(self) -> str:
        return str(self.delivery.get("duplicates", "raise"))

    def rows(self) -> list[Row]:
        frame = self.frame
        firsts: dict[Any, int] = {}
        for number, point in enumerate(frame.ids):
            if point is not None and (self.duplicates == "last" or point not in firsts):
                firsts[point] = number
        found = []
        for number, point in enumerate(frame.ids):
            again = self.duplicates != "keep" and point is not None and firsts[point] != number
            bad = frame.bad[number] or (again and self.duplicates == "raise")
            idle = self.verb == "update_vectors" and not frame.vectors[number]
            change = self.change(frame.payload[number], frame.vectors[number])
            found.append(Row(point, change, self.needs, bad, again or idle))
        return found

    def do(self, target: Any, **more: Any) -> Any:
        """Call the verb on a collection or in a batch."""
        return getattr(target, self.verb)(self.frame.data(), **self.frame.options, **self.options, **more)

    def __repr__(self) -> str:
        return f"{self.verb}({self.frame}, **{self.options | self.delivery})"


@dataclass(frozen=True, repr=False)
class Selected:
    """One verb on what a filter selects."""

    verb: str
    filter: Any
    options: dict[str, Any]
    change: Change

    def do(self, target: Any, **more: Any) -> Any:
        return getattr(target, self.verb)(filter=self.filter, **self.options, **more)

    def __repr__(self) -> str:
        return f"{self.verb}(filter={self.filter}, **{self.options})"


@dataclass(frozen=True)
class Chosen:
    """A filter and what it means."""

    filter: Any
    holds: Condition
    overrides: dict[str, Any] = field(default_factory=dict)


def _number(point: Point) -> int | None:
    number = point.payload.get("n")
    return number if isinstance(number, int) else None


def _at_least(least: int) -> Condition:
    return lambda point: (number := _number(point)) is not None and number >= least


@st.composite
def filters(draw: st.DrawFn) -> Chosen:
    """The same few conditions as Qdrant's JSON, as a model of qdrant_client, of polars and of pandas."""
    from qdrant_client import models

    least = draw(st.integers(-3, 4))
    city = draw(st.sampled_from(["Berlin", 'Ulm"\\', "日本"]))
    typed = {"n": pl.Int64, "city": pl.String}
    same = lambda point: point.payload.get("city") == city  # noqa: E731
    range_ = {"key": "n", "range": {"gte": least}}
    model = models.Filter(must=[models.FieldCondition(key="n", range=models.Range(gte=least))])
    return draw(
        st.sampled_from(
            [
                Chosen({"must": [range_]}, _at_least(least)),
                Chosen(model, _at_least(least)),
                Chosen({"must_not": [range_]}, lambda point: not _at_least(least)(point)),
                Chosen(
                    {"should": [range_, {"key": "city", "match": {"value": city}}]},
                    lambda p: _at_least(least)(p) or same(p),
                ),
                Chosen(pl.col("n") >= least, _at_least(least), typed),
                Chosen(
                    (pl.col("n") >= least) | (pl.col("city") == city), lambda p: _at_least(least)(p) or same(p), typed
                ),
                Chosen([{"must": [range_]}, pl.col("city") == city], lambda p: _at_least(least)(p) and same(p), typed),
                Chosen(pd.col("city") == city, same, typed),
                Chosen(f"n >= {least}", _at_least(least), typed),
                Chosen({}, world.always),
            ]
        )
    )


@st.composite
def delivery(draw: st.DrawFn, frame: Frame, *, ordered: bool = False) -> dict[str, Any]:
    """How the rows are sent: usually in several batches."""
    found: dict[str, Any] = {}
    for name, values in {
        "batch_size": [1, 2, 3, 3, None],
        "batch_bytes": [None, None, None, 1, 300],
        "n_jobs": [None, 1, 2, 4],
        "ordering": ["weak", "weak", "medium", "strong"],
    }.items():
        value = draw(st.sampled_from(values))
        found |= {} if value is None else {name: value}
    orders = ["semi_ordered", "ordered"] if ordered else ["unordered", "unordered", "semi_ordered", "ordered"]
    found["order"] = draw(st.sampled_from(orders))
    if frame.streamed and draw(st.booleans()):
        found["return_ids"] = True
    return found


@st.composite
def writes(
    draw: st.DrawFn,
    layout: Layout,
    *,
    verbs: tuple[str, ...] = VERBS,
    forms: tuple[str, ...] = tuple(FORMS),
    bad: bool = False,
    pool: tuple[Id, ...] | None = None,
    modes: tuple[str, ...] = MODES,
    again: bool = False,
) -> Write:
    """A verb on a frame with all that goes with it; `again` if ids are to come again in an order that is kept."""
    verb = draw(st.sampled_from(verbs))
    takes_vectors = verb in ("upsert", "update_vectors")
    takes_payload = verb in ("upsert", "set_payload", "overwrite_payload")
    null_vectors = draw(st.sampled_from(["omit"] if again else ["raise", "omit"])) if takes_vectors else "raise"
    duplicates = draw(st.sampled_from(["keep"] if again else ["raise", "raise", "first", "last", "keep"]))
    frame = draw(
        frames(
            layout,
            payload=takes_payload,
            vectors=takes_vectors and (verb != "upsert" or again or draw(st.booleans())),
            null_vectors=null_vectors,
            unique=duplicates == "raise" and not bad,
            bad=bad,
            forms=forms,
            pool=pool,
        )
    )
    if frame.streamed and duplicates in ("first", "last"):
        duplicates = "keep"
    if frame.streamed and duplicates == "raise" and len({*frame.ids}) < len(frame.ids):
        duplicates = "keep"
    options, change = draw(_verb(layout, verb, frame, null_vectors, duplicates, modes))
    if duplicates == "keep" and (options.get("mode") == "insert_only" or "update_filter" in options):
        duplicates = "raise" if len({*frame.ids}) == len(frame.ids) else "keep"
    given = draw(delivery(frame, ordered=duplicates == "keep"))
    return Write(verb, frame, options, {**given, "duplicates": duplicates}, change)


@st.composite
def _verb(
    draw: st.DrawFn,
    layout: Layout,
    verb: str,
    frame: Frame,
    null_vectors: str,
    duplicates: str,
    modes: tuple[str, ...],
) -> tuple[dict[str, Any], Callable[[Object, Object], Change]]:
    """The options of a verb, and what a row does by them."""
    stored = draw(st.sampled_from(["omit", "keep"]))
    if verb == "upsert":
        mode = draw(st.sampled_from([mode for mode in modes if mode != "insert_only" or duplicates != "keep"]))
        options: dict[str, Any] = {"nulls": stored, "null_vectors": null_vectors, "mode": mode}
        options |= {} if "vector" in frame.options else {"vector": False}
        options |= {} if frame.options.get("payload") else {"payload": False}
        holds: Condition = world.always
        if duplicates != "keep" and draw(st.integers(0, 3)) == 0:
            chosen = draw(filters())
            if not chosen.overrides and chosen.holds is not world.always:
                options["update_filter"], holds = chosen.filter, chosen.holds
        return options, lambda row, vectors: world.upserted(row, vectors, stored, mode, holds)
    if verb == "update_vectors":
        return {"null_vectors": null_vectors}, lambda _, vectors: world.vectors_updated(vectors)
    if verb == "set_payload":
        nulls, key = draw(st.sampled_from(["remove", "skip"])), draw(st.none() | st.sampled_from(KEYS))
        return {"nulls": nulls, "key": key}, lambda row, _: world.payload_set(row, key, nulls)
    if verb == "overwrite_payload":
        return {"nulls": stored}, lambda row, _: world.payload_overwritten(row, stored)
    options, bare = draw(_taking_away(verb, tuple(layout.vectors)))
    return options, lambda _row, _vectors: bare(world.always)


@st.composite
def _taking_away(
    draw: st.DrawFn, verb: str, names: tuple[str, ...]
) -> tuple[dict[str, Any], Callable[[Condition], Change]]:
    """The verbs that take no values."""
    if verb == "delete_payload":
        keys = draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=3, unique=True))
        return {"keys": keys}, lambda holds: world.payload_deleted(keys, holds)
    if verb == "delete_vectors":
        vectors = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        return {"vectors": vectors}, lambda holds: world.vectors_deleted(vectors, holds)
    return {}, world.payload_cleared if verb == "clear_payload" else world.deleted


PAYLOADS: tuple[Mapping[str, Any], ...] = (
    {"city": "Ulm", "n": None},
    {"n": 2, "obj": {"x": 1, "y": None}},
    {"tags": ["x", None], "a.b": {"x": None, "y": "why"}},
    {"deep": {"er": {"n": 0.5}}, "any": True},
)


@st.composite
def selections(draw: st.DrawFn, layout: Layout) -> Selected:
    """A verb by filter."""
    verb = draw(st.sampled_from([verb for verb in VERBS if verb not in ("upsert", "update_vectors")]))
    chosen = draw(filters())
    over = {"schema_overrides": chosen.overrides} if chosen.overrides else {}
    if verb in ("set_payload", "overwrite_payload"):
        payload = dict(draw(st.sampled_from(PAYLOADS)))
        row = {name: absent(value) for name, value in payload.items()}
        if verb == "set_payload":
            nulls, key = draw(st.sampled_from(["remove", "skip"])), draw(st.none() | st.sampled_from(KEYS))
            options = {"payload": payload, "key": key, "nulls": nulls, **over}
            return Selected(verb, chosen.filter, options, world.payload_set(row, key, nulls, chosen.holds))
        stored = draw(st.sampled_from(["omit", "keep"]))
        change = world.payload_overwritten(row, stored, chosen.holds)
        return Selected(verb, chosen.filter, {"payload": payload, "nulls": stored, **over}, change)
    options, bare = draw(_taking_away(verb, tuple(layout.vectors)))
    return Selected(verb, chosen.filter, options | over, bare(chosen.holds))


def absent(value: Any) -> Any:
    """A value with its nulls as `nulls=` decides about them; those of lists stay."""
    if isinstance(value, dict):
        return {name: absent(inner) for name, inner in value.items()}
    return world.ABSENT if value is None else value
