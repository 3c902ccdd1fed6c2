"""Qdrant's payload messages, `map<string, Value>` and `Value` of `json_with_int.proto`, as columns of `Values`.

Maps come in an order of their own in every row, so the entries of all rows are read at once and sorted by key. Knows
these messages and nothing of points.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from qframe.columns.layout import Int64, ends, validity
from qframe.columns.values import Values
from qframe.columns.wire_bytes import gather, numbers_at
from qframe.columns.wire_reader import FIXED64, LENGTH, VARINT, Malformed, Spans, Wire, fields, last, varints
from qframe.model.schema import Kind

_UNKNOWN, _MISSING, _FLOAT = 255, int(Kind.MISSING), int(Kind.FLOAT)
_KIND_OF = np.full(256, _UNKNOWN, dtype=np.uint8)
"""Kind by the tag of a `Value`'s only field; a value without any is null."""
for _number, _wire, _kind in (
    (1, VARINT, Kind.NULL),
    (2, FIXED64, Kind.FLOAT),
    (3, VARINT, Kind.INT),
    (4, LENGTH, Kind.STRING),
    (5, VARINT, Kind.BOOL),
    (6, LENGTH, Kind.OBJECT),
    (7, LENGTH, Kind.LIST),
):
    _KIND_OF[_number * 8 + _wire] = _kind

KEY, VALUE = 1 * 8 + LENGTH, 2 * 8 + LENGTH
"""Tags of the two fields of an entry."""
_DELIMITED = np.zeros(256, dtype=np.bool_)
_DELIMITED[[Kind.STRING, Kind.OBJECT, Kind.LIST]] = True


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """The values of one map key: `rows` (ascending, unique) have it, `spans` are the value messages."""

    rows: Int64
    spans: Spans


def members(wire: Wire, owners: Int64, entries: Spans) -> dict[str, Member]:
    """The entries of maps by key, keys in the order in which they are first seen.

    Parameters
    ----------
    wire : Wire
    owners : numpy.ndarray
        The row of each entry, ascending.
    entries : Spans
        Messages of key (1) and value (2); either may be left out, being empty.
    """
    if not len(entries):
        return {}
    keys, values = _entries(wire, entries)
    encoded = gather(wire, keys).cast(pa.large_string()).dictionary_encode()
    codes = encoded.indices.to_numpy()
    # On two bytes numpy's stable sort is a radix sort.
    order = np.argsort(codes.astype(np.uint16) if len(encoded.dictionary) < 2**16 else codes, kind="stable")
    borders = np.searchsorted(codes[order], np.arange(len(encoded.dictionary) + 1))
    found: dict[str, Member] = {}
    for code, key in enumerate(encoded.dictionary.to_pylist()):
        chosen = order[borders[code] : borders[code + 1]]
        found[key] = Member(*last(owners[chosen], values.take(chosen)))
    return found


def _entries(wire: Wire, entries: Spans) -> tuple[Spans, Spans]:
    """Key and value of each entry."""
    data, starts, stops = wire.data, entries.starts, entries.stops
    if len(stops) and (stops - starts).min() >= 4 and stops[-1] <= len(data):
        # As it is always written unless one of both is empty: key, short length, bytes, value.
        begins = starts + 2
        middles = begins + data[starts + 1]
        if (data[starts] == KEY).all() and (data[starts + 1] < 0x80).all() and (middles < stops - 1).all():
            lengths, values = varints(data, middles + 1)
            if (data[middles] == VALUE).all() and np.array_equal(values + lengths, stops):
                return Spans(begins, middles), Spans(values, stops)
    return _any_entries(wire, entries)


def _any_entries(wire: Wire, entries: Spans) -> tuple[Spans, Spans]:
    found = fields(wire, entries)
    # What is not there is empty: it stands at the start of its entry, so that positions stay in order.
    parts = []
    for number in (1, 2):
        starts, stops = entries.starts.copy(), entries.starts.copy()
        owners, spans = last(*found.of(number))
        starts[owners], stops[owners] = spans.starts, spans.stops
        parts.append(Spans(starts, stops))
    return parts[0], parts[1]


