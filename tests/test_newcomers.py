"""What somebody found who used qframe for the first time, kept so that it stays mended."""

from __future__ import annotations

import pickle
import socket
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import qframe as qf

FRAME = pl.DataFrame({"id": [1, 2], "k": ["a", "b"], "v": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Float32, 2))})


def test_a_collection_without_a_frame_needs_a_configuration(embedded: qf.Connection, name: str) -> None:
    collection = qf.collection(name, connection=embedded)
    for options in ({}, {"vector": {"v": 4}}, {"vector": {"v": 4}, "config": {"vectors": {}}}):
        with pytest.raises(qf.OptionError, match="config="):
            collection.create_collection(**options)
    assert not collection.exists()


@pytest.mark.parametrize(
    "options",
    [
        {"datatype": "float15"},
        {"config": {"hnsw_config": {"mm": 16}}},
        {"config": {"vectors": {"v": {"size": -3, "distance": "Dot"}}}},
        {"quantization": {"scalar": {"type": "int9"}}},
        {"indexes": {"k": {"type": "text", "tokenizer": "zz"}}},
    ],
    ids=str,
)
def test_a_refused_replacement_costs_nothing(connection: qf.Connection, name: str, options: dict[str, Any]) -> None:
    FRAME.qdrant.upsert(name, connection=connection)
    before = set(qf.collections(connection=connection))
    with pytest.raises(qf.QframeError):
        FRAME.qdrant.create_collection(name, connection=connection, if_exists="replace", **options)
    assert qf.count(name, connection=connection) == 2
    assert {other for other in set(qf.collections(connection=connection)) - before if name in other} == set()


def test_a_payload_field_named_id_is_never_shadowed(connection: qf.Connection, name: str) -> None:
    data = pl.DataFrame({"id": ["doc-1", "doc-2"], "t": ["a", "b"]})
    collection = qf.collection(name, connection=connection)
    collection.create_collection(config={"vectors": {}})
    collection.upsert(data, id_from=["id"])
    for schema in (None, data.schema):
        with pytest.raises(qf.OptionError, match="id_name="):
            collection.scan(schema=schema)
    found = collection.scan(schema=data.schema, id_name="point").collect()
    assert sorted(found["id"]) == ["doc-1", "doc-2"]


@pytest.mark.parametrize("made", [pl.DataFrame, lambda data: pl.DataFrame(data).lazy(), pd.DataFrame])
def test_names_that_polars_takes_for_patterns(embedded: qf.Connection, name: str, made: Any) -> None:
    data = {"id": [1], "^x.$": ["a"], "x1": ["b"], "*": ["c"]}
    collection = qf.collection(name, connection=embedded)
    collection.create_collection(config={"vectors": {}})
    assert collection.upsert(made(data)).ok
    assert collection.read(frame="arrow").to_pylist() == [{"id": 1, "*": "c", "^x.$": "a", "x1": "b"}]


def test_an_empty_column_name_is_refused(embedded: qf.Connection, name: str) -> None:
    with pytest.raises(qf.FrameError, match="empty name"):
        pl.DataFrame({"id": [1], "": [2]}).qdrant.upsert(name, connection=embedded, vector=False)


def test_a_reader_is_closed_when_a_write_fails(embedded: qf.Connection, name: str) -> None:
    """A DuckDB connection can do nothing else while the stream of one of its relations is open."""
    reader = pa.RecordBatchReader.from_stream(pl.DataFrame({"id": [1, 2], "x": [float("inf"), 1.0]}))
    collection = qf.collection(name, connection=embedded)
    collection.create_collection(config={"vectors": {}})
    with pytest.raises(qf.FrameError):
        collection.upsert(reader)
    with pytest.raises(pa.ArrowInvalid, match="closed"):
        reader.read_next_batch()


