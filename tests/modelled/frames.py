"""Random frames: ids, payload and vectors as Arrow columns, in all the forms that qframe takes, and in Python."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import strategies as st

from tests.columns.payloads import ABSENT, KINDS, Kind, said_or_absent
from tests.modelled.world import Id, Object

# -- ids: few, so that rows meet points

INTEGERS = (*range(9), 2**53 + 1, 2**63, 2**64 - 1)
UUIDS = tuple(str(uuid.UUID(int=number << 64 | 7)) for number in range(9))
POOLS: tuple[tuple[Id, ...], ...] = (INTEGERS, UUIDS)
FEW = 3
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "qframe")
SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    str.upper,
    lambda text: text.replace("-", ""),
    lambda text: f"urn:uuid:{text}",
    lambda text: f"{{{text}}}",
)

# -- payload


def _exact(value: float) -> float | None:
    return None if value != value else value


FLOATS = st.sampled_from([0.0, -0.0, 5.0, 0.1, -2.5, 1e-7, 1e16, 123456789.125, float("nan")])
"""What every parser of JSON reads exactly, and NaN."""
SHORT = st.sampled_from([0.0, -0.0, 5.0, 0.25, float("nan")])
FLOAT = Kind(pa.float64(), FLOATS, _exact)
SMALL = st.integers(-3, 3)
TEXT = st.sampled_from(["Berlin", "", 'Ulm"\\', "日本", "\x00\n"])


def _held(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


_OBJ = pa.struct([pa.field("x", pa.int64()), pa.field("y", pa.string())])
_OBJS = pa.struct([pa.field("x", pa.int64()), pa.field("z", pa.list_(pa.int64()))])
_obj = st.fixed_dictionaries({"x": _held(SMALL), "y": _held(st.just("why"))})
_objs = st.fixed_dictionaries({"x": _held(SMALL), "z": _held(st.lists(_held(SMALL), max_size=2))})


def _object(value: Object) -> Object:
    return {name: ABSENT if inner is None else inner for name, inner in value.items()}


FIXED: dict[str, Kind] = {
    "n": Kind(pa.int64(), SMALL),
    "city": Kind(pa.string(), TEXT),
    "price": FLOAT,
    "tags": Kind(pa.list_(pa.string()), st.lists(_held(TEXT), max_size=2)),
    "obj": Kind(_OBJ, _obj, _object),
    "objs": Kind(
        pa.list_(_OBJS),
        st.lists(_held(_objs), max_size=2),
        lambda value: [None if item is None else _object(item) for item in value],
    ),
    "a.b": Kind(_OBJ, _obj, _object),
}
_WITHOUT = (pa.float64(), pa.float32(), pa.float16())
ANY = [*(kind for kind in KINDS if kind.dtype not in _WITHOUT), FLOAT, Kind(pa.float32(), SHORT, _exact)]
_AS_IT_IS = (
    pa.bool_(),
    pa.int8(),
    pa.int64(),
    pa.uint64(),
    pa.large_string(),
    pa.string(),
    pa.date32(),
    pa.decimal128(16, 2),
)
PLAIN = [
    kind for kind in ANY if kind.dtype in _AS_IT_IS or (pa.types.is_timestamp(kind.dtype) and kind.dtype.unit == "us")
]
"""Dtypes that every library keeps as they are."""
FREE = ("any", 'q"uote', "ключ", "a b", "k" * 130)

# -- vectors

NUMBERS = st.sampled_from([0.0, -0.0, 1.0, -2.0, 0.1, 3.4e38, 1e-30])


@dataclass(frozen=True)
class VectorKind:
    dtypes: tuple[pa.DataType, ...]
    values: st.SearchStrategy[Any]


def _dense(size: int) -> VectorKind:
    dtypes = (pa.list_(pa.float32(), size), pa.list_(pa.float64(), size), pa.list_(pa.float32()))
    return VectorKind(dtypes, st.lists(NUMBERS, min_size=size, max_size=size))


_SPARSE = VectorKind(
    (pa.struct([("indices", pa.list_(pa.uint32())), ("values", pa.list_(pa.float32()))]),),
    st.dictionaries(st.sampled_from([0, 5, 2**32 - 1]), NUMBERS, max_size=3).map(
        lambda held: {"indices": list(held), "values": list(held.values())}
    ),
)
_MULTI = VectorKind(
    (pa.large_list(pa.list_(pa.float32(), 2)), pa.list_(pa.list_(pa.float64(), 2))),
    st.lists(st.lists(NUMBERS, min_size=2, max_size=2), min_size=1, max_size=2),
)


@dataclass(frozen=True, repr=False)
class Layout:
    """The vectors of a collection; a column has the name of its vector, the unnamed one's is `vector`."""

    name: str
    config: dict[str, Any]
    vectors: dict[str, VectorKind]

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        printer.text(self.name)


