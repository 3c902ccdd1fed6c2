"""Random stored points, written down as a server answers them on both wires, and what a decoder has to make of them.

The gRPC bytes come from the official stubs, the JSON from the standard library; the expectation is reckoned one Python
value at a time and shares no code with the package.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st
from qdrant_client import grpc

from qframe.model.schema import Field, Schema, VectorField

BIG = 2**63
KEYS = ["a", "b", "text", "vector", "dense", "", 'q"uote', "ключ", "k" * 130]

scalars = (
    st.none()
    | st.booleans()
    | st.sampled_from([0, -1, 1, 127, 128, 2**53, 2**53 + 1, BIG - 1, -BIG, BIG, 2**64 - 1, 300, 70_000])
    | st.integers(-BIG, BIG - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([3.0, -0.0, 1e300, 5e-324])
    | st.text(max_size=8)
    | st.sampled_from(['looks like ,"vector":[1,2] but is text', "", "é" * 3000, "2024-01-03T04:05:06Z", "\\]"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*KEYS, "c"]), inner, max_size=3),
    max_leaves=8,
)
"""Any value that a payload can hold."""

floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
DIM = 3
dense = st.lists(floats, min_size=DIM, max_size=DIM)
sparse = st.lists(st.tuples(st.integers(0, 2**32 - 1), floats), max_size=3, unique_by=lambda pair: pair[0]).map(
    lambda pairs: {"indices": [i for i, _ in sorted(pairs)], "values": [v for _, v in sorted(pairs)]}
)
multi = st.lists(dense, min_size=1, max_size=3)
KINDS = {"dense": dense, "sparse": sparse, "multi": multi}

ids = st.integers(0, 2**64 - 1) | st.sampled_from([0, 127, 128]) | st.uuids().map(str)


@dataclass(frozen=True)
class Point:
    """A stored point; `vectors` by name, "" for the unnamed one; `score` is that of a hit."""

    id: int | str
    payload: dict[str, Any] = field(default_factory=dict)
    vectors: dict[str, Any] = field(default_factory=dict)
    score: float = 0.0


@st.composite
def layouts(draw: st.DrawFn) -> dict[str, str]:
    """Vector name → kind, of one collection."""
    named = draw(st.dictionaries(st.sampled_from(["dense", "vector", 'n"x', "k" * 130]), st.sampled_from([*KINDS])))
    unnamed = draw(st.sampled_from([None, "dense", "multi"]))
    return named if unnamed is None else {"": unnamed, **named}


@st.composite
def points(draw: st.DrawFn, layout: dict[str, str], *, max_size: int = 6) -> list[Point]:
    vectors = st.fixed_dictionaries({}, optional={name: KINDS[kind] for name, kind in layout.items()})
    payloads = st.dictionaries(st.sampled_from(KEYS), values, max_size=5)
    return draw(st.lists(st.builds(Point, ids, payloads, vectors, floats), max_size=max_size))


def schema_of(layout: dict[str, str], payload: tuple[Field, ...], **more: Any) -> Schema:
    vectors = (VectorField(f"{name}§", name, kind, None if kind == "sparse" else DIM) for name, kind in layout.items())
    return Schema(payload, tuple(vectors), pa.large_string(), "§id", **more)


# ── JSON, as the server writes it


def _f32(value: float) -> str:
    return str(np.float32(value))


def _vector_json(vector: Any) -> str:
    if isinstance(vector, dict):
        numbers = ",".join(map(_f32, vector["values"]))
        return f'{{"indices":{_dump(vector["indices"])},"values":[{numbers}]}}'
    return "[" + ",".join(_vector_json(part) if isinstance(part, list) else _f32(part) for part in vector) + "]"


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def point_json(point: Point, extra: str = "") -> str:
    parts = [f'"id":{_dump(point.id)}{extra}', f'"payload":{_dump(point.payload)}']
    if list(point.vectors) == [""]:
        parts.append(f'"vector":{_vector_json(point.vectors[""])}')
    else:
        named = ",".join(f"{_dump(name)}:{_vector_json(vector)}" for name, vector in point.vectors.items())
        parts.append(f'"vector":{{{named}}}')
    return "{" + ",".join(parts) + "}"


def _answer(result: str) -> bytes:
    return f'{{"result":{result},"status":"ok","time":0.000377798}}'.encode()


def scroll_json(found: list[Point], offset: int | str | None = None) -> bytes:
    inner = ",".join(map(point_json, found))
    return _answer(f'{{"points":[{inner}],"next_page_offset":{_dump(offset)}}}')


def retrieve_json(found: list[Point]) -> bytes:
    return _answer("[" + ",".join(map(point_json, found)) + "]")


def batch_json(answers: list[list[Point]]) -> bytes:
    groups = (",".join(point_json(p, f',"version":1,"score":{_f32(p.score)}') for p in group) for group in answers)
    return _answer("[" + ",".join(f'{{"points":[{group}]}}' for group in groups) + "]")


# ── gRPC, by the official stubs


def value_message(value: Any) -> grpc.Value:
    if value is None:
        return grpc.Value(null_value=0)
    if isinstance(value, bool):
        return grpc.Value(bool_value=value)
    if isinstance(value, int) and value < BIG:
        return grpc.Value(integer_value=value)
    if isinstance(value, (int, float)):
        return grpc.Value(double_value=value)
    if isinstance(value, str):
        return grpc.Value(string_value=value)
    if isinstance(value, list):
        return grpc.Value(list_value=grpc.ListValue(values=map(value_message, value)))
    return grpc.Value(struct_value=grpc.Struct(fields={key: value_message(held) for key, held in value.items()}))


def output_message(vector: Any, *, old: bool = False) -> grpc.VectorOutput:
    """Today's form, or that of servers before 1.17."""
    if isinstance(vector, dict):
        if old:
            return grpc.VectorOutput(data=vector["values"], indices=grpc.SparseIndices(data=vector["indices"]))
        return grpc.VectorOutput(sparse=grpc.SparseVector(**vector))
    if isinstance(vector[0], list):
        if old:
            return grpc.VectorOutput(data=[x for row in vector for x in row], vectors_count=len(vector))
        rows = [grpc.DenseVector(data=row) for row in vector]
        return grpc.VectorOutput(multi_dense=grpc.MultiDenseVector(vectors=rows))
    return grpc.VectorOutput(data=vector) if old else grpc.VectorOutput(dense=grpc.DenseVector(data=vector))


