"""Points written and read back: ids, vectors, payload, upsert modes, pages."""

import numpy as np
import pyarrow as pa
import pytest

from qframe.backends import embedded
from qframe.backends.embedded import reads
from qframe.backends.embedded.backend import EmbeddedBackend
from qframe.model.ids import Ids
from qframe.model.operations import Upsert
from qframe.model.outcome import Ack, Fault
from qframe.model.requests import PageRequest
from qframe.model.schema import Field, Schema, VectorField
from qframe.model.vectors import Dense
from tests.backends.embedded.steps import (
    COLLECTION,
    DIM,
    TIMEOUT,
    count,
    created,
    dense,
    ids_of,
    multi,
    numbers,
    points,
    sparse,
    stored,
    write,
)

VECTORS = (
    VectorField("vector", "", "dense", DIM),
    VectorField("multi", "multi", "multi", 2),
    VectorField("sparse", "sparse", "sparse"),
)
NAMES = ("", "multi", "sparse")
UUIDS = Ids(np.arange(48, dtype=np.uint8).reshape(3, 16))
NAME = pa.array(["a", "b", None])


@pytest.fixture
def backend(backend: EmbeddedBackend) -> EmbeddedBackend:
    created(backend)
    return backend


def page(backend: EmbeddedBackend, schema: Schema, **request) -> pa.Table:
    answer = backend.page(PageRequest(COLLECTION, **request), schema, TIMEOUT)
    assert not isinstance(answer, Fault), answer
    assert answer.mismatches == ()
    assert answer.table.schema == schema.arrow()
    return answer.table


def json(backend: EmbeddedBackend) -> list[str | None]:
    """The whole payload of each point as text, in the order of ids."""
    schema = Schema(extra="column", extra_name="all", id_type=pa.large_string())
    return page(backend, schema)["all"].to_pylist()


def test_every_kind_of_vector(backend: EmbeddedBackend) -> None:
    vectors = {
        "": dense(3),
        "multi": multi([[1, 2]], [[3, 4], [5, 6]], [[7, 8]]),
        "sparse": sparse(([9, 3], [0.5, 0.25]), ([], []), ([4_294_967_295], [1])),
    }
    stored(backend, points(numbers(1, 2, 2**64 - 1), vectors))
    table = page(backend, Schema(vectors=VECTORS), vectors=NAMES)
    assert table["id"].to_pylist() == [1, 2, 2**64 - 1]
    assert np.array_equal(table["vector"].to_pylist(), vectors[""].values)
    assert table["multi"].to_pylist() == [[[1, 2]], [[3, 4], [5, 6]], [[7, 8]]]
    assert table["sparse"].to_pylist() == [
        {"indices": [3, 9], "values": [0.25, 0.5]},
        {"indices": [], "values": []},
        {"indices": [4_294_967_295], "values": [1]},
    ]


def test_absent_vectors_stay_absent(backend: EmbeddedBackend) -> None:
    half = np.array([True, False, True])
    stored(backend, points(numbers(1, 2, 3), {"": Dense(dense(3).values, half)}))
    table = page(backend, Schema(vectors=VECTORS), vectors=NAMES)
    assert table["vector"].is_valid().to_pylist() == [True, False, True]
    assert table["multi"].null_count == table["sparse"].null_count == 3


def test_a_strided_column_is_written_as_it_reads(backend: EmbeddedBackend) -> None:
    wide = np.random.default_rng(0).standard_normal((3, 2 * DIM)).astype(np.float32)
    stored(backend, points(numbers(1, 2, 3), {"": Dense(wide[:, ::2])}))
    table = page(backend, Schema(vectors=VECTORS[:1]), vectors=("",))
    assert np.array_equal(table["vector"].to_pylist(), wide[:, ::2])


def test_one_vector_for_a_multivector(backend: EmbeddedBackend) -> None:
    stored(backend, points(numbers(1), {"multi": dense(1, 2)}))
    table = page(backend, Schema(vectors=VECTORS[1:2]), vectors=("multi",))
    assert np.allclose(table["multi"].to_pylist(), [dense(1, 2).values])


def test_uuids(backend: EmbeddedBackend) -> None:
    stored(backend, points(UUIDS, payload={"name": NAME}))
    stored(backend, points(numbers(7)))
    assert ids_of(backend) == ["7", *UUIDS.tolist()]
    schema = Schema((Field("name", pa.large_string()),), id_type=pa.large_string())
    assert page(backend, schema, ids=UUIDS)["name"].to_pylist() == ["a", "b", None]
    assert backend.existing(COLLECTION, UUIDS, TIMEOUT).tolist() == [True] * 3
    other = Ids(UUIDS.values[::-1] + np.uint8(1))
    assert backend.existing(COLLECTION, other, TIMEOUT).tolist() == [False] * 3