def columns(wire: Wire, n: int, found: dict[str, Member], wanted: Container[str] | None = None) -> dict[str, Values]:
    """The columns of the wanted keys, all by default, over `n` rows."""
    return {
        key: values(wire, n, member.rows, member.spans)
        for key, member in found.items()
        if wanted is None or key in wanted
    }


def values(wire: Wire, n: int, rows: Int64, messages: Spans) -> Values:
    """The `Value` messages at `rows` of a column of length `n`; the other rows are MISSING."""
    alike = _alike(wire, messages)
    if alike is not None:
        kind, contents = alike
        kinds = _placed(n, rows, np.full(len(rows), kind, dtype=np.uint8))
        return Values(kinds, **_STORES[kind](wire, n, rows, contents))
    kinds_here, contents = _contents(wire, messages)
    stores: dict[str, Any] = {}
    for kind in np.flatnonzero(np.bincount(kinds_here)).tolist():
        mask = kinds_here == kind
        stores |= _STORES[kind](wire, n, rows[mask], contents.take(mask))
    return Values(_placed(n, rows, kinds_here), **stores)


def _alike(wire: Wire, messages: Spans) -> tuple[int, Spans] | None:
    """Kind and contents of values that are all of one kind, as in most columns, and of the usual form; or None."""
    data, begins, stops = wire.data, messages.starts + 1, messages.stops
    if not len(begins) or stops[-1] > len(data) or (begins >= stops).any():
        return None
    tags = data[messages.starts]
    kind = int(_KIND_OF[tags[0]])
    if kind == _UNKNOWN or not (tags == tags[0]).all():
        return None
    contents = begins
    if kind == _FLOAT:
        after = begins + 8
    elif _DELIMITED[kind]:
        lengths, contents = varints(data, begins)
        after = contents + lengths
    else:
        after = varints(data, begins)[1]
    return (kind, Spans(contents, stops)) if np.array_equal(after, stops) else None


def _contents(wire: Wire, messages: Spans) -> tuple[np.ndarray, Spans]:
    """Kind and content of each `Value`."""
    data, starts, stops = wire.data, messages.starts, messages.stops
    if not len(starts):
        return np.empty(0, dtype=np.uint8), messages
    if stops[-1] > len(data):
        raise Malformed("a value ends beyond the answer")
    filled = stops > starts
    if not filled.all():
        kinds = np.full(len(starts), Kind.NULL, dtype=np.uint8)
        begins, after = starts.copy(), stops.copy()
        kinds[filled], inner = _contents(wire, messages.take(filled))
        begins[filled], after[filled] = inner.starts, inner.stops
        return kinds, Spans(begins, after)
    kinds = _KIND_OF[data[starts]]
    begins = starts + 1
    after = stops
    delimited = _DELIMITED[kinds]
    if delimited.any():
        every = delimited.all()
        where = slice(None) if every else np.flatnonzero(delimited)
        lengths, contents = varints(data, np.minimum(begins[where], len(data) - 1))
        after = contents + lengths if every else stops.copy()
        begins = contents if every else begins.copy()
        if not every:
            begins[where], after[where] = contents, contents + lengths
    odd = (kinds == 255) | (after != stops) | _unlike(data, kinds, begins, stops)
    if odd.any():
        kinds, begins, after = kinds.copy(), begins.copy(), np.where(odd, stops, after)
        rows = np.flatnonzero(odd)
        kinds[rows], inner = _odd(wire, messages.take(rows))
        begins[rows], after[rows] = inner.starts, inner.stops
    return kinds, Spans(begins, after)