def test_a_reader_that_was_read_and_is_closed(embedded: qf.Connection, name: str) -> None:
    """Arrow raises for one of another library, as DuckDB's are: a script that writes it twice hears what to do."""
    reader = pa.RecordBatchReader.from_stream(pl.DataFrame({"id": [1, 2], "x": [2.0, 1.0]}))
    collection = qf.collection(name, connection=embedded)
    collection.create_collection(config={"vectors": {}})
    assert collection.upsert(reader, return_ids=True).written == 2
    for data in (reader, [reader]):
        assert "the stream is closed" in collection.check(data).problems["message"].to_pylist()[0]
        for write in (collection.upsert, collection.set_payload):
            with pytest.raises(qf.FrameError, match=r"the stream is closed.*Make it anew") as caught:
                write(data)
            last: BaseException | None = caught.value
            while last is not None and last.__cause__ is not None:
                last = last.__cause__
            assert isinstance(last, pa.ArrowInvalid)


def test_a_reader_that_is_refused_by_its_own_source(embedded: qf.Connection, name: str) -> None:
    """What else a reader raises stays what it is."""

    def batches() -> Iterator[pa.RecordBatch]:
        raise pa.ArrowInvalid("not a stream of mine")
        yield

    collection = qf.collection(name, connection=embedded)
    collection.create_collection(config={"vectors": {}})
    with pytest.raises(pa.ArrowInvalid, match="not a stream of mine"):
        collection.upsert(pa.RecordBatchReader.from_batches(pa.schema([("id", pa.int64())]), batches()))


def test_there_is_nothing_to_update_in_no_collection(embedded: qf.Connection, name: str) -> None:
    with pytest.raises(qf.CollectionNotFoundError):
        FRAME.qdrant.upsert(name, connection=embedded, mode="update_only")
    assert qf.collections(connection=embedded) == []


def test_a_missing_collection_may_be_a_slip(connection: qf.Connection, name: str) -> None:
    FRAME.qdrant.upsert(name, connection=connection)
    with pytest.raises(qf.CollectionNotFoundError, match=rf"Did you mean '{name}'"):
        qf.read(name + "s", connection=connection)


def test_a_filter_may_be_a_pandas_expression(embedded: qf.Connection, name: str) -> None:
    FRAME.qdrant.upsert(name, connection=embedded)
    if not hasattr(pd, "col"):
        pytest.skip("pandas has no expressions before 3.0")
    for frame in ("pandas", "polars"):
        found = qf.read(name, connection=embedded, filter=pd.col("k") == "a", frame=frame)
        assert list(found["id"]) == [1]
    with pytest.raises(qf.OptionError, match="'kk'"):
        qf.read(name, connection=embedded, filter=pd.col("kk") == "a")


def test_a_server_that_says_nothing_is_unreachable_in_bounded_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connection = qf.connect(f"http://127.0.0.1:{silent.getsockname()[1]}", transport="rest", timeout=1)
        start = time.monotonic()
        with pytest.raises(qf.UnreachableError):
            qf.collections(connection=connection)
        assert time.monotonic() - start < 10


def test_a_filter_that_looks_at_other_rows_is_refused_where_only_pages_are_seen(
    embedded: qf.Connection, name: str
) -> None:
    FRAME.qdrant.upsert(name, connection=embedded)
    largest = pl.col("id") == pl.col("id").max()
    for verb in (qf.read, qf.scan):
        with pytest.raises(qf.OptionError, match=r"other rows.*scan\(…\)\.filter\(expression\)"):
            verb(name, connection=embedded, filter=largest)
    # The way out that it names.
    assert qf.scan(name, connection=embedded).filter(largest).collect()["id"].to_list() == [2]
    for row_wise in (pl.col("k").is_in(["b"]), pl.col("k").str.ends_with("b") & (pl.col("id") > 1), pl.lit(True)):
        assert 2 in qf.read(name, connection=embedded, filter=row_wise)["id"].to_list()
    assert qf.read(name, connection=embedded, filter=pl.col("k").is_in([])).is_empty()