def test_a_uuid_where_all_ids_were_integers_is_said(backend: EmbeddedBackend) -> None:
    stored(backend, points(UUIDS))
    answer = backend.page(PageRequest(COLLECTION), Schema(), TIMEOUT)
    assert [mismatch.point_id for mismatch in answer.mismatches] == UUIDS.tolist()


PAYLOAD = {
    "none": pa.nulls(2),
    "flag": pa.array([True, None]),
    "whole": pa.array([-(2**63), 2**63 - 1], pa.int64()),
    "real": pa.array([1.0, float("nan")]),
    "text": pa.array(["ä\0\n\"'\\", ""]),
    "list": pa.array([[1, None], []]),
    "object": pa.array([{"a": None, "b": {"c": None}}, {"a": 1, "b": None}]),
    "objects": pa.array([[{"a": None}, None], None], pa.list_(pa.struct([("a", pa.int64())]))),
    "day": pa.array([0, None], pa.date32()),
    "a.b": pa.array([1, 2]),
    'quoted"': pa.array([1, 2]),
}


def test_nulls_left_out(backend: EmbeddedBackend) -> None:
    stored(backend, Upsert(points(numbers(1, 2), payload=PAYLOAD), nulls="omit"))
    assert list(map(_parsed, json(backend))) == [
        {
            "flag": True,
            "whole": -(2**63),
            "real": 1.0,
            "text": "ä\0\n\"'\\",
            "list": [1, None],
            "object": {"b": {}},
            "objects": [{}, None],
            "day": "1970-01-01",
            "a.b": 1,
            'quoted"': 1,
        },
        {"whole": 2**63 - 1, "text": "", "list": [], "object": {"a": 1}, "a.b": 2, 'quoted"': 2},
    ]


def test_nulls_kept(backend: EmbeddedBackend) -> None:
    stored(backend, Upsert(points(numbers(1, 2), payload=PAYLOAD), nulls="keep"))
    first, second = map(_parsed, json(backend))
    assert first["object"] == {"a": None, "b": {"c": None}}
    assert first["objects"] == [{"a": None}, None]
    assert set(second) == set(PAYLOAD)
    assert [key for key, value in second.items() if value is None] == ["day", "flag", "none", "objects", "real"]
    assert count(backend, {"must": {"is_null": {"key": "real"}}}) == 1


def _parsed(text: str | None):
    import json

    return json.loads(text or "{}")


def test_whole_numbers_stay_whole_and_floats_floats(backend: EmbeddedBackend) -> None:
    stored(backend, points(numbers(1), payload={"i": pa.array([5]), "f": pa.array([5.0]), "b": pa.array([True])}))
    assert json(backend) == ['{"b":true,"f":5.0,"i":5}']


def test_payload_keys_asked_for(backend: EmbeddedBackend) -> None:
    stored(backend, points(numbers(1, 2), payload=PAYLOAD))
    schema = Schema((Field("a.b", pa.int64()), Field("whole", pa.int64())))
    expected = {"id": [1, 2], "a.b": [1, 2], "whole": [-(2**63), 2**63 - 1]}
    assert page(backend, schema, payload=("a.b", "whole")).to_pydict() == expected
    assert page(backend, schema, payload=("whole",))["a.b"].null_count == 2
    assert page(backend, schema, payload=False)["whole"].null_count == 2
    assert page(backend, schema, payload=())["whole"].null_count == 2
    quoted = Schema((Field('quoted"', pa.int64()),))
    assert page(backend, quoted, payload=('quoted"',))['quoted"'].to_pylist() == [1, 2]


def test_upsert_replaces_points_whole(backend: EmbeddedBackend) -> None:
    stored(backend, points(numbers(1), payload={"a": pa.array([1])}))
    stored(backend, points(numbers(1), {"multi": multi([[1, 2]])}, {"b": pa.array([2])}))
    assert json(backend) == ['{"b":2}']
    assert count(backend, {"must": {"has_vector": ""}}) == 0


def test_the_last_of_equal_ids_wins(backend: EmbeddedBackend) -> None:
    ids = Ids(np.full(100, 7, dtype=np.uint64))
    stored(backend, points(ids, payload={"at": pa.array(range(100))}))
    assert json(backend) == ['{"at":99}']


@pytest.mark.parametrize(("mode", "expected"), [("upsert", ["new", "new"]), ("insert_only", ["old", "new"])])
def test_modes(backend: EmbeddedBackend, mode: str, expected: list[str]) -> None:
    stored(backend, points(numbers(1), payload={"x": pa.array(["old"])}))
    stored(backend, Upsert(points(numbers(1, 2), payload={"x": pa.array(["new", "new"])}), mode=mode))
    schema = Schema((Field("x", pa.large_string()),))
    assert page(backend, schema)["x"].to_pylist() == expected