def _unlike(data: np.ndarray, kinds: np.ndarray, begins: Int64, stops: Int64) -> np.ndarray:
    """Numbers that do not fill their message exactly."""
    sizes = stops - begins
    first = int(kinds[0])
    if (kinds == first).all():
        # Most columns are of one kind, and most integers of one byte.
        if _DELIMITED[first]:
            return np.zeros(len(kinds), dtype=np.bool_)
        if first == Kind.FLOAT:
            return sizes != 8
        if sizes.max() == sizes.min() == 1:
            return data[begins] > 0x7F
    wrong = (kinds == Kind.FLOAT) & (sizes != 8)
    whole = (kinds == Kind.INT) | (kinds == Kind.BOOL) | (kinds == Kind.NULL)
    if whole.any():
        rows = np.flatnonzero(whole)
        short = sizes[rows] >= 1
        wrong[rows[~short]] = True
        rows = rows[short]
        _, after = varints(data, begins[rows])
        wrong[rows] = after != stops[rows]
    return wrong


def _odd(wire: Wire, messages: Spans) -> tuple[np.ndarray, Spans]:
    """Kind and content of values with fields that are unknown, or more than one: the last known one counts."""
    found = fields(wire, messages)
    kinds = np.full(len(messages), Kind.NULL, dtype=np.uint8)
    starts, stops = messages.starts.copy(), messages.starts.copy()
    known = np.flatnonzero((found.keys < 256) & (_KIND_OF[found.keys & 255] != 255))
    # Later assignments win.
    for place in known.tolist():
        owner = found.owners[place]
        kinds[owner] = _KIND_OF[found.keys[place]]
        starts[owner], stops[owner] = found.spans.starts[place], found.spans.stops[place]
    return kinds, Spans(starts, stops)


def _placed(n: int, rows: Int64, held: np.ndarray) -> np.ndarray:
    """The values of `rows` among `n`; the others are 0, which as a kind is MISSING."""
    if len(rows) == n:
        return held
    out = np.zeros(n, dtype=held.dtype)
    out[rows] = held
    return out


def _nulls(*_: object) -> dict[str, Any]:
    return {}


def _ints(wire: Wire, n: int, rows: Int64, contents: Spans) -> dict[str, Any]:
    return {"ints": _placed(n, rows, varints(wire.data, contents.starts)[0])}


def _floats(wire: Wire, n: int, rows: Int64, contents: Spans) -> dict[str, Any]:
    return {"floats": _placed(n, rows, numbers_at(wire, contents.starts, np.float64))}


def _bools(wire: Wire, n: int, rows: Int64, contents: Spans) -> dict[str, Any]:
    return {"bools": _placed(n, rows, varints(wire.data, contents.starts)[0] != 0)}


def _strings(wire: Wire, n: int, rows: Int64, contents: Spans) -> dict[str, Any]:
    # The cast checks that the bytes are UTF-8.
    found = gather(wire, contents).cast(pa.large_string())
    if len(rows) < n:
        lengths = _placed(n, rows, contents.stops - contents.starts)
        held = validity(_placed(n, rows, np.ones(len(rows), dtype=np.bool_)))
        found = pa.Array.from_buffers(pa.large_string(), n, [held, pa.py_buffer(ends(lengths)), found.buffers()[2]])
    return {"strings": found}


def _lists(wire: Wire, n: int, rows: Int64, contents: Spans) -> dict[str, Any]:
    owners, items = fields(wire, contents).of(1)
    lengths = _placed(n, rows, np.bincount(owners, minlength=len(rows)))
    return {"spans": ends(lengths), "items": values(wire, len(items), np.arange(len(items)), items)}


def _objects(wire: Wire, n: int, rows: Int64, contents: Spans) -> dict[str, Any]:
    owners, entries = fields(wire, contents).of(1)
    return {"fields": columns(wire, n, members(wire, rows[owners], entries))}


_STORES: dict[int, Callable[[Wire, int, Int64, Spans], dict[str, Any]]] = {
    Kind.NULL: _nulls,
    Kind.INT: _ints,
    Kind.FLOAT: _floats,
    Kind.BOOL: _bools,
    Kind.STRING: _strings,
    Kind.LIST: _lists,
    Kind.OBJECT: _objects,
}
"""The stores of `Values` that hold the values of a kind, at some rows of `n`."""
