"""Record batches to points by their roles, every value checked; and ids that occur twice. Sends nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qframe.columns import layout
from qframe.columns.check import check_payload
from qframe.columns.dense import NullVectors
from qframe.columns.layout import Mask
from qframe.model.bad import KEPT_VALUES, Bad
from qframe.model.ids import Ids, Index
from qframe.model.points import Points, ShardKey
from qframe.model.spelling import listed
from qframe.model.vectors import Dense, Sparse, VectorColumn
from qframe.planning.identity import read_ids
from qframe.vectors.role import VectorRole
from qframe.vectors.rows import read_vectors
from qframe.write.options import Duplicates
from qframe.write.roles import Roles


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """Points whose values have been looked at.

    Parameters
    ----------
    points : Points
        With the one shard key of all rows, if any.
    shard_keys : pyarrow.Array or None
        The shard key of each row: text, or unsigned integers.
    """

    points: Points
    shard_keys: pa.Array | None = None

    def __len__(self) -> int:
        return len(self.points)

    def take(self, index: Index) -> Checked:
        """The rows at `index`."""
        keys = self.shard_keys
        if keys is not None:
            # filter and slice in one kernel call
            keys = keys[index] if isinstance(index, slice) else keys.take(pa.array(index))
        return Checked(self.points.take(index), keys)


def make_points(
    batch: pa.RecordBatch, roles: Roles, first_row: int = 0, *, null_vectors: NullVectors = "raise"
) -> tuple[Checked, list[Bad]]:
    """The rows of a record batch as points.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        At least the columns of `roles.columns`.
    roles : Roles
    first_row : int
        The caller's number of the first row.
    null_vectors : "raise" or "omit"
        Whether a null vector is bad, or a point without that vector.

    Returns
    -------
    checked : Checked
        All rows, the bad ones too: these must be left out (`Checked.take`) before anything is sent.
    bad : list of Bad
        Rows are positions in the batch.

    Raises
    ------
    FrameError
        When a column as a whole cannot be what it is to be.
    """
    rows = range(first_row, first_row + batch.num_rows)
    ids, bad = read_ids(batch, roles.id, rows.start)
    vectors = {}
    for role in roles.vectors:
        column, found = read_vectors(batch, role, rows, null_vectors)
        vectors[role.vector] = column
        bad += [*found, *_too_long(column, role, roles.longest.get(role.vector))]
    for name in roles.payload:
        bad += check_payload(name, batch.column(name))
    payload = batch.select(list(roles.payload)) if roles.payload else None
    keys, found = _shard_keys(batch, roles.shard_column, roles.shard_keys)
    return Checked(Points(ids, vectors, payload, rows, roles.shard_key), keys), [*bad, *found]


def _too_long(column: VectorColumn, role: VectorRole, most: int | None) -> list[Bad]:
    """Sparse vectors and multivectors that hold more than the collection's strict mode allows."""
    if most is None or isinstance(column, Dense):
        return []
    lengths = np.diff(column.offsets)
    rows = np.flatnonzero(lengths > most)
    if not len(rows):
        return []
    held = "numbers" if isinstance(column, Sparse) else "vectors"
    message = f"the collection's strict mode allows {most} {held} in one row of {role.vector!r}"
    values = tuple(f"{length} {held}" for length in lengths[rows[:KEPT_VALUES]].tolist())
    return [
        Bad(role.columns[-1] if role.columns else role.label, rows, values, message, "Shorten it, or raise the limit.")
    ]


def _shard_keys(
    batch: pa.RecordBatch, column: str | None, known: tuple[ShardKey, ...] | None
) -> tuple[pa.Array | None, list[Bad]]:
    """The shard keys as text or integers; nulls, negative ones and those that are not `known` are bad."""
    if column is None:
        return None, []
    keys = batch.column(column)
    if pa.types.is_dictionary(keys.type):
        keys = keys.dictionary_decode()
    bad = []
    present = layout.valid(keys)
    if present is not None:
        missing = np.flatnonzero(~present)
        none = (None,) * min(len(missing), KEPT_VALUES)
        bad.append(Bad(column, missing, none, "a row needs a shard key", "Fill it in, or leave the row out."))
    if pa.types.is_signed_integer(keys.type):
        values = (keys.fill_null(0) if keys.null_count else keys).to_numpy()
        negative = np.flatnonzero(values < 0)
        if len(negative):
            found = tuple(values[negative[:KEPT_VALUES]].tolist())
            bad.append(Bad(column, negative, found, "a shard key must not be negative", "Correct it."))
    if known is not None:
        bad += _unknown(column, keys, known)
    return keys, bad


def _unknown(column: str, keys: pa.Array, known: tuple[ShardKey, ...]) -> list[Bad]:
    """Shard keys, but nulls and negative ones, that the collection does not have."""
    missing = [key for key in keys.unique().to_pylist() if key not in (None, *known) and not _negative(key)]
    if not missing:
        return []
    rows = np.flatnonzero(pc.is_in(keys, value_set=pa.array(missing, keys.type)).to_numpy(zero_copy_only=False))
    values = tuple(keys.take(pa.array(rows[:KEPT_VALUES])).to_pylist())
    there = f"it has {listed(known)}" if known else "it has none yet"
    way_out = "Correct it, or make the shard key with Qdrant's own API."
    return [Bad(column, rows, values, f"the collection has no such shard key, {there}", way_out)]


def _negative(key: ShardKey) -> bool:
    return isinstance(key, int) and key < 0


def duplicates(
    ids: Ids,
    policy: Duplicates,
    column: str,
    *,
    usable: Mask | None = None,
    first_row: int = 0,
) -> tuple[Mask, list[Bad]]:
    """Ids that occur more than once.

    Parameters
    ----------
    ids : Ids
    policy : "raise", "first", "last" or "keep"
        "raise": all but the first of equal ids are bad. "first", "last": all others are to be left out.
    column : str
        What errors call the ids.
    usable : numpy.ndarray, optional
        Which rows have an id at all, `bool` of shape (n,); the others are not compared.
    first_row : int
        The caller's number of position 0, for the message.

    Returns
    -------
    left_out : numpy.ndarray
        `bool` of shape (n,): rows that are not to be written.
    bad : list of Bad
        Empty unless the policy is "raise".
    """
    n = len(ids)
    nowhere = np.zeros(n, dtype=np.bool_)
    if n == 0 or policy == "keep":
        return nowhere, []
    compared = np.arange(n) if usable is None or usable.all() else np.flatnonzero(usable)
    codes, distinct = (ids if len(compared) == n else ids.take(compared)).codes()
    if distinct == len(compared):
        return nowhere, []
    kept = np.empty(distinct, dtype=np.int64)
    if policy == "last":
        kept[codes] = compared
    else:
        kept[codes[::-1]] = compared[::-1]
    again = kept[codes] != compared
    left_out = nowhere
    left_out[compared[again]] = True
    if policy != "raise":
        return left_out, []
    rows = compared[again]
    bad = Bad(
        column,
        rows,
        tuple(ids.take(rows[:KEPT_VALUES]).tolist()),
        "the id of row {} again",
        "Make ids unique, let one row win: duplicates='first' or 'last', or send all in order: duplicates='keep' with "
        "order='semi_ordered'.",
        kept[codes[again]] + first_row,
    )
    return left_out, [bad]
