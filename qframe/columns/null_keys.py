"""The keys that a `set_payload` with `nulls="remove"` is to remove besides writing null: one list a row of payload.

A null removes its key where the server merges, and it merges only into payload that is there. A point without any
stored payload takes the object as it is, its nulls too (`set` against `merge` in Qdrant's payload storages). So each
key that is null is deleted as well, which changes nothing where the merge has removed it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from qframe.columns.layout import Int64, Mask, ends, valid
from qframe.columns.plain import plain
from qframe.model.operations import OverwritePayload, SetPayload
from qframe.model.paths import payload_path


@dataclass(frozen=True, slots=True, eq=False)
class NullKeys:
    """Row i is to lose `paths[chosen[spans[i]]]`, `paths[chosen[spans[i] + 1]]` … up to `spans[i + 1]`."""

    paths: tuple[str, ...]
    chosen: Int64
    spans: Int64

    @property
    def some(self) -> Mask:
        """Which rows are to lose any."""
        return np.diff(self.spans) > 0

    def of(self, row: int) -> list[str]:
        return [self.paths[place] for place in self.chosen[self.spans[row] : self.spans[row + 1]].tolist()]


def null_keys(operation: SetPayload | OverwritePayload, payload: pa.RecordBatch) -> NullKeys | None:
    """What each row of `payload` is to lose; None where that is nothing.

    Parameters
    ----------
    operation : SetPayload or OverwritePayload
        Under a `key` the server always merges, and an overwrite leaves nothing to remove.
    payload : pyarrow.RecordBatch
        A row for each operation on the wire. Columns that no path can name are passed over: their null is stored.
    """
    if not isinstance(operation, SetPayload) or operation.nulls != "remove" or operation.key is not None:
        return None
    paths, masks = [], []
    for name, array in zip(payload.schema.names, payload.columns, strict=True):
        path, there = payload_path(name), valid(plain(array))
        if path is not None and there is not None:
            paths.append(path)
            masks.append(~there)
    if not masks:
        return None
    nulls = np.stack(masks, axis=1)
    return NullKeys(tuple(paths), np.nonzero(nulls)[1].astype(np.int64), ends(nulls.sum(axis=1)))