def _size(size: int, **more: Any) -> dict[str, Any]:
    return {"size": size, "distance": "Dot", **more}


NAMED = Layout(
    "NAMED",
    {
        "vectors": {"a": _size(2), "b": _size(1), "m": _size(2, multivector_config={"comparator": "max_sim"})},
        "sparse_vectors": {"s": {}},
    },
    {"a": _dense(2), "b": _dense(1), "m": _MULTI, "s": _SPARSE},
)
UNNAMED = Layout("UNNAMED", {"vectors": _size(2), "sparse_vectors": {"s": {}}}, {"": _dense(2), "s": _SPARSE})


# -- frames


@dataclass(frozen=True, repr=False)
class Frame:
    """Rows, as a table and in Python.

    Parameters
    ----------
    table : pyarrow.Table
    form : str
        How qframe gets it, one of `FORMS`.
    ids : list
        None for a row without one.
    payload, vectors : list of dict
        An object a row; nulls are ABSENT, null vectors are left out.
    bad : list of bool
    options : dict
        What the call says of its columns.
    chunks : list of int
        Where an iterable is cut.
    """

    table: pa.Table
    form: str
    ids: list[Id | None]
    payload: list[Object]
    vectors: list[Object]
    bad: list[bool]
    options: dict[str, Any] = field(default_factory=dict)
    chunks: tuple[int, ...] = ()

    @property
    def streamed(self) -> bool:
        return self.form in ("lazy", "reader", "iterable")

    @property
    def library(self) -> str:
        return {"lazy": "polars", "polars": "polars", "pandas": "pandas"}.get(self.form, "arrow")

    def data(self) -> Any:
        """A new one each time, since streams are read once."""
        return FORMS[self.form](self)

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        printer.text(repr(self))

    def __repr__(self) -> str:
        return f"Frame({self.form}, {self.table.to_pydict()}, {self.table.schema.types}, {self.options}, {self.chunks})"


def _pieces(frame: Frame) -> Iterator[pa.Table]:
    ends = [0, *frame.chunks, frame.table.num_rows]
    for start, stop in pairwise(ends):
        yield frame.table.slice(start, stop - start)


def _pandas(frame: Frame) -> pd.DataFrame:
    return frame.table.to_pandas(types_mapper=pd.ArrowDtype)


FORMS: dict[str, Callable[[Frame], Any]] = {
    "arrow": lambda frame: frame.table,
    "polars": lambda frame: pl.DataFrame(frame.table),
    "pandas": _pandas,
    "lazy": lambda frame: pl.DataFrame(frame.table).lazy(),
    "reader": lambda frame: frame.table.to_reader(max_chunksize=2),
    "iterable": _pieces,
}


@st.composite
def _ids(
    draw: st.DrawFn, unique: bool, most: int, pool: tuple[Id, ...] | None, *, bad: bool
) -> tuple[pa.Array, list[Id | None]]:
    """Ids as a column, and as they are stored; one of them null if it is to be bad."""
    # Where ids may come again they are to.
    every: tuple[Id, ...] = pool or draw(st.sampled_from(POOLS))[: None if unique else FEW]
    whole = isinstance(every[0], int)
    many = draw(st.integers(1, min(most, len(every)) if unique else most))
    found: list[Any] = draw(st.lists(st.sampled_from(every), min_size=many, max_size=many, unique=unique))
    if whole:
        fits = [pa.uint64()] + [dtype for dtype, top in ((pa.int64(), 2**63), (pa.int8(), 127)) if max(found) < top]
        values, dtype = [*found], draw(st.sampled_from(fits))
    else:
        values = [draw(st.sampled_from(SPELLINGS))(text) for text in found]
        dtype = draw(st.sampled_from([pa.string(), pa.large_string()]))
    if bad:
        at = draw(st.integers(0, len(found) - 1))
        values[at], found[at] = None, None
    return pa.array(values, dtype), found