@pytest.mark.parametrize(("widths", "bad"), [((32, 31), 1), ((32, 31, 31), 2), ((31, 32, 31, 32), 2)], ids=str)
def test_rows_of_another_width_than_the_collection_s_are_bad_rows(
    embedded: qf.Connection, name: str, widths: tuple[int, ...], bad: int
) -> None:
    collection = _places(embedded, name)
    ragged = pl.DataFrame({"id": range(10, 10 + len(widths)), "dense": [[1.0] * width for width in widths]})
    wrong = [row for row, width in enumerate(widths) if width == 31]
    with pytest.raises(qf.FrameError, match=rf"row {wrong[0]}.*: found 31") as caught:
        collection.upsert(ragged)
    assert caught.value.row == wrong[0]
    report = collection.upsert(ragged, errors="report")
    assert (report.written, report.failures["row"].to_list()) == (len(widths) - bad, wrong)
    found = collection.check(ragged).problems
    errors = found.filter(pl.col("severity") == "error")
    assert errors.select("column", "rows", "first_row").rows() == [("dense", bad, wrong[0])]
    assert not found["message"].str.contains("'dense', for which").any()


def test_a_column_of_which_no_row_fits_is_refused_as_a_whole(embedded: qf.Connection, name: str) -> None:
    collection = _places(embedded, name)
    with pytest.raises(qf.FrameError, match="row 1: found vectors of 30 numbers") as caught:
        collection.upsert(pl.DataFrame({"id": [1, 2, 3], "dense": [[1.0] * 31, [1.0] * 30, [1.0] * 30]}))
    assert caught.value.row == 1


def test_a_name_beside_another_is_no_slip(embedded: qf.Connection, name: str) -> None:
    table = FRAME.to_arrow()
    beside, slip = (qf.collection(other, connection=embedded) for other in (f"{name}_2", f"{name}-z"))
    try:
        qf.collection(name, connection=embedded).upsert(table)
        assert beside.upsert([table]).created
        with pytest.raises(qf.CollectionNotFoundError) as caught:
            slip.upsert([table])
        assert f"qf.collection('{name}-z', connection=…).create_collection(frame)" in str(caught.value)
        assert slip.create_collection(table)
    finally:
        for other in (beside, slip):
            other.drop()


def _places(connection: qf.Connection, name: str) -> qf.Collection:
    collection = qf.collection(name, connection=connection)
    vectors = pl.Series("dense", [[1.0] * 32] * 2, dtype=pl.Array(pl.Float32, 32))
    collection.upsert(pl.DataFrame({"id": [1, 2], "city": ["Bonn", "Ulm"], "price": [1, 2], "dense": vectors}))
    return collection


def test_a_key_outside_the_sample_is_not_said_to_be_nowhere(embedded: qf.Connection, name: str) -> None:
    collection = qf.collection(name, connection=embedded)
    collection.create_collection(config={"vectors": {}})
    collection.upsert(pl.DataFrame({"id": range(1, 8), "flag": [None] * 6 + [True]}))
    with pytest.raises(qf.OptionError, match=r"no point of the sample \([0-7] of 7 .* has 'flag'") as caught:
        collection.read(columns=["flag"], infer_schema_length=3)
    assert "infer_schema_length=" in str(caught.value)
    assert "schema_overrides=" in str(caught.value)
    overridden = collection.read(columns=["flag"], infer_schema_length=3, schema_overrides={"flag": pl.Boolean})
    assert overridden["flag"].to_list() == [None] * 6 + [True]
    for options in ({}, {"schema": {"other": pl.Int64}}):
        with pytest.raises(qf.OptionError, match="has no column 'flagg'"):
            collection.read(columns=["flagg"], **options)


@pytest.mark.parametrize("order", ["unordered", "ordered"])
def test_a_backend_of_joblib_that_cannot_be_used_is_refused_before_anything(
    embedded: qf.Connection, name: str, order: Any
) -> None:
    with (
        joblib.parallel_config(backend="multiprocessing"),
        pytest.raises(qf.UnsupportedError, match="'threading', 'loky' and 'dask'"),
    ):
        FRAME.qdrant.upsert(name, connection=embedded, backend="ambient", order=order)
    assert qf.collections(connection=embedded) == []
    with joblib.parallel_config(backend="threading"):
        assert FRAME.qdrant.upsert(name, connection=embedded, backend="ambient").ok


