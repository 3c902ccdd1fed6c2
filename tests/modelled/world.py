"""Points in plain Python, and what each verb does to one: JSON payload by Qdrant's paths, vectors by name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.columns.payloads import ABSENT, settle

Id = int | str
Object = dict[str, Any]


@dataclass
class Point:
    payload: Object = field(default_factory=dict)
    vectors: Object = field(default_factory=dict)


Maybe = Point | None
"""None where there is no such point."""

Change = Callable[[Maybe], Maybe]
"""What one row, or one write by filter, makes of a point; leaves its argument as it is."""

Condition = Callable[[Point], bool]


def shown(point: Maybe) -> str:
    """All there is of a point, as text: 5 is not 5.0, null is not a key that is missing, vectors are float32."""
    if point is None:
        return "none"
    vectors = {name: _floats(value) for name, value in point.vectors.items()}
    return json.dumps([point.payload, vectors], sort_keys=True, ensure_ascii=False)


def _floats(vector: Any) -> Any:
    if isinstance(vector, dict):
        pairs = sorted(zip(vector["indices"], vector["values"], strict=True))
        return [[int(index), float(np.float32(value))] for index, value in pairs]
    return [_floats(item) if isinstance(item, list) else float(np.float32(item)) for item in vector]


# -- paths


def steps(path: str) -> list[str | None]:
    """Keys, and None for each "every element"."""
    found: list[str | None] = []
    for quoted, bare, every in re.findall(r'"([^"]*)"|([^.\[\]"]+)|(\[\])', path):
        found.append(None if every else quoted or bare)
    return found


def put(held: Any, path: list[str | None], merge: Callable[[Object], None]) -> Any:
    """`held` with the object at the path changed; what stands in the way is replaced."""
    if not path:
        held = held if isinstance(held, dict) else {}
        merge(held)
        return held
    step, rest = path[0], path[1:]
    if step is None:
        return [put(item, rest, merge) for item in held] if isinstance(held, list) else []
    held = held if isinstance(held, dict) else {}
    held[step] = put(held.get(step), rest, merge)
    return held


def remove(held: Any, path: list[str | None]) -> None:
    """Take away what the path names, where it is there."""
    step, rest = path[0], path[1:]
    if step is None:
        if not isinstance(held, list):
            return
        if not rest:
            held.clear()
        for item in held:
            remove(item, rest)
    elif isinstance(held, dict) and step in held:
        if rest:
            remove(held[step], rest)
        else:
            del held[step]


# -- what the verbs do


def always(_: Point) -> bool:
    return True


def upserted(row: Object, vectors: Object, nulls: str, mode: str, condition: Condition) -> Change:
    new = Point(settle(row, nulls), vectors)

    def change(old: Maybe) -> Maybe:
        if old is None:
            return None if mode == "update_only" else deepcopy(new)
        return deepcopy(new) if mode != "insert_only" and condition(old) else old

    return change


def _there(edit: Callable[[Point], None], condition: Condition = always) -> Change:
    """An edit of a point that is there."""

    def change(old: Maybe) -> Maybe:
        if old is None or not condition(old):
            return old
        found = deepcopy(old)
        edit(found)
        return found

    return change


def vectors_updated(vectors: Object) -> Change:
    return _there(lambda point: point.vectors.update(deepcopy(vectors)))


def payload_set(row: Object, key: str | None, nulls: str, condition: Condition = always) -> Change:
    def merge(held: Object) -> None:
        for name, value in row.items():
            if value is not ABSENT:
                held[name] = settle(value, "omit")
            elif nulls == "remove":
                held.pop(name, None)

    def edit(point: Point) -> None:
        point.payload = put(point.payload, [] if key is None else steps(key), merge)

    return _there(edit, condition)


def payload_overwritten(row: Object, nulls: str, condition: Condition = always) -> Change:
    def edit(point: Point) -> None:
        point.payload = settle(row, nulls)

    return _there(edit, condition)


def payload_deleted(keys: list[str], condition: Condition = always) -> Change:
    def edit(point: Point) -> None:
        for key in keys:
            remove(point.payload, steps(key))

    return _there(edit, condition)


def payload_cleared(condition: Condition = always) -> Change:
    return _there(lambda point: point.payload.clear(), condition)


def vectors_deleted(names: list[str], condition: Condition = always) -> Change:
    def edit(point: Point) -> None:
        for name in names:
            point.vectors.pop(name, None)

    return _there(edit, condition)


def deleted(condition: Condition = always) -> Change:
    return lambda old: None if old is None or condition(old) else old
