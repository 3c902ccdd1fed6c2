"""Random schemas, payloads that fit them, and predicates about them."""

from __future__ import annotations

import datetime as dt
import math
from random import Random
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from qframe.filters.floats import reread
from qframe.model import predicate as p
from qframe.model.schema import Field, Schema, VectorField

UUID = "550e8400-e29b-41d4-a716-446655440000"
UUIDS = [UUID, UUID.upper(), UUID.replace("-", ""), "550e8400-e29b-41d4-a716-446655440001"]
TEXTS = ["", "a", "b", "ab", "xaby", "AB", "a b", "é", "5", "true", "2024-01-31", *UUIDS]
SMALL = [-3, -1, 0, 1, 2, 3, 100, 127]
BIG = [2**31, 2**53 - 1, 2**53, 2**53 + 1, 2**53 + 2, -(2**53) - 1, 2**62 + 1, 2**63 - 1, -(2**63)]
_NEAR = [math.nextafter(0.1, 0), 0.1, math.nextafter(0.1, 1), math.nextafter(math.nextafter(0.1, 1), 1)]
FLOATS = [
    *_NEAR,
    0.0,
    1.0,
    1.5,
    2.5,
    -3.25,
    0.2,
    0.4,
    2.0**53,
    1e300,
    -1e-300,
    5e-324,
    431.1,
    60000.0,
]
MOVED = [0.9194881836076133, 0.9517757238807879, 0.9725264393617623, 0.12132948074889349, 0.9203873108912085]
MOVED += [reread(one) for one in MOVED]
"""What is written, and what is read in its place."""
DATES = [dt.date(2024, 1, 31), dt.date(2024, 2, 1), dt.date(1969, 12, 31), dt.date(1, 1, 1), dt.date(9999, 12, 31)]
TICKS = [
    0,
    -1,
    1_706_702_400_000_000_000,
    1_706_702_400_123_000_000,
    1_706_702_400_123_456_000,
    1_706_702_400_123_456_789,
]
"""Nanoseconds since 1970."""

_UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
INDEXES = ["keyword", "integer", "float", "bool", "datetime", "uuid", "text", "geo"]
FITTING = {"i": "integer", "f": "float", "s": "keyword", "c": "keyword", "b": "bool", "d": "datetime", "t": "datetime",
           "li": "integer", "lf": "float", "ls": "keyword", "lb": "bool", "lt": "datetime", "st.a": "integer",
           'st."b c"': "keyword", "j": "keyword", "st": "keyword", '"a.b"': "integer"}  # fmt: skip


def random_schema(random: Random, text_ids: bool) -> Schema:
    integers = [pa.int64(), pa.int64(), pa.int8(), pa.uint16(), pa.uint64()]
    floats = [pa.float64(), pa.float64(), pa.float64(), pa.float32(), pa.float16()]
    unit = random.choice([*_UNITS])
    zone = random.choice([None, "UTC", "Europe/Berlin"])
    integer, wide = random.choice(integers), random.choice(floats)
    stamp = pa.timestamp(unit, zone)
    types = {
        "i": integer, "f": wide, "s": pa.large_string(), "c": pa.dictionary(pa.int32(), pa.large_string()),
        "b": pa.bool_(), "d": pa.date32(), "t": stamp,
        "li": pa.list_(integer), "lf": pa.list_(wide), "ls": pa.list_(pa.large_string()), "lb": pa.list_(pa.bool_()),
        "lt": pa.list_(stamp), "n": pa.decimal128(9, 2), "tm": pa.time64("us"), "a.b": pa.int64(),
        "st": pa.struct([("a", integer), ("b c", pa.large_string()), ("l", pa.list_(pa.int64()))]),
    }  # fmt: skip
    payload = (*(Field(name, dtype) for name, dtype in types.items()), Field("j", pa.large_string(), json=True))
    vectors = (VectorField("vector", "", "dense", 1), VectorField("named", "named", "dense", 1))
    return Schema(payload, vectors, pa.large_string() if text_ids else pa.uint64())


def random_payload(random: Random, schema: Schema) -> dict[str, Any]:
    found = {}
    for field in schema.payload:
        chance = random.random()
        if chance < 0.15:
            continue
        found[field.name] = None if chance < 0.25 else _json(random) if field.json else _value(random, field.dtype)
    return found


def _json(random: Random) -> Any:
    return random.choice([1, "a", [], {}, [1, None], {"a": 1}, True, 1.5, [[]]])


def _value(random: Random, dtype: pa.DataType) -> Any:
    types = pa.types
    if types.is_dictionary(dtype) or types.is_large_string(dtype):
        return random.choice(TEXTS)
    if types.is_boolean(dtype):
        return random.random() < 0.5
    if types.is_integer(dtype):
        return random.choice([one for one in [*SMALL, *BIG] if _holds(dtype, one)])
    if types.is_floating(dtype):
        most = {16: 65504.0, 32: 3e38, 64: math.inf}[dtype.bit_width]
        chance = random.random()
        if chance < 0.2:
            return random.choice([0, 1, 2, 3])
        found = random.choice(MOVED if chance < 0.4 else FLOATS) if chance < 0.9 else random.gauss(0, 100)
        return found if abs(found) <= most else 1.5
    if types.is_date(dtype):
        return random.choice(DATES).isoformat()
    if types.is_timestamp(dtype):
        return _stamp(random, dtype)
    if types.is_list(dtype):
        length = random.randrange(4)
        return [None if random.random() < 0.15 else _value(random, dtype.value_type) for _ in range(length)]
    if types.is_struct(dtype):
        return {one.name: _value(random, one.type) for one in dtype if random.random() < 0.7}
    return "12.50" if types.is_decimal(dtype) else "08:15:00"


