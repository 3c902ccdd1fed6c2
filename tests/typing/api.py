"""The public surface as a program that uses it is typed. Never run; `mypy --strict` reads it."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, assert_type

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pyarrow as pa

import qframe as qf

FrameName = Literal["polars", "pandas"]


def targets(read_key: Callable[[], str]) -> None:
    assert_type(qf.connect(), qf.Connection)
    assert_type(qf.connect("http://localhost:6333", api_key="key", transport="grpc", timeout=5), qf.Connection)
    assert_type(qf.connect(Path("vectors")), qf.Connection)
    assert_type(qf.connect("https://host", api_key=read_key, verify=Path("ca.pem"), headers={"a": "b"}), qf.Connection)
    with qf.connect(":memory:") as db:
        assert_type(db, qf.Connection)
        assert_type(db.target, str)
        assert_type(db.transport, str)
        assert_type(db.timeout, float)
        assert_type(db.verify, bool | str)
        assert_type(db.compression, Literal["gzip"] | None)
        qf.set_connection(db)
        db.close()
    qf.set_connection(None)


def collections(db: qf.Connection) -> None:
    assert_type(qf.collections(connection=db), list[str])
    places = qf.collection("places", connection=db)
    assert_type(places, qf.Collection)
    assert_type(places.name, str)
    assert_type(places.connection, qf.Connection)
    assert_type(places.exists(), bool)
    assert_type(places.drop(), bool)
    places.create_index("city", "keyword")
    places.create_index("tenant", {"type": "keyword", "is_tenant": True})
    places.drop_index("city")
    info = places.info()
    assert_type(info, qf.CollectionInfo)
    assert_type(info.points, int)
    assert_type(info.vectors, tuple[qf.VectorConfig, ...])
    assert_type(info.vectors[0].kind, Literal["dense", "sparse", "multi"])
    assert_type(info.vectors[0].dim, int | None)
    made = places.create_collection(
        pl.DataFrame(), vector={"dense": "embedding"}, distance={"dense": "dot"}, indexes="auto", if_exists="ignore"
    )
    assert_type(made, bool)


def writing(places: qf.Collection, frame: pl.DataFrame, table: pa.Table) -> None:
    report = places.upsert(frame)
    assert_type(report, qf.WriteReport)
    places.upsert(pd.DataFrame(), id="sku", vector=False, payload=["price"], nulls="keep")
    places.upsert(frame.lazy(), id_from=["sku"], namespace=uuid.NAMESPACE_DNS, return_ids=True)
    places.upsert((part for part in [table, frame]), n_jobs=2, backend="loky", batch_size=1_000, batch_bytes=1_000_000)
    places.upsert(table, mode="insert_only", update_filter={"must": []}, if_missing="raise", duplicates="last")
    places.upsert(table, wait=False, ordering="strong", timeout=5, deadline=60, retry=qf.RetryPolicy(attempts=3))
    places.upsert(table, errors="report", max_failures=10, null_vectors="omit", progress=lambda done, total: None)
    places.upsert(table, order="semi_ordered", duplicates="keep", checkpoint=Path("upsert.checkpoint"))
    assert_type(places.update_vectors(frame, vector={"dense": "embedding"}, missing="skip"), qf.WriteReport)
    assert_type(places.set_payload(frame, id="sku", key="address", nulls="skip", n_jobs=2), qf.WriteReport)
    assert_type(places.set_payload(filter={"must": []}, payload={"price": 3}), qf.WriteReport)
    assert_type(places.overwrite_payload(frame.lazy(), payload=["price"], nulls="keep"), qf.WriteReport)
    assert_type(places.delete_payload(table, keys=["price", "address.city"], order="ordered"), qf.WriteReport)
    assert_type(places.clear_payload(filter={}, shard_key="a", wait=False), qf.WriteReport)
    assert_type(places.delete_vectors(frame, vectors="dense", errors="report"), qf.WriteReport)
    assert_type(places.delete(table, id_from=["sku"], timeout=3), qf.WriteReport)


def reporting(report: qf.WriteReport, frame: pl.DataFrame) -> None:
    assert_type(report.written, int)
    assert_type(report.failed + report.unknown + report.unsent + report.skipped + report.acknowledged, int)
    assert_type(report.total, int)
    assert_type(report.counts, dict[str, int])
    assert_type(report.ok, bool)
    assert_type(report.complete, bool)
    assert_type(report.operation, str)
    assert_type(report.by_filter, int)
    assert_type(report.created, bool)
    assert_type(report.target, str)
    assert_type(report.transport, str)
    assert_type(report.retries, int)
    assert_type(report.throttled, float)
    assert_type(report.seconds, float)
    assert_type(report.rows_per_second, float)
    assert_type(report.ended_by, str | None)
    assert_type(report.rows("failed"), npt.NDArray[np.int64])
    assert_type(report.to_dict(), dict[str, Any])
    assert_type(qf.WriteReport.merge([report, report]), qf.WriteReport)
    report.raise_for_failures()
    # Frames of the library that was written, which the type of a report does not say.
    failures: pl.DataFrame = report.failures
    ids: pl.Series | None = report.ids
    again: pl.DataFrame = report.select(frame, "failed")
    del failures, ids, again


def reading(places: qf.Collection) -> None:
    assert_type(places.scan(), pl.LazyFrame)
    assert_type(places.scan(schema={"price": pl.Float64}, vectors=["dense"], extra="column"), pl.LazyFrame)
    assert_type(places.read(), pl.DataFrame)
    assert_type(places.read(frame=None, columns=["price"]), pl.DataFrame)
    assert_type(places.read(frame="polars", limit=3), pl.DataFrame)
    assert_type(places.read(frame="pandas", dtype_backend="pyarrow"), pd.DataFrame)
    assert_type(places.read(frame="arrow", filter={"must": []}), pa.Table)
    assert_type(places.iter_frames(batch_size=100), Iterator[pl.DataFrame])
    assert_type(places.iter_frames(frame="pandas"), Iterator[pd.DataFrame])
    assert_type(places.iter_frames(frame="arrow"), Iterator[pa.Table])
    assert_type(places.retrieve([1, "0d487439-fe04-5d13-a0cb-259d5dd670d1", uuid.uuid4()]), pl.DataFrame)
    assert_type(places.retrieve(np.arange(3), frame="pandas"), pd.DataFrame)
    assert_type(places.retrieve([1], frame="arrow", on_mismatch="null"), pa.Table)
    assert_type(places.search([0.1, 0.2], using="dense", limit=3, params={"exact": True}), pl.DataFrame)
    assert_type(places.search(np.zeros(2), frame="pandas", filter=[{"must": []}, {"should": []}]), pd.DataFrame)
    assert_type(places.search({"indices": [1], "values": [0.5]}, frame="arrow", score_threshold=0.5), pa.Table)
    assert_type(places.search("v", data=pl.DataFrame(), keep=["user"], errors="raise", n_jobs=2), pl.DataFrame)
    assert_type(places.search(data=pl.LazyFrame(), fusion="rrf"), pl.DataFrame)
    assert_type(places.search(data=pd.DataFrame(), prefetch=[{"vector": "v"}], fusion="dbsf"), pd.DataFrame)
    assert_type(places.search(data=pa.table({}), using="dense"), pa.Table)
    assert_type(places.search(data=pd.DataFrame(), frame="polars"), pl.DataFrame)
    assert_type(places.count(filter={"must": []}, exact=False), int)
    assert_type(places.facet("city", frame="arrow", exact=True), pa.Table)
    assert_type(places.retrieve(data=pl.DataFrame(), suffix="_point", indicator="found"), pl.DataFrame)
    assert_type(places.retrieve(data=pd.DataFrame(), id="key", columns=["price"]), pd.DataFrame)
    assert_type(places.retrieve(data=pa.table({}), id_from=["sku"]), pa.Table)


def functions(db: qf.Connection, frame: pl.DataFrame) -> None:
    assert_type(qf.scan("places", connection=db, limit=10, consistency="majority"), pl.LazyFrame)
    assert_type(qf.read("places"), pl.DataFrame)
    assert_type(qf.read("places", frame="polars", connection="./vectors"), pl.DataFrame)
    assert_type(qf.read("places", frame="pandas", vectors=True), pd.DataFrame)
    assert_type(qf.read("places", frame="arrow"), pa.Table)
    assert_type(qf.iter_frames("places", batch_size=5), Iterator[pl.DataFrame])
    assert_type(qf.iter_frames("places", frame="pandas"), Iterator[pd.DataFrame])
    assert_type(qf.iter_frames("places", frame="arrow"), Iterator[pa.Table])
    assert_type(qf.retrieve("places", [1, 2]), pl.DataFrame)
    assert_type(qf.retrieve("places", [1, 2], frame="pandas"), pd.DataFrame)
    assert_type(qf.retrieve("places", [1, 2], frame="arrow"), pa.Table)
    assert_type(qf.search("places", [0.1], limit=5), pl.DataFrame)
    assert_type(qf.search("places", [0.1], frame="pandas"), pd.DataFrame)
    assert_type(qf.search("places", [0.1], frame="arrow"), pa.Table)
    assert_type(qf.count("places", connection=db), int)
    assert_type(qf.facet("places", "city", limit=3), pl.DataFrame)
    assert_type(qf.facet("places", "city", frame="pandas"), pd.DataFrame)
    assert_type(qf.to_matrix(frame, "embedding"), npt.NDArray[np.float32])
    ids: pl.Series = qf.make_ids(frame, id_from=["sku"], namespace=uuid.NAMESPACE_URL)
    del ids


def chosen_at_run_time(places: qf.Collection, name: FrameName) -> None:
    """The library may be a variable; the answer is then one of two."""
    assert_type(places.read(frame=name), pl.DataFrame | pd.DataFrame)
    assert_type(qf.search("places", [0.1], frame=name), pl.DataFrame | pd.DataFrame)


def refused_by_the_types(places: qf.Collection) -> None:
    """Each of these must be an error: mypy reports an ignore that is not needed."""
    places.read(frame="numpy")  # type: ignore[call-overload]
    places.read(colums=["price"])  # type: ignore[call-overload]
    places.upsert(pl.DataFrame(), duplicates="latest")  # type: ignore[arg-type]
    places.upsert(pl.DataFrame(), batchsize=5)  # type: ignore[call-arg]
    places.upsert(pl.DataFrame(), missing="skip")  # type: ignore[call-arg]
    places.set_payload(pl.DataFrame(), nulls="keep")  # type: ignore[arg-type]
    places.delete_payload(pl.DataFrame())  # type: ignore[call-arg]
    places.delete(pl.DataFrame(), missing="skip")  # type: ignore[call-arg]
    places.delete(pl.DataFrame(), order="strict")  # type: ignore[arg-type]
    places.create_collection(if_exists="drop")  # type: ignore[arg-type]
    places.scan(on_mismatch="ignore")  # type: ignore[arg-type]
    qf.connect("host", transport="http")  # type: ignore[arg-type]
    qf.raed("places")  # type: ignore[attr-defined]
    qf.scan("places", columns=["price"])  # type: ignore[call-arg]
    places.name = "other"  # type: ignore[misc]


def several(places: qf.Collection, frame: pl.DataFrame) -> None:
    with qf.batch("places", errors="report", missing="skip") as batch:
        assert_type(batch, qf.WriteBatch)
        batch.upsert(frame, duplicates="last")
        batch.delete_payload(filter={"must": []}, keys="price")
        batch.upsert(frame, n_jobs=4)  # type: ignore[call-arg]
    assert_type(batch.report, qf.WriteReport)
    assert_type(batch.reports, list[qf.WriteReport])
    assert_type(places.batch(wait=False), qf.WriteBatch)
    qf.batch("places", order="ordered")  # type: ignore[call-arg]
    found = places.check(frame, duplicates="first")
    assert_type(found, qf.FrameCheck)
    assert_type(found.ok, bool)
    assert_type(found.created, Mapping[str, Any] | None)
    places.check(frame, wait=False)  # type: ignore[call-arg]


def errors(places: qf.Collection, frame: pl.DataFrame) -> None:
    try:
        places.upsert(frame)
    except qf.FrameError as error:
        assert_type(error.column, str | None)
        assert_type(error.row, int | None)
        assert_type(error.value, object)
    except qf.CollectionNotFoundError as error:
        assert_type(error.collection, str)
    except qf.MismatchError as error:
        assert_type(error.point_id, int | str)
        assert_type(error.field, str)
    except qf.WriteError as error:
        assert_type(error.report, qf.WriteReport)
    except qf.ServerError as error:
        assert_type(error.kind, str)
    except (qf.UnreachableError, qf.AuthenticationError, qf.UnsupportedError) as error:
        logging.getLogger("qframe").error("%s", error)
    except (qf.TargetError, qf.OptionError, qf.CollectionExistsError):
        raise
    except (qf.FolderInUseError, qf.ForkedProcessError, qf.QframeError):
        raise
    except qf.WriteInterrupted as interrupt:
        assert_type(interrupt.report, qf.WriteReport)
        caught: KeyboardInterrupt = interrupt
        raise caught from None
    kinds: list[type[Warning]] = [qf.QframeWarning, qf.DefaultTargetWarning, qf.InsecureKeyWarning]
    del kinds
