"""The rows of a vector: columns of a frame, or an array beside it, as float32 buffers, every value checked."""

from __future__ import annotations

import pyarrow as pa

from qframe.columns.dense import NullVectors, dense, dense_from_columns
from qframe.columns.multi import multi
from qframe.columns.sparse import sparse, sparse_struct
from qframe.model.bad import Bad
from qframe.model.vectors import VectorColumn
from qframe.vectors.role import VectorRole


def read_vectors(
    batch: pa.RecordBatch, role: VectorRole, rows: range, null_vectors: NullVectors
) -> tuple[VectorColumn, list[Bad]]:
    """The vectors of a role in the rows of a record batch, and what is bad in them; see `qframe.columns.dense.dense`.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        At least the columns of the role.
    role : VectorRole
    rows : range
        The caller's numbers of the rows.
    null_vectors : "raise" or "omit"
        Whether a null is bad, or a row without this vector.

    Raises
    ------
    FrameError
        When a column as a whole cannot be what it is to be.
    """
    if role.beside is not None:
        return role.beside.part(rows.start, rows.stop, role.label, role.dim, role.whose, role.datatype, null_vectors)
    arrays = [batch.column(name) for name in role.columns]
    if role.kind == "sparse":
        if len(arrays) == 1:
            return sparse_struct(arrays[0], role.columns[0], null_vectors=null_vectors)
        return sparse(arrays[0], arrays[1], *role.columns, null_vectors=null_vectors)
    if role.scalars:
        columns = dict(zip(role.columns, arrays, strict=True))
        return dense_from_columns(columns, datatype=role.datatype, null_vectors=null_vectors)
    read = multi if role.kind == "multi" else dense
    return read(
        arrays[0],
        role.columns[0],
        role.dim,
        whose=role.whose,
        datatype=role.datatype,
        null_vectors=null_vectors,
    )