def id_message(held: int | str) -> grpc.PointId:
    return grpc.PointId(uuid=held) if isinstance(held, str) else grpc.PointId(num=held)


def _parts(point: Point, old: bool, rng: random.Random) -> dict[str, Any]:
    keys = list(point.payload)
    rng.shuffle(keys)
    vectors = {name: output_message(vector, old=old) for name, vector in point.vectors.items()}
    if list(vectors) == [""]:
        output = grpc.VectorsOutput(vector=vectors[""])
    else:
        output = grpc.VectorsOutput(vectors=grpc.NamedVectorsOutput(vectors=vectors))
    payload = {key: value_message(point.payload[key]) for key in keys}
    return {"id": id_message(point.id), "payload": payload, "vectors": output}


def scroll_message(
    found: list[Point], offset: int | str | None = None, *, old: bool = False, rng: random.Random | None = None
) -> grpc.ScrollResponse:
    rng = rng or random.Random(0)
    result = [grpc.RetrievedPoint(**_parts(point, old, rng)) for point in found]
    next_page = None if offset is None else id_message(offset)
    return grpc.ScrollResponse(next_page_offset=next_page, result=result, time=0.5)


def retrieve_message(found: list[Point]) -> grpc.GetResponse:
    return grpc.GetResponse(result=scroll_message(found).result, time=0.5)


def batch_message(answers: list[list[Point]]) -> grpc.QueryBatchResponse:
    rng = random.Random(0)
    groups = (
        [grpc.ScoredPoint(score=point.score, version=1, **_parts(point, False, rng)) for point in group]
        for group in answers
    )
    return grpc.QueryBatchResponse(result=[grpc.BatchResult(result=group) for group in groups], time=0.5)


# ── what a decoder has to make of them


def narrowed(value: Any) -> Any:
    """Integers beyond int64 are floats."""
    if isinstance(value, list):
        return [narrowed(item) for item in value]
    if isinstance(value, dict):
        return {key: narrowed(item) for key, item in value.items()}
    return float(value) if type(value) is int and value >= BIG else value


def json_value(text: str | None) -> Any:
    """What JSON text says, with floats and integers kept apart."""
    return None if text is None else json.loads(text)


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types all through: 1, 1.0 and True are three values."""
    return repr(ordered(one)) == repr(ordered(other))


def ordered(value: Any) -> Any:
    """The value with the keys of all objects in order."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value)}
    return [ordered(item) for item in value] if isinstance(value, list) else value
