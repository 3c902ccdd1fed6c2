"""Bodies of `POST /collections/{name}/points/batch`: any operations, done by the server one after the other.

Operations that write payload are as many objects on the wire as they have runs; they are made by column like all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa

from qframe.backends.rest.fields import (
    id_list,
    id_texts,
    lined,
    nameless,
    payload_objects,
    refuse_ragged,
    separators,
    to_json,
    vector_texts,
)
from qframe.backends.rest.pipe import Parts
from qframe.backends.rest.upsert import upsert
from qframe.columns.json_text import listed, text
from qframe.columns.null_keys import null_keys
from qframe.columns.rope import Rope, column, rope, where
from qframe.model.operations import (
    ClearPayload,
    Delete,
    DeletePayload,
    DeleteVectors,
    Matching,
    Operation,
    OverwritePayload,
    SetPayload,
    Target,
    UpdateVectors,
    Upsert,
)

_Text = bytes | memoryview


def points_batch(operations: Iterable[Operation]) -> Parts:
    """The body for operations in their order.

    Raises
    ------
    ValueError
        When a vector is not present in every row of an operation.
    """
    parts: list[_Text] = []
    for operation in operations:
        parts += [b",", *_written(operation)]
    return (b'{"operations":[', *parts[1:], b"]}")


def size(operation: Operation) -> int:
    """Bytes of an operation in the body."""
    return sum(map(len, _written(operation)))


def _vector_objects(operation: UpdateVectors) -> Rope:
    """The id and the vectors of each row."""
    points = operation.points
    refuse_ragged(points)
    n = len(points)
    if nameless(points.vectors):
        vectors = vector_texts(points.vectors[""])
    else:
        named = zip(separators(b"{"), points.vectors.items(), strict=False)
        vectors = rope(
            n, *(rope(n, before, text(name), b":", vector_texts(held)) for before, (name, held) in named), b"}"
        )
    return rope(n, b'{"id":', id_texts(points.ids), b',"vector":', vectors, b"}")


def _written(operation: Operation) -> list[_Text]:
    """The operation as one object, or as one for each run of payload with commas between them."""
    return _WRITE[type(operation)](operation)


def _upsert(operation: Upsert) -> list[_Text]:
    return [b'{"upsert":', *upsert(operation), b"}"]


def _update_vectors(operation: UpdateVectors) -> list[_Text]:
    rows = lined(_vector_objects(operation))
    return [b'{"update_vectors":{"points":[', rows, b"]", _shard_key(operation), b"}}"]


def _set_payload(operation: SetPayload) -> list[_Text]:
    key = b"" if operation.key is None else b',"key":' + text(operation.key)
    return _payload(b"set_payload", operation, key)


def _overwrite_payload(operation: OverwritePayload) -> list[_Text]:
    return _payload(b"overwrite_payload", operation)


def _payload(name: bytes, operation: SetPayload | OverwritePayload, key: bytes = b"") -> list[_Text]:
    payloads, of = payload_objects(operation.run_payload, operation.nulls), _run_points(operation)
    opening = b'{"%b":{"payload":' % name
    written = rope(payloads.n, opening, payloads, b",", of, key, _shard_key(operation), b"}}")
    removed = removals(operation)
    return [lined(written if removed is None else rope(written.n, written, removed))]


def removals(operation: SetPayload | OverwritePayload) -> Rope | None:
    """A comma and the `delete_payload` of the keys that each run is to lose; None where no run loses any."""
    lost = null_keys(operation, operation.run_payload)
    if lost is None:
        return None
    keys = pa.array([text(path).decode() for path in lost.paths], type=pa.large_string()).take(pa.array(lost.chosen))
    of, n = _run_points(operation), len(lost.spans) - 1
    opening = b',{"delete_payload":{"keys":'
    return where(rope(n, opening, listed(column(keys), lost.spans), b",", of, _shard_key(operation), b"}}"), lost.some)


def _run_points(operation: SetPayload | OverwritePayload) -> Rope:
    """Which points each run is for."""
    target = operation.target
    if isinstance(target, Matching):
        return rope(1, _matching(target))
    runs = operation.runs
    return rope(len(runs) - 1, b'"points":', listed(id_texts(target.ids), runs))


def _delete_payload(operation: DeletePayload) -> list[_Text]:
    return _aimed(b"delete_payload", operation, b'"keys":' + to_json(operation.keys) + b",")


def _clear_payload(operation: ClearPayload) -> list[_Text]:
    return _aimed(b"clear_payload", operation)


def _delete_vectors(operation: DeleteVectors) -> list[_Text]:
    return _aimed(b"delete_vectors", operation, b'"vector":' + to_json(operation.vectors) + b",")


def _delete(operation: Delete) -> list[_Text]:
    return _aimed(b"delete", operation)


def _aimed(
    name: bytes, operation: DeletePayload | ClearPayload | DeleteVectors | Delete, what: bytes = b""
) -> list[_Text]:
    return [b'{"%b":{' % name, what, _points(operation.target), _shard_key(operation), b"}}"]


def _points(target: Target) -> bytes:
    return _matching(target) if isinstance(target, Matching) else b'"points":' + id_list(target.ids)


def _matching(target: Matching) -> bytes:
    return b'"filter":' + to_json(target.filter)


def _shard_key(operation: Operation) -> bytes:
    return b"" if operation.shard_key is None else b',"shard_key":' + to_json(operation.shard_key)


_WRITE: Mapping[type, Callable[[Any], list[_Text]]] = {
    Upsert: _upsert,
    UpdateVectors: _update_vectors,
    SetPayload: _set_payload,
    OverwritePayload: _overwrite_payload,
    DeletePayload: _delete_payload,
    ClearPayload: _clear_payload,
    DeleteVectors: _delete_vectors,
    Delete: _delete,
}
"""How each operation is written."""
