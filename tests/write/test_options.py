"""Options of writes that make no sense, told before anything is looked at."""

from typing import Any

import numpy as np
import polars as pl
import pytest

import qframe as qf

FRAME = pl.DataFrame({"id": [1, 2], "x": [1, 2]})


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("nulls", "drop", "one of 'omit', 'keep'."),
        ("null_vectors", None, "one of 'raise', 'omit'."),
        ("mode", ["upsert"], "one of 'upsert', 'insert_only', 'update_only'."),
        ("if_missing", "ignore", "one of 'create', 'raise'."),
        ("ordering", "STRONG", "one of 'weak', 'medium', 'strong'."),
        ("errors", True, "one of 'raise', 'report'."),
        ("duplicates", "newest", "one of 'raise', 'first', 'last', 'keep'."),
        ("duplicates", "keep", "Add order='semi_ordered'"),
        ("order", "strict", "one of 'unordered', 'semi_ordered', 'ordered'."),
        ("batch_size", 0, "a number of rows above 0."),
        ("batch_size", 1.5, "a number of rows above 0."),
        ("batch_bytes", True, "a number of bytes above 0."),
        ("max_failures", -1, "a number of rows above 0."),
        ("max_failures", 3, "Leave it out, or add errors='report'."),
        ("batch_size", np.True_, "a number of rows above 0."),
        ("batch_size", np.int64(0), "a number of rows above 0."),
        ("n_jobs", True, "a number of workers, -1 for one a core, None for 4."),
        ("n_jobs", 0, "a number of workers, -1 for one a core, None for 4."),
        ("n_jobs", np.float64(2.0), "a number of workers, -1 for one a core, None for 4."),
        ("timeout", True, "a number of seconds above 0."),
        ("timeout", "3", "a number of seconds above 0."),
        ("timeout", float("inf"), "a number of seconds above 0."),
        ("deadline", float("nan"), "a number of seconds above 0."),
        ("wait", "no", "True or False."),
        ("wait", None, "True or False."),
        ("return_ids", "no", "True or False."),
        ("retry", 3, "a qframe.RetryPolicy"),
        ("progress", "yes", "None, True, False or a callable"),
    ],
)
def test_an_option_that_makes_no_sense_writes_nothing(
    embedded: qf.Connection, option: str, value: Any, words: str
) -> None:
    with pytest.raises(qf.OptionError) as caught:
        FRAME.qdrant.upsert("places", vector=False, connection=embedded, **{option: value})
    assert str(caught.value).startswith(f"{option}={value!r}: ")
    assert words in str(caught.value)
    assert qf.collections(connection=embedded) == []


NUMPY = {"n_jobs": np.int64(2), "timeout": np.float32(30), "deadline": np.int64(60)}
"""As they come out of a frame, or of a product of shapes."""


@pytest.mark.parametrize("wire", ["rest"], indirect=True)
def test_whole_numbers_of_numpy_are_numbers(wire: qf.Connection, name: str) -> None:
    places = qf.collection(name, connection=wire)
    few = {"batch_size": np.uint8(1), "batch_bytes": np.int64(10_000), "max_failures": np.int32(1), "errors": "report"}
    report = places.upsert(FRAME, vector=False, **few, **NUMPY)
    assert (report.written, report.batches) == (2, 2)
    assert places.delete(FRAME, n_jobs=np.int64(-1)).written == 2
    assert places.upsert(FRAME.with_columns(dot=pl.Series([[1.0, 0.0]] * 2)), vector=False, **NUMPY).ok


@pytest.mark.parametrize("wire", ["rest", "grpc"], indirect=True)
def test_of_reads_too(wire: qf.Connection, name: str) -> None:
    places = qf.collection(name, connection=wire)
    places.create_collection(config={"vectors": {"size": 2, "distance": "Dot"}})
    vectors = pl.Series([[1.0, 0.0], [0.5, 0.0]], dtype=pl.Array(pl.Float32, 2))
    places.upsert(FRAME.with_columns(vector=vectors), vector="vector")
    one = {"limit": np.int64(1), "infer_schema_length": np.int64(5), "consistency": np.int64(1)}
    assert places.read(**one, **NUMPY).height == 1
    assert places.scan(**one, **NUMPY).collect().height == 1
    assert [part.height for part in places.iter_frames(batch_size=np.int64(1), frame="polars")] == [1, 1]
    asked = {"vector": [1.0, 0.0], "frame": "polars", "limit": np.int64(1)}
    assert places.search(**asked, offset=np.int64(1))["id"].to_list() == [2]
    assert places.search(**asked, prefetch=[{"vector": [1.0, 0.0], "limit": np.int64(2)}])["id"].to_list() == [1]
    for refused in (True, 1.5, 0):
        with pytest.raises(qf.OptionError, match=f"^n_jobs={refused!r}: a number of workers"):
            places.read(n_jobs=refused)


def test_what_to_do_about_a_collection_that_is_there(embedded: qf.Connection) -> None:
    with pytest.raises(qf.OptionError, match=r"if_exists='keep': one of 'raise', 'ignore', 'replace'\."):
        FRAME.qdrant.create_collection("places", vector=False, connection=embedded, if_exists="keep")