@pytest.mark.parametrize(
    "call",
    [
        lambda: FRAME.qdrant.upsert("p", conection=None),  # type: ignore[attr-defined]
        lambda: qf.read("p", conection=None),
        lambda: FRAME.to_pandas().qdrant.check("p", conection=None),
    ],
)
def test_a_misspelt_option_is_told_before_a_target_is_chosen(call: Callable[[], object]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(TypeError, match=r"'conection'. Did you mean 'connection'\?"):
            call()


def test_errors_of_python_name_what_a_caller_knows(embedded: qf.Connection, name: str) -> None:
    collection: Any = qf.collection(name, connection=embedded)
    wrong: dict[str, Callable[[], object]] = {
        r"Collection\.upsert\(\) got": lambda: collection.upsert(FRAME, vectr="v"),
        r"Collection\.check\(\) got .* Did you mean 'vector'\?": lambda: collection.check(FRAME, vectr="v"),
        r"Collection\.check\(\) got .*'n_jobs'\. .* check sends none": lambda: collection.check(FRAME, n_jobs=2),
        r"df\.qdrant\.check\(\) got .*'errors'\. .* the verbs that write": lambda: FRAME.qdrant.check(
            name, errors="raise"
        ),
        r"Collection\.batch\(\) got": lambda: collection.batch(n_jobs=2),
        r"Collection\.set_payload\(\) takes": lambda: collection.set_payload(FRAME, "k"),
        r"Collection\.delete_payload\(\) missing": lambda: collection.delete_payload(FRAME),
        r"Collection\.scan\(\) got": lambda: collection.scan(colums=["k"]),
        r"df\.qdrant\.upsert\(\) missing": lambda: FRAME.qdrant.upsert(),
        r"df\.qdrant\.delete\(\) got .*'filter'.* qf\.collection": lambda: FRAME.qdrant.delete(name, filter={}),
        r"qf\.batch\(\) got .* Did you mean 'wait'\?": lambda: qf.batch(name, wat=True),
    }
    for match, call in wrong.items():
        with pytest.raises(TypeError, match=match):
            call()


def test_options_of_a_batch_in_its_verbs(embedded: qf.Connection, name: str) -> None:
    with qf.batch(name, connection=embedded) as batch:
        verbs: Any = batch
        with pytest.raises(TypeError, match=r"WriteBatch\.delete\(\) .*'n_jobs'\. A batch has no such option"):
            verbs.delete(FRAME, n_jobs=2)
        with pytest.raises(TypeError, match=r"'missing'\. Give it to qf\.batch\(…\)"):
            verbs.set_payload(FRAME, missing="skip")
        with pytest.raises(TypeError, match=r"'duplicats'\. Did you mean 'duplicates'\?"):
            verbs.upsert(FRAME, duplicats="first")
        verbs.upsert(FRAME)
    assert batch.report.ok


@pytest.mark.parametrize("function", [qf.Collection.upsert, qf.Collection.read, qf.read, qf.WriteBatch.delete])
def test_verbs_can_be_pickled(function: Callable[..., object]) -> None:
    assert pickle.loads(pickle.dumps(function)) is function


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"vector": False}, "column 'dense' looks like a vector"),
        ({"vector": "typo"}, "no column 'typo'"),
        ({"vector": {"typo": "dense"}}, "which the collection"),
    ],
    ids=str,
)
def test_a_fault_is_found_once_and_has_no_followers(
    embedded: qf.Connection, name: str, options: dict[str, Any], found: str
) -> None:
    collection = _places(embedded, name)
    check = collection.check(collection.read(vectors=True), **options)
    assert [str(problem).count(found) for problem in check.found] == [1], check
    assert "payload=['id'" not in str(check.found[0])
    assert check.columns == {"id": "id", "city": "payload", "price": "payload", "dense": "not decided"}