def test_update_only_skips_what_is_not_there(backend: EmbeddedBackend) -> None:
    stored(backend, points(numbers(1), payload={"x": pa.array(["old"])}))
    stored(backend, Upsert(points(numbers(1, 2), payload={"x": pa.array(["new", "new"])}), mode="update_only"))
    assert json(backend) == ['{"x":"new"}']


def test_update_filter_gates_points_that_exist(backend: EmbeddedBackend) -> None:
    stored(backend, points(numbers(1, 2), payload={"v": pa.array([1, 5])}))
    gate = {"must": {"key": "v", "range": {"lt": 3}}}
    stored(backend, Upsert(points(numbers(1, 2, 3), payload={"v": pa.array([9, 9, 9])}), update_filter=gate))
    assert json(backend) == ['{"v":9}', '{"v":5}', '{"v":9}']


def test_a_prepared_batch_can_be_written_again(backend: EmbeddedBackend) -> None:
    from qframe.model.batch import Batch, WriteOptions

    prepared = backend.prepare(Batch(COLLECTION, (Upsert(points(numbers(1, 2))),)), WriteOptions())
    assert [backend.write(prepared, TIMEOUT) for _ in range(3)] == [Ack("completed")] * 3
    assert count(backend) == 2


def test_without_waiting_it_is_acknowledged(backend: EmbeddedBackend) -> None:
    assert write(backend, points(numbers(1)), wait=False) == Ack("acknowledged")


def test_pages_follow_each_other(backend: EmbeddedBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "READ_POINTS", 7)
    stored(backend, points(Ids(np.arange(0, 200, 2, dtype=np.uint64)), payload={"n": pa.array(range(100))}))
    schema = Schema((Field("n", pa.int64()),))
    seen, offset = [], None
    while True:
        request = PageRequest(COLLECTION, limit=30, offset=offset, filter={"must": {"key": "n", "range": {"lt": 95}}})
        answer = backend.page(request, schema, TIMEOUT)
        seen.append(answer.table["n"].to_pylist())
        offset = answer.next_offset
        if offset is None:
            break
    assert list(map(len, seen)) == [30, 30, 30, 5]
    assert [n for part in seen for n in part] == list(range(95))
    between = backend.page(PageRequest(COLLECTION, limit=2, offset=101), schema, TIMEOUT)
    assert between.table["id"].to_pylist() == [102, 104]
    assert between.next_offset == 106


def test_next_offset_may_be_a_uuid(backend: EmbeddedBackend) -> None:
    stored(backend, points(UUIDS))
    answer = backend.page(PageRequest(COLLECTION, limit=1), Schema(id_type=pa.large_string()), TIMEOUT)
    assert answer.next_offset == UUIDS[1]
    request = PageRequest(COLLECTION, offset=answer.next_offset)
    rest = backend.page(request, Schema(id_type=pa.large_string()), TIMEOUT)
    assert rest.table["id"].to_pylist() == UUIDS.tolist()[1:]


def test_points_of_ids(backend: EmbeddedBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "READ_POINTS", 3)
    stored(backend, points(numbers(*range(10))))
    assert page(backend, Schema(), ids=numbers(9, 3, 77, 3, 1, 9, 5))["id"].to_pylist() == [9, 3, 1, 5]
    assert page(backend, Schema(), ids=numbers())["id"].to_pylist() == []
    mask = backend.existing(COLLECTION, numbers(9, 3, 77, 3, 10, 0), TIMEOUT)
    assert mask.dtype == np.bool_
    assert mask.tolist() == [True, True, False, True, False, True]
    assert backend.existing(COLLECTION, numbers(), TIMEOUT).tolist() == []


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (PageRequest("nowhere"), "Collection `nowhere` doesn't exist"),
        (PageRequest(COLLECTION, vectors=("nope",)), "Not existing vector name error: nope"),
        (PageRequest(COLLECTION, offset=-1), "Format error"),
        (PageRequest(COLLECTION, offset="abc"), "Format error"),
        (PageRequest(COLLECTION, limit=0), "limit: value 0 invalid"),
        (PageRequest(COLLECTION, shard_key="a"), "no shard keys"),
    ],
)
def test_pages_refused(backend: EmbeddedBackend, request_: PageRequest, message: str) -> None:
    answer = backend.page(request_, Schema(), TIMEOUT)
    assert isinstance(answer, Fault)
    assert message in answer.message


def test_a_collection_that_is_gone(backend: EmbeddedBackend) -> None:
    answers = [
        write(backend, points(numbers(1)), name="nowhere"),
        count(backend, name="nowhere"),
        backend.existing("nowhere", numbers(1), TIMEOUT),
    ]
    for answer in answers:
        assert isinstance(answer, Fault)
        assert (answer.kind, answer.cause) == ("fatal", "collection")


def test_importing_the_package_does_not_load_the_engine() -> None:
    import subprocess
    import sys

    code = "import sys; from qframe.backends import embedded; print('qdrant_edge' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert embedded.__doc__
