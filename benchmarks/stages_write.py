"""The stages of a write, from the caller's frame to the server's answer; only the encoding is a wire's own."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

import qframe as qf
from benchmarks import stages_grpc_write, stages_rest_write
from benchmarks.data import VECTOR, Wire
from benchmarks.stages_measure import Stage, each
from benchmarks.targets import Target
from qframe.backends.opening import open_backend
from qframe.columns.check import check_payload
from qframe.columns.dense import dense
from qframe.columns.ids import parse_ids
from qframe.delivery.allocator import keep_pages
from qframe.frames.opening import open_source
from qframe.model.batch import Batch, WriteOptions
from qframe.model.operations import Upsert
from qframe.model.points import Points
from qframe.write.cut import cut
from qframe.write.options import BATCH_ROWS

ENCODING = {"grpc": stages_grpc_write.encoding, "rest": stages_rest_write.encoding}
TIMEOUT = 60.0


def stages(wire: Wire, frame: pl.DataFrame, reached: Target) -> list[Stage]:
    """An upsert of the frame by one worker."""
    keep_pages()
    connection = qf.connect(f"http://{reached.host}:{reached.port}", grpc_port=reached.grpc_port, transport=wire)
    collection, backend = qf.collection(reached.collection, connection=connection), open_backend(connection)
    [batch], first = open_source(frame).parts(frame.columns), frame.head(1)
    operation = upsert_of(batch)
    payload, ids = operation.points.payload, operation.points.ids
    assert payload is not None
    most = BATCH_ROWS, backend.capabilities.batch_bytes
    requests = [one for one in cut(backend, operation, *most) if isinstance(one, Upsert)]
    prepared = [backend.prepare(Batch(reached.collection, (one,)), WriteOptions()) for one in requests]
    return [
        Stage("a call's own: an upsert of one row", 1, lambda: collection.upsert(first, n_jobs=1, progress=False)),
        Stage("frame to Arrow", 1, lambda: list(open_source(frame).parts(frame.columns))),
        Stage("ids read and checked", 1, lambda: parse_ids(batch.column("id"), "id")),
        Stage("ids that occur twice", 1, ids.codes),
        Stage("vectors checked", 1, lambda: dense(batch.column(VECTOR), VECTOR)),
        each("payload checked", lambda name: check_payload(name, payload.column(name)), payload.schema.names),
        Stage("sizes reckoned, cut into requests", 1, lambda: list(cut(backend, operation, *most))),
        *ENCODING[wire](requests),
        each("sent and answered", lambda one: backend.write(one, TIMEOUT), prepared),
    ]


def upsert_of(batch: pa.RecordBatch) -> Upsert:
    """The operation of a record batch of `id`, fields and the vector."""
    ids, _ = parse_ids(batch.column("id"), "id")
    vectors, _ = dense(batch.column(VECTOR), VECTOR)
    names = [name for name in batch.schema.names if name not in ("id", VECTOR)]
    return Upsert(Points(ids, {"": vectors}, batch.select(names) if names else None, range(batch.num_rows)))
