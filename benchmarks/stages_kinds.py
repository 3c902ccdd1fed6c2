"""What a column of each kind costs: requests and pages of one column or vector, less those without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl
from qdrant_client import grpc

from benchmarks import stages_grpc_write, stages_rest_write
from benchmarks.data import DIM, VECTOR, Wire
from benchmarks.fields import NULLS, nested, scalars, texts
from benchmarks.stages_measure import Stage, costs
from benchmarks.stages_read import DECODED, pages
from benchmarks.stages_write import upsert_of
from qframe.columns.check import check_payload
from qframe.delivery.allocator import keep_pages
from qframe.frames.opening import open_source
from qframe.model.operations import Upsert
from qframe.model.schema import Field, Schema, VectorField
from qframe.model.vectors import Dense, Multi, Sparse, VectorColumn

ROWS = 1_600
"""Of a request and of a page: about those of the base case."""

ENCODED: dict[Wire, Callable[[Upsert], object]] = {
    "grpc": stages_grpc_write.encoded,
    "rest": stages_rest_write.encoded,
}
WIRES: tuple[Wire, ...] = ("grpc", "rest")
COLUMNS = ["kind", "write gRPC", "write REST", "read gRPC", "read REST"]
FIELD, NAME = "field", "named"


def table(rows: int = ROWS, seconds: float = 0.1) -> Iterator[tuple[str, list[float]]]:
    """Each kind, and its µs CPU a row in the order of `COLUMNS`."""
    keep_pages()
    works: dict[str, list[Stage]] = {"": of_column(None, rows)}
    works |= {name: of_column(column, rows) for name, column in columns(rows).items()}
    works |= {name: of_vector(vector, rows) for name, vector in vectors(rows).items()}
    found = [one.cpu for one in costs([stage for stages in works.values() for stage in stages], rows, seconds)]
    without, width = found[: len(COLUMNS) - 1], len(COLUMNS) - 1
    for number, name in enumerate(works):
        if name:
            with_it = found[number * width : (number + 1) * width]
            yield name, [one - none for one, none in zip(with_it, without, strict=True)]


def columns(rows: int) -> dict[str, pl.Series]:
    """A column of each kind, whole and with nulls, out of the cases' fields."""
    rng = np.random.default_rng(7)
    plain, long, deep = (pl.DataFrame(make(rng, rows)) for make in (scalars, texts, nested))
    whole = {
        "int": plain["visitors"],
        "float": plain["price"],
        "bool": plain["open"],
        "text of 8 to 20 bytes": plain["name"],
        "text of 200 to 800 bytes": long["name"],
        "datetime": plain["seen"].str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC"),
        "category": plain["category"].cast(pl.Categorical),
        "list of 0 to 4 ints": deep["scores"].cast(pl.List(pl.Int64)),
        "list of 0 to 4 texts": deep["tags"],
        "list of 0 to 4 structs of three": deep["reviews"],
        "struct of text, int and a struct of two floats": deep["address"],
    }
    there = pl.Series(rng.random(rows) >= NULLS)
    made = {}
    for name, column in whole.items():
        made[name] = column
        made[f"{name}, a quarter null"] = pl.select(pl.when(there).then(column)).to_series()
    return made


def vectors(rows: int) -> dict[str, VectorColumn]:
    """A vector of each kind."""
    rng = np.random.default_rng(7)
    spans = np.arange(rows + 1, dtype=np.int64)
    indices = np.tile(np.arange(50, dtype=np.uint32) * 300, rows)
    return {
        f"dense vector of {DIM}": Dense(_units(rng, rows, DIM)),
        "sparse vector of 50 numbers": Sparse(spans * 50, indices, rng.random(rows * 50, dtype=np.float32)),
        "multivector of 8 × 64": Multi(spans * 8, _units(rng, rows * 8, 64)),
    }