def test_a_wrong_dimension_has_no_followers(embedded: qf.Connection, name: str) -> None:
    collection = _places(embedded, name)
    collection.create_index("city", "keyword")
    narrow = pl.Series("dense", [[1.0] * 31], dtype=pl.Array(pl.Float32, 31))
    check = collection.check(pl.DataFrame({"id": [1], "city": ["Bonn"], "price": [1], "dense": narrow}))
    assert [problem.column for problem in check.found] == ["dense"]
    assert [problem.severity for problem in collection.check(pl.DataFrame({"id": [1]}), vector=False).found] == [
        "warning",
        "warning",
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"missing": "skip"},
        {"order": "ordered"},
        {"order": "ordered", "duplicates": "keep"},
        {"n_jobs": 1},
        {"backend": "loky"},
        {"batch_size": 10},
        {"batch_bytes": 10},
        {"max_failures": 1, "errors": "report"},
    ],
    ids=str,
)
def test_options_of_rows_have_no_place_beside_a_filter(
    embedded: qf.Connection, name: str, options: dict[str, Any]
) -> None:
    FRAME.qdrant.upsert(name, connection=embedded)
    with pytest.raises(qf.OptionError, match=rf"{next(iter(options))}=.*about the rows of a frame"):
        qf.collection(name, connection=embedded).clear_payload(filter={}, **options)
    with qf.batch(name, connection=embedded, missing="skip", batch_size=10, max_failures=1, errors="report") as batch:
        batch.clear_payload(filter={})
    assert batch.report.ok


def test_where_a_checkpoint_is_to_be(
    embedded: qf.Connection, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(qf.CheckpointError, match=r"the folder '.*nowhere' does not exist\. Make it"):
        FRAME.qdrant.upsert(name, connection=embedded, checkpoint=tmp_path / "nowhere" / "x.cp")
    with pytest.raises(qf.OptionError, match="checkpoint=''"):
        FRAME.qdrant.upsert(name, connection=embedded, checkpoint="")
    assert qf.collections(connection=embedded) == []
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    FRAME.qdrant.upsert(name, connection=embedded, checkpoint="~/x.cp")
    assert (tmp_path / "x.cp").exists()


def test_an_element_of_a_list_cannot_be_removed(connection: qf.Connection, name: str) -> None:
    collection = qf.collection(name, connection=connection)
    collection.create_collection(config={"vectors": {}})
    data = pl.DataFrame({"id": [1], "tags": [["a", "b"]], "stops": [[{"x": 1, "y": 2}, {"x": 3, "y": 4}]], "a[0]": [1]})
    collection.upsert(data)
    for path in ("tags[0]", "stops[0]", "stops[].x[12]"):
        with pytest.raises(qf.OptionError, match="one element of a list"):
            collection.delete_payload(data, keys=["city", path])
    collection.delete_payload(data, keys=["tags[]", "stops[1].x", '"a[0]"'])
    found = collection.read(frame="arrow").to_pylist()
    assert found == [{"id": 1, "stops": [{"x": 1, "y": 2}, {"x": None, "y": 4}], "tags": []}]


def test_set_payload_below_a_number_and_of_a_wide_frame(connection: qf.Connection, name: str) -> None:
    collection = _places(connection, name)
    wide = collection.read(vectors=True)
    with pytest.raises(qf.FrameError, match=r"looks like a vector.*payload="):
        collection.set_payload(wide)
    assert collection.set_payload(wide, payload=["city"]).ok
    assert collection.set_payload(pl.DataFrame({"id": [1], "euro": [5]}), key="price").ok
    assert collection.retrieve([1], columns=["price"], schema={"price": pl.Struct({"euro": pl.Int64})})[
        "price"
    ].to_list() == [{"euro": 5}]


def test_a_value_of_many_lines_is_told_on_one(embedded: qf.Connection, name: str) -> None:
    collection = qf.collection(name, connection=embedded)
    wrong: Any = FRAME["id"]
    with pytest.raises(qf.OptionError) as caught:
        collection.upsert(FRAME, id=wrong)
    assert str(caught.value) == (
        "id=shape: (2,) Series: 'id' [i64] [ 1 2 ]: the name of a column, or 'uuid4'. Ids are a column of the frame."
    )
    with pytest.raises(qf.FrameError, match=r"^a pandas.Series is not a frame\. Write \.to_frame\(\)"):
        collection.delete(pd.Series([1], name="id"))
