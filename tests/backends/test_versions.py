"""What operations need of a server that would otherwise do something else without a word."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from qframe.backends.versions import operation_needs, too_old
from qframe.model.ids import Ids
from qframe.model.operations import Delete, Matching, OverwritePayload, SetPayload
from qframe.model.points import Points

HIDDEN_NULL = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), pa.array(["a", None]))


def set_payload(values: Any, **options: Any) -> SetPayload:
    batch = pa.record_batch({"a": [1, 2], "x": values})
    return SetPayload(Points(Ids(np.arange(2, dtype=np.uint64)), {}, batch, range(2)), **options)


@pytest.mark.parametrize("values", [[1, None], [1.5, float("nan")], pa.nulls(2), HIDDEN_NULL])
def test_nulls_remove_keys_since_1_8(values: Any) -> None:
    assert operation_needs(set_payload(values)) == [((1, 8, 0), "nulls='remove'")]
    assert operation_needs(set_payload(values, nulls="omit")) == []


@pytest.mark.parametrize("values", [[1, 2], [1.5, 0.0], [[1, None], []], [{"b": None}, {"b": 1}]])
def test_payload_without_a_null_to_remove_is_understood_by_all(values: Any) -> None:
    assert operation_needs(set_payload(values)) == []
    one = Matching({"must": []}, pa.record_batch({"x": pa.array(values).slice(0, 1)}))
    assert [operation_needs(one) for one in (SetPayload(one), OverwritePayload(one), Delete(one))] == [[], [], []]


def test_payload_goes_under_a_key_since_1_8() -> None:
    needs = operation_needs(set_payload([1, 2], key="a.b"))
    assert needs == [((1, 8, 0), "key='a.b'")]
    assert too_old(needs, (1, 8, 0)) is None
    fault = too_old(needs, (1, 7, 4))
    assert fault is not None
    assert fault.message == "key='a.b' needs Qdrant 1.8.0; the server is 1.7.4"