def _units(rng: np.random.Generator, rows: int, dim: int) -> npt.NDArray[np.float32]:
    values = rng.standard_normal((rows, dim), dtype=np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def _frame(column: pl.Series | None, rows: int) -> pl.DataFrame:
    """With ids, and with a vector of one number."""
    frame = pl.DataFrame({"id": np.arange(rows, dtype=np.uint64)})
    held = frame if column is None else frame.with_columns(column.alias(FIELD))
    return held.with_columns(pl.Series(VECTOR, np.ones((rows, 1)), dtype=pl.Array(pl.Float32, 1)))


def of_column(column: pl.Series | None, rows: int) -> list[Stage]:
    """Writing and reading a column, or none, beside ids and a vector that is not read."""
    frame = _frame(column, rows)
    [batch] = open_source(frame).parts(frame.columns)
    stored = frame
    if column is not None and column.dtype == pl.Datetime:
        stored = frame.with_columns(pl.col(FIELD).dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    fields = () if column is None else (Field(FIELD, frame.to_arrow().schema.field(FIELD).type),)
    schema = Schema(fields)
    bodies: dict[Wire, bytes] = {wire: next(pages(wire, stored, rows)) for wire in WIRES}
    return [*_writes(upsert_of(batch)), *_reads(bodies, schema)]


def of_vector(vector: VectorColumn, rows: int) -> list[Stage]:
    """Writing and reading a vector in place of that of one number."""
    frame = _frame(None, rows)
    [batch] = open_source(frame).parts(frame.columns)
    plain = upsert_of(batch)
    operation = replace(plain, points=replace(plain.points, vectors={NAME: vector}))
    dim = None if isinstance(vector, Sparse) else vector.dim
    schema = Schema((), (VectorField(NAME, NAME, vector.kind, dim),))
    values = [_value(vector.take(slice(row, row + 1))) for row in range(rows)]
    bodies: dict[Wire, bytes] = {"grpc": _grpc_answer(values), "rest": _rest_answer(values)}
    return [*_writes(operation), *_reads(bodies, schema)]


def _writes(operation: Upsert) -> list[Stage]:
    payload = operation.points.payload

    def work(wire: Wire) -> None:
        if payload is not None:
            check_payload(FIELD, payload.column(0))
        ENCODED[wire](operation)

    return [Stage("write", 1, partial(work, wire)) for wire in WIRES]


def _reads(bodies: Mapping[Wire, bytes], schema: Schema) -> list[Stage]:
    return [Stage("read", 1, partial(DECODED[wire], body, schema)) for wire, body in bodies.items()]


def _value(vector: VectorColumn) -> Any:
    """The vector of one row as JSON has it."""
    if isinstance(vector, Sparse):
        return {"indices": vector.indices.tolist(), "values": vector.values}
    return vector.values if isinstance(vector, Multi) else vector.values[0]


def _rest_answer(values: Sequence[Any]) -> bytes:
    points = [{"id": row, "payload": {}, "vector": {NAME: value}} for row, value in enumerate(values)]
    answer = {"result": {"points": points, "next_page_offset": None}, "status": "ok", "time": 0.001}
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def _grpc_answer(values: Sequence[Any]) -> bytes:
    points = [
        grpc.RetrievedPoint(
            id=grpc.PointId(num=row),
            vectors=grpc.VectorsOutput(vectors=grpc.NamedVectorsOutput(vectors={NAME: _output(value)})),
        )
        for row, value in enumerate(values)
    ]
    return grpc.ScrollResponse(result=points, time=0.001).SerializeToString()


def _output(value: Any) -> grpc.VectorOutput:
    if isinstance(value, dict):
        return grpc.VectorOutput(sparse=grpc.SparseVector(indices=value["indices"], values=value["values"].tolist()))
    if value.ndim == 2:
        rows = [grpc.DenseVector(data=row.tolist()) for row in value]
        return grpc.VectorOutput(multi_dense=grpc.MultiDenseVector(vectors=rows))
    return grpc.VectorOutput(dense=grpc.DenseVector(data=value.tolist()))