def _holds(dtype: pa.DataType, value: int) -> bool:
    try:
        pa.scalar(value, dtype)
    except (OverflowError, pa.ArrowInvalid):
        return False
    return True


def _stamp(random: Random, dtype: pa.DataType) -> str:
    unit = _UNITS[dtype.unit]
    tick = random.choice(TICKS) // unit * unit
    second, rest = divmod(tick, 10**9)
    moment = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=second)
    hours = random.choice([0, 0, 2, -5])
    text = (moment + dt.timedelta(hours=hours)).isoformat(sep=random.choice(["T", "T", " "]))
    digits = f"{rest:09}".rstrip("0")
    ending = f"{hours:+03}:00" if hours else random.choice(["Z", "", "+00:00", "z"])
    return f"{text}{'.' + digits if digits else ''}{ending}"


# --- predicates -----------------------------------------------------------------------------------------------------

signs = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
of_null = st.sampled_from(["null", "null", "false", "true", "either"])
ints = st.one_of(st.sampled_from([*SMALL, *BIG, 2**63, 2**64, -(2**64)]), st.integers(-5, 5))
numbers = st.one_of(
    ints,
    st.sampled_from([*FLOATS, 2.0**53, 2.0**63, -1e300, 3e38]),
    st.floats(-10, 10),
    st.floats(allow_nan=False, allow_infinity=False),
)
floats = st.one_of(st.sampled_from(MOVED), numbers)
moments = st.one_of(
    st.sampled_from(TICKS),
    st.sampled_from(TICKS).flatmap(lambda tick: st.integers(tick - 2000, tick + 2000)),
    st.just(10**21),
).map(p.Moment)
Constants = dict[str, st.SearchStrategy[Any]]
CONSTANTS: Constants = {
    "i": numbers, "f": floats, "s": st.sampled_from([*TEXTS, "nope"]), "c": st.sampled_from(TEXTS),
    "b": st.booleans(), "d": st.sampled_from(DATES), "t": moments, "a.b": ints, "st/a": numbers,
    "st/b c": st.sampled_from(TEXTS), }  # fmt: skip
ELEMENTS = {
    "li": numbers,
    "lf": floats,
    "ls": st.sampled_from(TEXTS),
    "lb": st.booleans(),
    "lt": moments,
    "st/l": ints,
}
COLUMNS = ["id", *CONSTANTS, *ELEMENTS, "j", "n", "tm", "st", "vector", "named"]


def column(name: str) -> p.Column:
    return p.Column(tuple(name.split("/")))


def _compares(constants: Constants) -> st.SearchStrategy[Any]:
    return st.sampled_from([*constants]).flatmap(
        lambda name: (
            st.builds(p.Compare, st.just(column(name)), signs, constants[name], of_null)
            | st.builds(p.In, st.just(column(name)), st.lists(constants[name], max_size=5).map(tuple), of_null)
        )
    )


elements = st.sampled_from([*ELEMENTS]).flatmap(
    lambda name: st.builds(p.HasElement, st.just(column(name)), ELEMENTS[name], of_null)
)
lengths = st.builds(p.Length, st.sampled_from([*ELEMENTS]).map(column), signs, st.integers(-1, 4), of_null)
texts = st.builds(
    p.HasText,
    st.sampled_from(["s", "c", "st/b c"]).map(column),
    st.sampled_from(["prefix", "substring"]),
    st.sampled_from(["", "a", "b", "A", "5", UUID, UUID[:9]]),
    of_null,
)
nulls = st.builds(p.IsNull, st.sampled_from(COLUMNS).map(column))
others = st.one_of(st.builds(p.Always, st.sampled_from([True, False, None])), st.just(p.Opaque("it is odd")))


def _nodes(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    parts = st.lists(inner, max_size=3).map(tuple)
    return st.one_of(
        st.builds(p.Not, inner), st.builds(p.And, parts), st.builds(p.Or, parts), st.builds(p.Xor, inner, inner)
    )


def _predicates(ids: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    leaves = st.one_of(*[_compares({**CONSTANTS, "id": ids})] * 3, elements, lengths, texts, nulls)
    return st.recursive(st.one_of(*[leaves] * 9, others), _nodes, max_leaves=6)


TEXT_IDS = [*range(30), *(f"{at:08x}-0000-4000-8000-00000000000a" for at in range(34))]
with_numbers = _predicates(st.one_of(st.integers(-1, 60), st.sampled_from([2.0, 2.5, 2**64, 1e300])))
with_texts = _predicates(
    st.sampled_from([*map(str, TEXT_IDS[::5]), TEXT_IDS[40].upper(), "007", "-1", "+1", " 1", "", "a", str(2**64), "٣"])
)
"""Predicates about integer ids, and about ids that are read as text."""