@st.composite
def _made(draw: st.DrawFn, unique: bool) -> tuple[dict[str, tuple[pa.Array, list[Any]]], list[Id]]:
    """Columns that ids are made from, and the ids by their documented rule."""
    pair = st.tuples(st.sampled_from(["A-1", "", "ü"]), st.sampled_from([0, -5]))
    found = draw(st.lists(pair, min_size=1, max_size=6, unique=unique))
    names = [f"s{len(sku.encode())}:{sku}i{len(str(lot))}:{lot}" for sku, lot in found]
    skus, lots = [sku for sku, _ in found], [lot for _, lot in found]
    columns = {"sku": (pa.array(skus, pa.string()), skus), "lot": (pa.array(lots, pa.int16()), lots)}
    return columns, [str(uuid.uuid5(NAMESPACE, name)) for name in names]


@st.composite
def _payload(
    draw: st.DrawFn, form: str, wrong: list[bool], least: int, *, bad: bool
) -> dict[str, tuple[pa.Array, list[Any]]]:
    """Payload columns and their JSON; rows with a value that cannot be stored become `wrong`."""
    columns, n = {}, len(wrong)
    free = ANY if form in ("arrow", "reader", "iterable") else PLAIN
    for name in draw(st.lists(st.sampled_from([*FIXED, *FREE]), min_size=least, max_size=4, unique=True)):
        kind = FIXED[name] if name in FIXED else draw(st.sampled_from(free))
        values = draw(st.lists(_held(kind.values), min_size=n, max_size=n))
        if name == "price" and bad and draw(st.booleans()):
            at = draw(st.integers(0, n - 1))
            values[at], wrong[at] = float("inf"), True
        columns[name] = pa.array(values, kind.dtype), [said_or_absent(kind, value) for value in values]
    return columns


@st.composite
def _vectors(draw: st.DrawFn, layout: Layout, wrong: list[bool], *, absent: bool, allowed: bool) -> tuple[Any, ...]:
    """Vector columns, and what they say row by row; a null is `wrong` unless it is allowed."""
    columns: dict[str, pa.Array] = {}
    held: list[Object] = [{} for _ in wrong]
    for name in draw(st.lists(st.sampled_from(sorted(layout.vectors)), min_size=1, unique=True)):
        kind = layout.vectors[name]
        values = kind.values | (st.none() if absent else st.nothing())
        drawn = draw(st.lists(values, min_size=len(wrong), max_size=len(wrong)))
        columns[name or "vector"] = pa.array(drawn, draw(st.sampled_from(kind.dtypes)))
        for row, value in enumerate(drawn):
            if value is not None:
                held[row][name] = value
            else:
                wrong[row] |= not allowed
    return columns, held


@st.composite
def frames(
    draw: st.DrawFn,
    layout: Layout,
    *,
    payload: bool = False,
    vectors: bool = False,
    null_vectors: str = "raise",
    unique: bool = True,
    bad: bool = False,
    named: bool = True,
    forms: tuple[str, ...] = tuple(FORMS),
    most: int = 9,
    pool: tuple[Id, ...] | None = None,
) -> Frame:
    """Some ids of one kind (of the `pool`), or columns to make them of, and some payload and vector columns."""
    form = draw(st.sampled_from(forms))
    columns: dict[str, tuple[pa.Array, list[Any]]] = {}
    arrays: dict[str, pa.Array] = {}
    options: dict[str, Any] = {}
    ids: list[Id | None] = []
    if named and pool is None and draw(st.integers(0, 7)) == 0:
        columns, made = draw(_made(unique))
        ids, options = [*made], {"id_from": ["sku", "lot"]}
    else:
        label = draw(st.sampled_from(["id", "id", "key"]))
        options = {} if label == "id" else {"id": label}
        arrays[label], ids = draw(_ids(unique, most, pool, bad=bad and draw(st.integers(0, 4)) == 0))
    wrong = [point is None for point in ids]
    if payload:
        columns |= draw(_payload(form, wrong, 0 if columns else 1, bad=bad))
        options["payload"] = list(columns)
    objects = [{name: said[row] for name, (_, said) in columns.items()} if payload else {} for row in range(len(ids))]
    arrays |= {name: array for name, (array, _) in columns.items()}
    held: list[Object] = [{} for _ in ids]
    if vectors:
        allowed = null_vectors == "omit"
        found, held = draw(_vectors(layout, wrong, absent=allowed or bad, allowed=allowed))
        arrays |= found
        options["vector"] = list(found)
    cut = st.lists(st.integers(1, max(len(ids) - 1, 1)), max_size=2, unique=True)
    chunks = tuple(sorted(draw(cut))) if len(ids) > 1 and form == "iterable" else ()
    return Frame(pa.table(arrays), form, ids, objects, held, wrong, options, chunks)
