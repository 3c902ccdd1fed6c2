"""Every operation on all three backends: what it changes, what it leaves, what is said when it cannot be done.

What is expected here is what Qdrant documents; nothing is taken from the server that the suite brings along.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import qframe as qf
from qframe.model.batch import Batch, WriteOptions
from qframe.model.operations import (
    ClearPayload,
    Delete,
    DeletePayload,
    DeleteVectors,
    Matching,
    OverwritePayload,
    SetPayload,
    UpdateVectors,
    Upsert,
)
from qframe.model.outcome import Ack, Fault
from qframe.model.points import Points
from qframe.model.vectors import VectorColumn
from tests.backends.store import (
    CONFIG,
    NAMED,
    TIMEOUT,
    UNNAMED,
    IdKind,
    Store,
    dense,
    first_vectors,
    multi,
    opened,
    sparse,
)

FIRST = {"d": [1, 1], "m": [[1]], "s": {"indices": [0], "values": [1]}}
ULM = {"must": [{"key": "city", "match": {"value": "Ulm"}}]}
NOBODY = {"must": [{"key": "city", "match": {"value": "Nowhere"}}]}


@pytest.fixture(params=["integers", "uuids"])
def store(connection: qf.Connection, request: pytest.FixtureRequest) -> Iterator[Store]:
    """Points 0 to 3 with all vectors: 0 and 1 in Ulm, 2 and 3 in Bonn."""
    with opened(connection, CONFIG, request.param, NAMED) as made:
        cities = {"city": ["Ulm", "Ulm", "Bonn", "Bonn"]}
        made.write(Upsert(made.points(0, 1, 2, 3, payload=cities, vectors=first_vectors(4))))
        yield made


class TestVectors:
    def test_those_given_are_replaced_and_all_else_stays(self, store: Store) -> None:
        store.write(UpdateVectors(store.points(2, 0, vectors={"d": dense([2, 3], [4, 5])})))
        store.write(UpdateVectors(store.points(1, vectors={"m": multi([7, 8]), "s": sparse({9: 0.5, 3: 0.25})})))
        rows = store.rows()
        assert rows[0] == {**FIRST, "d": [4, 5], "payload": {"city": "Ulm"}}
        assert rows[1] == {
            **FIRST,
            "m": [[7], [8]],
            "s": {"indices": [3, 9], "values": [0.25, 0.5]},
            "payload": {"city": "Ulm"},
        }
        assert rows[2] == {**FIRST, "d": [2, 3], "payload": {"city": "Bonn"}}
        assert rows[3] == {**FIRST, "payload": {"city": "Bonn"}}

    def test_the_last_of_an_id_wins(self, store: Store) -> None:
        store.write(UpdateVectors(store.points(1, 0, 1, vectors={"d": dense([2, 2], [3, 3], [4, 4])})))
        assert store.vectors("d") == {0: [3, 3], 1: [4, 4], 2: [1, 1], 3: [1, 1]}

    def test_they_go_by_name_and_come_back(self, store: Store) -> None:
        store.write(DeleteVectors(store.points(0, 2), ("s", "d")))
        rows = store.rows()
        assert rows[0] == {"d": None, "m": [[1]], "s": None, "payload": {"city": "Ulm"}}
        assert rows[1] == {**FIRST, "payload": {"city": "Ulm"}}
        assert rows[2]["m"] == [[1]]
        store.write(UpdateVectors(store.points(0, vectors={"s": sparse({})})))
        store.write(UpdateVectors(store.points(2, vectors={"d": dense([5, 6])})))
        assert [(row["d"], row["s"]) for row in store.rows().values()][::2] == [
            (None, {"indices": [], "values": []}),
            ([5, 6], None),
        ]

    @pytest.mark.parametrize("by", ["ids", "filter"])
    def test_names_that_are_not_there(self, store: Store, by: str) -> None:
        target = store.points(0) if by == "ids" else Matching(ULM)
        for operation in (
            UpdateVectors(store.points(0, vectors={"nope": dense([1, 1])})),
            DeleteVectors(target, ("d", "nope")),
        ):
            fault = store.send(operation)
            assert isinstance(fault, Fault)
            assert fault.kind == "refused"
            assert "Not existing vector name error: nope" in fault.message

    @pytest.mark.parametrize(
        "vectors",
        [{"d": dense([1, 2, 3])}, {"d": sparse({1: 1})}, {"s": dense([1, 2])}, {"d": multi([1, 2])}],
        ids=["dimension", "sparse for dense", "dense for sparse", "multi for dense"],
    )
    def test_vectors_that_do_not_fit(self, store: Store, vectors: dict[str, VectorColumn]) -> None:
        fault = store.send(UpdateVectors(store.points(0, vectors=vectors)))
        assert isinstance(fault, Fault)
        assert fault.kind == "refused"
        assert all(row | {"payload": None} == {**FIRST, "payload": None} for row in store.rows().values())


@pytest.mark.parametrize("kind", ["integers", "uuids"])
def test_the_unnamed_vector(connection: qf.Connection, kind: IdKind) -> None:
    config = {"vectors": {"size": 2, "distance": "Dot"}, "sparse_vectors": {"s": {}}}
    with opened(connection, config, kind, UNNAMED) as store:
        store.write(Upsert(store.points(1, 2, 3, vectors={"": dense(*[[1, 1]] * 3), "s": sparse(*[{0: 1}] * 3)})))
        store.write(UpdateVectors(store.points(1, 2, vectors={"": dense([2, 2], [3, 3])})))
        store.write(UpdateVectors(store.points(3, vectors={"": dense([4, 4]), "s": sparse({5: 5})})))
        assert store.vectors("d") == {1: [2, 2], 2: [3, 3], 3: [4, 4]}
        store.write(DeleteVectors(store.points(1), ("",)))
        store.write(DeleteVectors(Matching({"must": [{"has_vector": "s"}]}), ("s",)))
        assert store.vectors("d") == {1: None, 2: [3, 3], 3: [4, 4]}
        assert set(store.vectors("s").values()) == {None}


class TestPayload:
    def test_it_is_merged_and_nulls_remove_keys(self, store: Store) -> None:
        payload = {
            "city": [None, "Köln", "Köln"],
            "n": [1.5, float("nan"), float("nan")],
            "o": [{"a": 1, "b": None, "c": [{"d": None}]}] * 3,
            "l": [[1, None]] * 3,
        }
        store.write(SetPayload(store.points(0, 1, 2, payload=payload), np.array([0, 1, 1])))
        others = {"o": {"a": 1, "c": [{}]}, "l": [1, None]}
        assert store.payloads() == {
            0: {"n": 1.5, **others},
            1: {"city": "Köln", **others},
            2: {"city": "Köln", **others},
            3: {"city": "Bonn"},
        }
        assert store.vectors("d") == {number: [1, 1] for number in range(4)}

    def test_nulls_that_are_left_out_change_nothing(self, store: Store) -> None:
        store.write(SetPayload(store.points(0, 1, payload={"city": [None, "Köln"]}), nulls="omit"))
        assert store.payloads() == {0: {"city": "Ulm"}, 1: {"city": "Köln"}, 2: {"city": "Bonn"}, 3: {"city": "Bonn"}}

    def test_an_object_replaces_an_object(self, store: Store) -> None:
        store.write(SetPayload(store.points(0, payload={"at": [{"x": 1, "y": 2}]})))
        store.write(SetPayload(store.points(0, payload={"at": [{"z": 3}]})))
        assert store.payloads()[0] == {"city": "Ulm", "at": {"z": 3}}

    @pytest.mark.parametrize(
        ("key", "changed"),
        [
            ("o", {"o": {"x": 1, "n": 9}}),
            ("o.deep.er", {"o": {"x": 1, "gone": 2, "deep": {"er": {"n": 9}}}}),
            ('"a.b"', {"a.b": {"n": 9}}),
            ("l[0]", {"l": [{"x": 1, "n": 9}, {"x": 2}]}),
            ("l[]", {"l": [{"x": 1, "n": 9}, {"x": 2, "n": 9}]}),
            ("l[7]", {}),
            ("city", {"city": {"n": 9}}),
        ],
    )
    def test_under_a_key(self, store: Store, key: str, changed: dict[str, Any]) -> None:
        before = {"city": "Ulm", "o": {"x": 1, "gone": 2}, "l": [{"x": 1}, {"x": 2}]}
        for number in (0, 1):
            store.write(OverwritePayload(store.points(number, payload={name: [v] for name, v in before.items()})))
        store.write(SetPayload(store.points(0, payload={"n": [9], "gone": pa.nulls(1)}), key=key))
        assert store.payloads()[0] == before | changed
        assert store.payloads()[1] == before

    @pytest.mark.parametrize("key", ["", "a..b", "a[", '"a'])
    def test_keys_that_are_no_paths(self, store: Store, key: str) -> None:
        for operation in (
            SetPayload(store.points(0, payload={"n": [1]}), key=key),
            DeletePayload(store.points(0), ("city", key)),
        ):
            fault = store.send(operation)
            assert isinstance(fault, Fault)
            assert (fault.kind, fault.applied) == ("refused", "no")
        assert store.payloads()[0] == {"city": "Ulm"}

    @pytest.mark.parametrize(("nulls", "stored"), [("omit", {"n": 1}), ("keep", {"n": 1, "gone": None})])
    def test_it_is_replaced_whole(self, store: Store, nulls: Any, stored: dict[str, Any]) -> None:
        payload = {"n": [1, 1, 2], "gone": pa.nulls(3)}
        store.write(OverwritePayload(store.points(2, 0, 1, payload=payload), np.array([0, 0, 1]), nulls))
        assert store.payloads() == {0: stored, 1: stored | {"n": 2}, 2: stored, 3: {"city": "Bonn"}}
        assert store.vectors("m") == {number: [[1]] for number in range(4)}

    def test_no_columns_at_all(self, store: Store) -> None:
        nothing = pa.RecordBatch.from_struct_array(pa.array([{}], pa.struct([])))
        empty = Points(store.points(0).ids, {}, nothing, range(1))
        store.write(SetPayload(empty))
        assert store.payloads()[0] == {"city": "Ulm"}
        store.write(OverwritePayload(empty))
        assert store.payloads()[0] == {}

    def test_the_last_of_an_id_wins(self, store: Store) -> None:
        payload = {"n": [1, 2, 1, 3], "only": ["a", None, None, None]}
        store.write(SetPayload(store.points(0, 1, 1, 0, payload=payload), nulls="omit"))
        assert store.payloads()[0] == {"city": "Ulm", "n": 3, "only": "a"}
        assert store.payloads()[1] == {"city": "Ulm", "n": 1}

    def test_keys_are_taken_away(self, store: Store) -> None:
        payload = {"at": [{"x": 1, "y": [{"z": 1}, {"w": 2}]}], "a.b": [1], "a": [{"b": 2}], "stays": [0]}
        store.write(SetPayload(store.points(0, payload=payload)))
        store.write(DeletePayload(store.points(0, 2), ("city", "at.x", "at.y[].z", '"a.b"', "nope")))
        assert store.payloads() == {
            0: {"at": {"y": [{}, {"w": 2}]}, "a": {"b": 2}, "stays": 0},
            1: {"city": "Ulm"},
            2: {},
            3: {"city": "Bonn"},
        }

    def test_all_of_it_is_taken_away(self, store: Store) -> None:
        store.write(ClearPayload(store.points(3, 0)))
        assert store.payloads() == {0: {}, 1: {"city": "Ulm"}, 2: {"city": "Bonn"}, 3: {}}
        assert store.vectors("s") == dict.fromkeys(range(4), FIRST["s"])


def test_points_are_taken_away_whether_they_are_there_or_not(store: Store) -> None:
    store.write(Delete(store.points(3, 99, 0, 3)))
    assert sorted(store.rows()) == [1, 2]
    store.write(Delete(store.points(77)))


class TestByFilter:
    def test_vectors(self, store: Store) -> None:
        store.write(DeleteVectors(Matching(ULM), ("m", "s")))
        assert [(row["m"], row["d"]) for row in store.rows().values()] == [(None, [1, 1])] * 2 + [([[1]], [1, 1])] * 2

    def test_payload(self, store: Store) -> None:
        new = pa.record_batch({"n": [1], "city": pa.nulls(1), "o": [{"a": None, "b": 2}]})
        store.write(SetPayload(Matching(ULM, new)))
        assert store.payloads()[1] == {"n": 1, "o": {"b": 2}}
        one = {"must": [{"key": "n", "match": {"value": 1}}]}
        store.write(SetPayload(Matching(one, pa.record_batch({"c": [3], "b": pa.nulls(1)})), key="o"))
        assert store.payloads() == {0: (changed := {"n": 1, "o": {"c": 3}}), 1: changed, **BONN}
        store.write(DeletePayload(Matching(one), ("o.c", "n")))
        assert store.payloads() == {0: {"o": {}}, 1: {"o": {}}, **BONN}
        rest = {"must_not": [{"is_empty": {"key": "city"}}]}
        store.write(OverwritePayload(Matching(rest, new), nulls="keep"))
        assert store.payloads()[2] == {"n": 1, "city": None, "o": {"a": None, "b": 2}}
        store.write(ClearPayload(Matching({})))
        assert store.payloads() == {number: {} for number in range(4)}

    def test_points(self, store: Store) -> None:
        store.write(Delete(Matching(ULM)))
        assert store.payloads() == BONN
        store.write(Delete(Matching({})))
        assert store.rows() == {}

    def test_nobody(self, store: Store) -> None:
        """A filter that selects no point is no fault."""
        before = store.rows()
        nobody = Matching(NOBODY, pa.record_batch({"n": [1]}))
        store.write(SetPayload(nobody), OverwritePayload(nobody), DeletePayload(nobody, ("city",)))
        store.write(ClearPayload(nobody), DeleteVectors(nobody, ("d",)), Delete(nobody))
        assert store.rows() == before


BONN = {2: {"city": "Bonn"}, 3: {"city": "Bonn"}}


class TestMissingIds:
    @pytest.mark.parametrize(
        "make",
        [
            lambda points: UpdateVectors(Points(points.ids, {"d": dense(*[[9, 9]] * 3)}, None, points.rows)),
            SetPayload,
            lambda points: OverwritePayload(points, np.zeros(3, np.int64)),
            lambda points: DeletePayload(points, ("city",)),
            ClearPayload,
            lambda points: DeleteVectors(points, ("d",)),
        ],
        ids=["update_vectors", "set_payload", "overwrite_payload", "delete_payload", "clear_payload", "delete_vectors"],
    )
    def test_one_is_named_and_what_came_before_is_done(self, store: Store, make: Any) -> None:
        before = store.rows()
        operation = make(store.points(2, 44, 3, payload={"n": [5, 5, 5]}))
        assert operation.needs_existing
        fault = store.send(operation)
        assert isinstance(fault, Fault)
        assert (fault.kind, fault.applied, store.number(fault.point_id)) == ("missing", "some", 44)
        after = store.rows()
        assert set(after) == set(before)
        assert after[2] != before[2]
        assert [after[number] for number in (0, 1)] == [before[number] for number in (0, 1)]

    def test_none_are_made(self, store: Store) -> None:
        fault = store.send(SetPayload(store.points(44, payload={"n": [5]})))
        assert isinstance(fault, Fault)
        assert sorted(store.rows()) == [0, 1, 2, 3]


class TestBatches:
    def test_operations_are_done_in_their_order(self, store: Store) -> None:
        store.write(
            SetPayload(store.points(0, payload={"city": ["Köln"]})),
            Upsert(store.points(9, 8, payload={"n": [1, 1]}, vectors=first_vectors(2))),
            SetPayload(store.points(9, payload={"n": [2], "late": [True]})),
            UpdateVectors(store.points(9, vectors={"d": dense([9, 9])})),
            Delete(store.points(2, 3, 8)),
            Upsert(store.points(2, payload={"again": [1]}, vectors={"m": multi([5])})),
            DeletePayload(store.points(9), ("late",)),
            ClearPayload(Matching(ULM)),
        )
        assert store.payloads() == {0: {"city": "Köln"}, 1: {}, 2: {"again": 1}, 9: {"n": 2}}
        assert store.rows()[2] == {"d": None, "m": [[5]], "s": None, "payload": {"again": 1}}
        assert store.rows()[9]["d"] == [9, 9]

    def test_an_operation_sees_what_those_before_it_did(self, store: Store) -> None:
        store.write(
            SetPayload(Matching(ULM, pa.record_batch({"city": ["Bonn"]}))),
            SetPayload(Matching({"must": [{"key": "city", "match": {"value": "Bonn"}}]}, pa.record_batch({"n": [1]}))),
        )
        assert store.payloads() == {number: {"city": "Bonn", "n": 1} for number in range(4)}

    def test_the_first_fault_ends_it(self, store: Store) -> None:
        fault = store.send(
            SetPayload(store.points(0, payload={"n": [1]})),
            ClearPayload(store.points(1, 44)),
            SetPayload(store.points(2, payload={"n": [1]})),
            Delete(store.points(3)),
        )
        assert isinstance(fault, Fault)
        assert (fault.kind, fault.applied, store.number(fault.point_id)) == ("missing", "some", 44)
        assert store.payloads() == {0: {"city": "Ulm", "n": 1}, 1: {}, **BONN}

    def test_the_last_of_the_same_point_wins(self, store: Store) -> None:
        store.write(Upsert(store.points(5, 5, payload={"n": [1, 2]}, vectors={"d": dense([1, 2], [3, 4])})))
        assert store.rows()[5] == {"d": [3, 4], "m": None, "s": None, "payload": {"n": 2}}

    def test_upserts_of_either_mode_beside_others(self, store: Store) -> None:
        if not store.backend.capabilities.since(1, 17):
            pytest.skip("modes of an upsert came with server 1.17")
        vectors = {"d": dense([7, 7], [7, 7])}
        store.write(
            Upsert(store.points(0, 8, payload={"n": [1, 1]}, vectors=vectors), mode="insert_only"),
            Upsert(store.points(1, 9, payload={"n": [2, None]}, vectors=vectors), mode="update_only", nulls="keep"),
            ClearPayload(store.points(2)),
        )
        assert store.payloads() == {0: {"city": "Ulm"}, 1: {"n": 2}, 2: {}, 3: {"city": "Bonn"}, 8: {"n": 1}}

    def test_without_waiting_it_is_acknowledged(self, store: Store) -> None:
        answer = store.send(Delete(store.points(0)), ClearPayload(store.points(1)), wait=False)
        assert isinstance(answer, Ack)
        assert answer.status == "acknowledged"

    def test_a_prepared_batch_can_be_sent_again(self, store: Store) -> None:
        operations = (
            SetPayload(store.points(0, payload={"n": [1]})),
            DeleteVectors(store.points(0), ("d",)),
            Delete(store.points(3)),
        )
        prepared = store.backend.prepare(Batch(store.name, operations), WriteOptions())
        seen = []
        for _ in range(2):
            assert isinstance(store.backend.write(prepared, TIMEOUT), Ack)
            seen.append(store.rows())
        assert seen[0] == seen[1]
        assert seen[0][0]["payload"] == {"city": "Ulm", "n": 1}
