"""Frames that cannot be written: each writes nothing, creates nothing, and its error says where, what, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import pytest

import qframe as qf
from tests.wrong.cases import NAMED, NEW, STORED, UNNAMED, Wrong, WrongWrite
from tests.wrong.ids import IDS
from tests.wrong.payloads import FRAMES, OPTIONS, PAYLOADS
from tests.wrong.vectors import VECTORS
from tests.wrong.verbs import WRITES

TABLE = [*IDS, *VECTORS, *PAYLOADS, *OPTIONS, *FRAMES]


@pytest.fixture
def target(embedded: qf.Connection) -> Iterator[qf.Connection]:
    """A target with a collection that is not written to."""
    bystander = qf.collection("bystanders", connection=embedded)
    bystander.create_collection(config=UNNAMED)
    yield embedded
    assert bystander.count() == 0


def test_the_table_is_long_enough() -> None:
    assert len(TABLE) >= 40
    assert len({wrong.title for wrong in TABLE}) == len(TABLE)


@pytest.mark.parametrize("wrong", TABLE, ids=lambda wrong: wrong.title)
def test_a_wrong_frame_writes_and_creates_nothing(target: qf.Connection, wrong: Wrong) -> None:
    collection = qf.collection(NEW if wrong.config is None else STORED, connection=target)
    if wrong.config is not None:
        collection.create_collection(config=wrong.config)
    before = qf.collections(connection=target)
    with pytest.raises(wrong.error) as caught:
        collection.upsert(wrong.frame(), **wrong.options)
    assert qf.collections(connection=target) == before
    assert wrong.config is None or collection.count() == 0
    _says(caught.value, wrong)


def _says(error: qf.QframeError, wrong: Wrong) -> None:
    """The error names what it should, in its attributes and in its words."""
    message = str(error)
    for word in wrong.words:
        assert word in message
    if isinstance(error, qf.FrameError):
        assert (error.column, error.row) == (wrong.column, wrong.row)
        if wrong.value is not None:
            np.testing.assert_equal(error.value, wrong.value)
        if wrong.column is not None:
            assert wrong.column in message
        if wrong.row is not None:
            assert f"row {wrong.row}" in message
    assert len(message) < 1_000


def _streamable(wrong: Wrong) -> bool:
    """Row by row at fault, in a first part, and without an array, which goes beside frames in memory only."""
    arrays = any(isinstance(value, np.ndarray) for value in wrong.options.values())
    return wrong.row is not None and wrong.row < 10 and not arrays


@pytest.mark.parametrize("wrong", [*filter(_streamable, TABLE)], ids=lambda wrong: wrong.title)
def test_a_stream_whose_first_part_is_wrong_creates_nothing(target: qf.Connection, wrong: Wrong) -> None:
    frame = wrong.frame()
    data: Any = frame.lazy() if isinstance(frame, pl.DataFrame) else iter([frame])
    collection = qf.collection(NEW if wrong.config is None else STORED, connection=target)
    if wrong.config is not None:
        collection.create_collection(config=wrong.config)
    before = qf.collections(connection=target)
    with pytest.raises((qf.FrameError, qf.WriteError)):
        collection.upsert(data, **wrong.options)
    assert qf.collections(connection=target) == before
    assert wrong.config is None or collection.count() == 0


@pytest.mark.parametrize(
    "title",
    [
        "a null id", "a negative id", "text that is no UUID", "an id twice", "ids made from nulls", "a null vector",
        "NaN in a vector", "vectors of several lengths", "one list of another dimension", "more than a byte",
        "a ragged multivector", "a sparse index twice", "fewer sparse values than indices", "infinity", "nanoseconds",
    ],
)  # fmt: skip
def test_with_errors_reported_the_other_rows_are_written(target: qf.Connection, title: str) -> None:
    (wrong,) = (wrong for wrong in TABLE if wrong.title == title)
    collection = qf.collection(NEW if wrong.config is None else STORED, connection=target)
    if wrong.config is not None:
        collection.create_collection(config=wrong.config)
    report = collection.upsert(wrong.frame(), errors="report", **wrong.options)
    assert (report.written, report.failed) == (2, 1)
    assert collection.count() == 2
    failure = pl.DataFrame(report.failures).row(0, named=True)
    assert (failure["row"], failure["column"]) == (wrong.row, wrong.column)
    assert any(word in failure["message"] for word in wrong.words)


@pytest.mark.parametrize("wrong", WRITES, ids=lambda wrong: wrong.title)
def test_a_wrong_write_changes_nothing(target: qf.Connection, wrong: WrongWrite) -> None:
    collection = qf.collection(STORED, connection=target)
    collection.create_collection(config=NAMED)
    frame = pl.DataFrame(
        {"id": [1, 2, 3, 4], "city": "Bonn", "dense": pl.Series([[1.0, 2.0]] * 4, dtype=pl.Array(pl.Float32, 2))}
    )
    assert collection.upsert(frame).ok
    before = collection.read(vectors=["dense"])
    with pytest.raises(wrong.error) as caught:
        getattr(collection, wrong.verb)(wrong.frame, **wrong.options)
    for word in wrong.words:
        assert word in str(caught.value)
    assert collection.read(vectors=["dense"]).equals(before)
