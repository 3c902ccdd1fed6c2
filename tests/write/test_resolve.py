"""Which column is what: the id, vectors, payload and shard key of a frame, with and without a collection."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from qframe.errors import FrameError, OptionError
from qframe.model.requests import CollectionInfo, VectorConfig
from qframe.planning.identity import IdColumn, IdsFrom, RandomIds
from qframe.vectors.types import sample_columns
from qframe.write.resolve import resolve, resolve_vectors
from qframe.write.roles import RoleOptions, Roles

PAIR = pa.list_(pa.float32(), 2)
LIST = pa.list_(pa.float64())
MULTI = pa.list_(PAIR)
STRUCT = pa.struct([("indices", pa.list_(pa.uint32())), ("values", pa.list_(pa.float32()))])
WIDE = [[0.5] * 16, [0.25] * 16]


def _frame(**columns: Any) -> pa.RecordBatch:
    arrays = {"id": pa.array([1, 2]), **columns}
    return pa.record_batch(
        {name: value if isinstance(value, pa.Array) else pa.array(value) for name, value in arrays.items()}
    )


def _info(*vectors: VectorConfig, sharding: Any = "auto") -> CollectionInfo:
    return CollectionInfo("places", vectors, sharding=sharding)


def _dense(name: str, dim: int, datatype: str = "float32") -> VectorConfig:
    return VectorConfig(name, "dense", dim, "Cosine", datatype)


def _resolve(frame: pa.RecordBatch, info: CollectionInfo | None = None, **options: Any) -> Roles:
    sample = frame.select(sample_columns(frame.schema))
    return resolve(frame.schema, RoleOptions(**options), info=info, sample=sample, length=frame.num_rows)


def _vectors(roles: Roles) -> dict[str, tuple[str, tuple[str, ...], int | None]]:
    return {role.vector: (role.kind, role.columns, role.dim) for role in roles.vectors}


PLACES = _frame(name=["a", "b"], embedding=pa.array([[1, 2], [3, 4]], PAIR))


def test_the_plain_case() -> None:
    roles = _resolve(PLACES)
    assert roles.id == IdColumn("id")
    assert _vectors(roles) == {"embedding": ("dense", ("embedding",), 2)}
    assert roles.payload == ("name",)
    assert roles.columns == ("id", "name", "embedding")


@pytest.mark.parametrize(
    ("column", "vectors", "target"),
    [
        ("vector", None, ""),
        ("vector", (), ""),
        ("embedding", None, "embedding"),
        ("embedding", (_dense("", 2),), ""),
        ("embedding", (_dense("embedding", 2), _dense("other", 3)), "embedding"),
        ("vector", (_dense("", 2), _dense("other", 3)), ""),
        ("vector", (_dense("vector", 2),), "vector"),
    ],
)
def test_the_name_of_the_only_vector(column: str, vectors: tuple[VectorConfig, ...] | None, target: str) -> None:
    frame = _frame(**{column: pa.array([[1, 2], [3, 4]], PAIR)})
    for options in ({}, {"vector": column}):
        if vectors == () and options == {}:
            continue
        info = None if not vectors else _info(*vectors)
        assert _vectors(_resolve(frame, info, **options)) == {target: ("dense", (column,), 2)}


def test_columns_named_like_the_collections_vectors_are_taken() -> None:
    frame = _frame(
        text=pa.array([[1, 2], [3, 4]], PAIR),
        bag=pa.array([{"indices": [1], "values": [1.0]}] * 2, STRUCT),
        late=pa.array([[[1, 2]], [[3, 4]]], MULTI),
        short=pa.array([[1, 2, 3]] * 2, LIST),
        title=["x", "y"],
    )
    info = _info(
        _dense("text", 2), _dense("short", 3), _dense("title", 9), VectorConfig("late", "multi", 2, "Dot"),
        VectorConfig("bag", "sparse"),
    )  # fmt: skip
    roles = _resolve(frame, info)
    assert _vectors(roles) == {
        "text": ("dense", ("text",), 2),
        "short": ("dense", ("short",), 3),
        "late": ("multi", ("late",), 2),
        "bag": ("sparse", ("bag",), None),
    }
    assert roles.payload == ("title",)


@pytest.mark.parametrize(
    ("column", "info", "found"),
    [
        (pa.array(WIDE, LIST), None, True),
        (pa.array([*WIDE[:1], None], LIST), None, True),
        (pa.array([[1.0], [2.0]], LIST), None, False),
        (pa.array([[1.0, 2.0], [2.0, 3.0]], LIST), _info(_dense("", 2)), True),
        (pa.array([WIDE[0], WIDE[0][1:]], LIST), None, False),
        (pa.array([[1] * 16, [2] * 16]), None, False),
        (pa.array([[1, 2], [3, 4]], pa.list_(pa.int8(), 2)), None, False),
        (pa.array([{"indices": [1], "values": [1.0]}] * 2, STRUCT), None, True),
        (pa.array([[[1, 2]], [[3, 4]]], MULTI), None, True),
        (pa.array([[[1.0, 2.0]], [[3.0, 4.0]]], pa.list_(LIST)), None, False),
    ],
    ids=str,
)
def test_what_looks_like_a_vector(column: pa.Array, info: CollectionInfo | None, found: bool) -> None:
    frame = _frame(e=column)
    if found:
        assert len(_resolve(frame, info).vectors) == 1
        with pytest.raises(FrameError, match=r"'e' looks like a vector"):
            _resolve(frame, info, vector=False)
    else:
        with pytest.raises(FrameError, match="no column looks like a vector"):
            _resolve(frame, info)
        assert _resolve(frame, info, vector=False).payload == ("e",)


def test_an_update_of_vectors_cannot_do_without_them() -> None:
    ragged = _frame(e=pa.array([[1.0], [2.0, 3.0]], LIST))
    with pytest.raises(FrameError, match=r"different lengths.*rows of another length are then bad alone\.$") as caught:
        _resolve(ragged, None, takes="vectors")
    assert "upsert" not in str(caught.value)


@pytest.mark.parametrize(
    ("vector", "expected"),
    [
        ("a", {"a": ("dense", ("a",), 2)}),
        (["a", "b"], {"a": ("dense", ("a",), 2), "b": ("dense", ("b",), 3)}),
        ({"": "a"}, {"": ("dense", ("a",), 2)}),
        ({"x": "a", "y": "a"}, {"x": ("dense", ("a",), 2), "y": ("dense", ("a",), 2)}),
        ({"x": ["p", "q"]}, {"x": ("dense", ("p", "q"), 2)}),
        ({"x": ("p",)}, {"x": ("dense", ("p",), 1)}),
        ({"x": "codes"}, {"x": ("dense", ("codes",), 2)}),
        ({"x": ("i", "v")}, {"x": ("sparse", ("i", "v"), None)}),
        ("bag", {"bag": ("sparse", ("bag",), None)}),
        ({"x": "nested"}, {"x": ("multi", ("nested",), 2)}),
        ({"x": np.ones((2, 5))}, {"x": ("dense", (), 5)}),
        ({"x": np.ones((2, 4, 5))}, {"x": ("multi", (), 5)}),
        (np.ones((2, 5)), {"": ("dense", (), 5)}),
        (False, {}),
    ],
    ids=str,
)
def test_vectors_as_they_are_named(vector: Any, expected: dict[str, Any]) -> None:
    frame = _frame(
        a=pa.array([[1, 2], [3, 4]], PAIR),
        b=pa.array([[1, 2, 3]] * 2, LIST),
        p=[1, 2],
        q=[0.5, 1.5],
        codes=pa.array([[1, 2], [3, 4]]),
        i=pa.array([[1], [2]]),
        v=pa.array([[1.0], [2.0]]),
        bag=pa.array([{"indices": [1], "values": [1.0]}] * 2, STRUCT),
        nested=pa.array([[[1.0, 2.0]], [[3.0, 4.0]]], pa.list_(LIST)),
    )
    assert _vectors(_resolve(frame, vector=vector, payload=False)) == expected


def test_the_collection_completes_a_role() -> None:
    (role,) = _resolve(PLACES, _info(_dense("", 2, "uint8"))).vectors
    assert (role.dim, role.datatype) == (2, "uint8")
    assert "'places'" in role.whose


def test_a_collection_without_vectors_asks_for_none() -> None:
    assert _resolve(_frame(name=["a", "b"]), _info()).vectors == ()


def test_an_empty_frame_has_nothing_to_show() -> None:
    frame = _frame(embedding=pa.array([None, None])).slice(0, 0)
    assert _resolve(frame, _info(_dense("", 2))).vectors == ()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ("name", "city")),
        ({"payload": None}, ("name", "city")),
        ({"payload": True}, ("name", "city")),
        ({"payload": False}, ()),
        ({"payload": []}, ()),
        ({"payload": ["city"]}, ("city",)),
        ({"payload": "city"}, ("city",)),
        ({"payload": ("city", "name")}, ("city", "name")),
        ({"payload": ["embedding"], "vector": False}, ("embedding",)),
        ({"id_from": ["city"], "payload": ["city"]}, ("city",)),
        ({"id_from": ["city"]}, ("id", "name", "city")),
        ({"id": "uuid4"}, ("id", "name", "city")),
        ({"shard_key": "city"}, ("name", "city")),
    ],
    ids=str,
)
def test_payload(options: dict[str, Any], expected: tuple[str, ...]) -> None:
    frame = _frame(name=["a", "b"], city=["x", "y"], embedding=pa.array([[1, 2], [3, 4]], PAIR))
    assert _resolve(frame, **options).payload == expected


def test_payload_by_a_polars_selector() -> None:
    pl = pytest.importorskip("polars")
    frame = _frame(name=["a", "b"], price=[1.0, 2.0], embedding=pa.array([[1, 2], [3, 4]], PAIR))
    assert _resolve(frame, payload=pl.selectors.string()).payload == ("name",)
    assert _resolve(frame, payload=pl.selectors.by_name("price") | pl.selectors.string()).payload == ("name", "price")
    assert _resolve(frame, payload=pl.col("price")).payload == ("price",)
    with pytest.raises(FrameError, match="payload="):
        _resolve(frame, payload=pl.selectors.by_name("nothing"))
    with pytest.raises(FrameError, match="payload="):
        _resolve(frame, payload=pl.col("price") * 2)


def test_ids() -> None:
    space = uuid.uuid4()
    assert _resolve(PLACES, id="name", payload=False).id == IdColumn("name")
    made = _resolve(PLACES, id_from=["name", "id"], namespace=space).id
    assert made == IdsFrom(("name", "id"), space)
    assert _resolve(PLACES, id_from="name").columns == ("name", "id", "embedding")
    one, two = (_resolve(PLACES, id="uuid4").id for _ in range(2))
    assert isinstance(one, RandomIds)
    assert one != two
    assert resolve(PLACES.schema, RoleOptions(id="uuid4"), seed=7, length=2).id == RandomIds(7)


@pytest.mark.parametrize(
    ("shard_key", "sharding", "column", "value"),
    [("name", "custom", "name", None), ("berlin", "custom", None, "berlin"), (7, "custom", None, 7)],
)
def test_shard_keys(shard_key: Any, sharding: Any, column: str | None, value: Any) -> None:
    roles = _resolve(PLACES, _info(_dense("", 2), sharding=sharding), shard_key=shard_key)
    assert (roles.shard_column, roles.shard_key) == (column, value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"id": "id", "id_from": ["name"]}, "exclude"),
        ({"namespace": uuid.uuid4()}, "id_from"),
        ({"id_from": ["name"], "namespace": "x"}, "uuid.UUID"),
        ({"id_from": []}, "no column"),
        ({"id_from": ["name", "name"]}, "twice"),
        ({"id": 5}, "id=5"),
        ({"vector": True}, "vector=True"),
        ({"vector": []}, "no column"),
        ({"vector": ["id", "id"]}, "one vector, and it needs a name"),
        ({"vector": {"a": 5}}, "vector['a']"),
        ({"vector": {5: "embedding"}}, "not text"),
        ({"vector": {"a": []}}, "no column"),
        ({"payload": 5}, "payload=5"),
        ({"payload": ["name", "name"]}, "twice"),
        ({"shard_key": 1.5}, "shard_key=1.5"),
        ({"shard_key": True}, "shard_key=True"),
        ({"shard_key": "name", "info": _info(_dense("", 2))}, "no shard keys"),
        ({"info": _info(_dense("", 2), sharding="custom")}, "custom sharding"),
    ],
    ids=str,
)
def test_options_that_make_no_sense(options: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError) as caught:
        _resolve(PLACES, options.pop("info", None), **options)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("options", "column", "words"),
    [
        ({"id": "ident"}, "ident", ["id=", "'ident'", "'name', 'embedding'"]),
        ({"id_from": ["nam"]}, "nam", ["Did you mean 'name'?"]),
        ({"vector": "Embeding"}, "Embeding", ["Did you mean 'embedding'?"]),
        ({"vector": {"a": ("embedding", "nmae")}}, "nmae", ["vector['a']", "Did you mean 'name'?"]),
        ({"payload": ["nam"]}, "nam", ["payload=", "Did you mean 'name'?"]),
        ({"vector": "name"}, "name", ["string cannot be a vector", "Array"]),
        ({"vector": {"a": ("embedding", "name")}}, "embedding", ["do not make a vector"]),
        ({"vector": {"a": ("embedding", "embedding")}}, "embedding", ["(indices, values)", "integers"]),
        ({"vector": {"": "bag"}}, "bag", ["a sparse vector must have a name"]),
        ({"vector": {"a": "id"}}, "id", ["both the id and a vector"]),
        ({"payload": ["id"]}, "id", ["both the id and payload"]),
        ({"vector": "embedding", "payload": ["embedding"]}, "embedding", ["both a vector and payload"]),
        ({"shard_key": "id"}, "id", ["both the id and the shard key"]),
        ({"shard_key": "price"}, "price", ["double cannot be a shard key", "Cast"]),
        ({"vector": np.ones((3, 2))}, "vector", ["3 rows beside a frame of 2"]),
        ({"vector": np.ones(2)}, "vector", ["shape (2,)"]),
        ({"vector": {"a": np.array([["x", "y"]] * 2)}}, "vector", ["floats or integers"]),
        ({"vector": {"a": "embedding", "b": np.ones((2, 0))}}, "vector", ["shape (2, 0)"]),
        ({"info": _info(_dense("", 3))}, "embedding", ["2 numbers", "'places' has 3"]),
        ({"info": _info(_dense("text", 2))}, "embedding", ["It has 'text'", "vector={'text': 'embedding'}"]),
        ({"info": _info(VectorConfig("embedding", "multi", 2, "Dot"))}, "embedding", ["dense vectors", "is multi"]),
        ({"info": _info(), "vector": "embedding"}, "embedding", ["It has no vectors", "vector=False"]),
        ({"vector": "bag", "info": _info(_dense("bag", 2))}, "bag", ["sparse vectors", "is dense"]),
    ],
    ids=str,
)  # fmt: skip
def test_columns_that_do_not_fit(options: dict[str, Any], column: str, words: list[str]) -> None:
    frame = _frame(
        name=["a", "b"],
        embedding=pa.array([[1, 2], [3, 4]], PAIR),
        price=[1.0, 2.0],
    )
    if "bag" in str(options.get("vector")):
        frame = frame.append_column("bag", pa.array([{"indices": [1], "values": [1.0]}] * 2, STRUCT))
    with pytest.raises(FrameError) as caught:
        _resolve(frame, options.pop("info", None), **options)
    assert caught.value.column == column
    for word in words:
        assert word in str(caught.value)


def test_the_dimension_of_lists_is_told_with_a_row() -> None:
    frame = _frame(embedding=pa.array([None, [1.0, 2.0]], LIST))
    with pytest.raises(FrameError) as caught:
        _resolve(frame, _info(_dense("embedding", 3)))
    assert (caught.value.column, caught.value.row, caught.value.value) == ("embedding", 1, 2)


def test_candidates_are_named() -> None:
    frame = _frame(a=pa.array([[1, 2], [3, 4]], PAIR), b=pa.array([[1, 2], [3, 4]], PAIR))
    with pytest.raises(FrameError, match=r"'a', 'b'.*vector='a'.*vector=\['a', 'b'\]"):
        _resolve(frame)
    with pytest.raises(FrameError, match=r"'b' looks like a vector .* payload="):
        _resolve(frame, vector="a")


def test_why_no_list_was_taken() -> None:
    frame = _frame(rgb=pa.array([[1.0, 2.0, 3.0]] * 2), tags=pa.array([[1.0], [1.0, 2.0]]))
    with pytest.raises(FrameError, match=r"'rgb' has lists of 3.*'tags' has lists of different lengths.*vector=False"):
        _resolve(frame)


def test_no_id() -> None:
    frame = pa.record_batch({"ID": pa.array([1])})
    with pytest.raises(FrameError) as caught:
        _resolve(frame, vector=False)
    for word in ("id='ID'", "id='…'", "id_from=", "id='uuid4'"):
        assert word in str(caught.value)
    with pytest.raises(FrameError, match="Rename the column"):
        _resolve(_frame(uuid4=[1, 2]), id="uuid4", vector=False)


def test_an_array_beside_a_stream_is_refused() -> None:
    with pytest.raises(FrameError, match="beside a stream"):
        resolve(PLACES.schema, RoleOptions(vector=np.ones((2, 2))), length=None)


def test_two_sources_of_one_vector() -> None:
    frame = _frame(vector=pa.array([[1, 2], [3, 4]], PAIR), b=pa.array([[1, 2], [3, 4]], PAIR))
    (role,) = _resolve(frame, vector={"x": "vector"}, payload=False).vectors
    assert role.vector == "x"
    assert [role.vector for role in _resolve(frame, vector=["vector", "b"]).vectors] == ["", "b"]


def test_payload_that_no_json_can_hold() -> None:
    with pytest.raises(FrameError, match="'raw'"):
        _resolve(_frame(raw=[b"x", b"y"]), vector=False)


def test_roles_for_making_a_collection() -> None:
    roles = resolve_vectors(PLACES.schema, None)
    assert _vectors(roles) == {"embedding": ("dense", ("embedding",), 2)}
    assert roles.payload == ("name",)


def test_columns_whose_width_stands_in_the_rows() -> None:
    schema = pa.schema(
        [
            ("fixed", PAIR), ("list", LIST), ("large", pa.large_list(pa.float32())), ("many", MULTI),
            ("deep", pa.list_(LIST)), ("text", pa.list_(pa.string())), ("n", pa.int8()), ("bag", STRUCT),
        ]
    )  # fmt: skip
    assert sample_columns(schema) == ("list", "large", "deep")
