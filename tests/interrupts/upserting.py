"""Upserts rows 0 … n - 1 and says as JSON how it ended. `upserting.py '{"target": …, "rows": …, …}'`."""

import json
import os
import sys
import time

import numpy as np
import pyarrow as pa

import qframe as qf
from qframe.delivery import worker

spec = json.loads(sys.argv[1])
rows = spec["rows"]
ids = pa.array(np.arange(rows, dtype=np.uint64))
flat = pa.array(np.ones(2 * rows, dtype=np.float32))
table = pa.table({"id": ids, "vector": pa.FixedSizeListArray.from_arrays(flat, 2)})
told = False


def tell(done: int, total: int | None) -> None:
    global told
    if not told:
        told = True
        print("begun", flush=True)


def dripping():
    """The rows, and then nothing for a long time."""
    yield table
    time.sleep(600)


def lazy():
    """The rows as a query of polars."""
    import polars as pl

    return pl.from_arrow(table).lazy().with_columns(n=pl.col("id") + 1)


def stuck(backend, batch, *rest, **others):
    """A batch that hangs, whatever its deadline."""
    if batch.number == 2:
        time.sleep(600)
    return deliver(backend, batch, *rest, **others)


def panicking():
    """The rows, and then what polars raises when Rust panics: no Exception."""
    import polars as pl

    yield table
    raise pl.exceptions.PanicException("made on request")


def warm():
    """Start loky's workers and their imports; the call then finds them, and its deadline does not pay for them."""
    import joblib

    def ready():
        import qframe.delivery.worker  # noqa: F401

        time.sleep(0.1)
        return os.getpid()

    n_jobs, found = spec["options"]["n_jobs"], set()
    while len(found) < n_jobs:
        found |= set(joblib.Parallel(n_jobs, backend="loky", max_nbytes=None)([joblib.delayed(ready)()] * 2 * n_jobs))


if spec.get("warm"):
    warm()
if spec.get("stuck"):
    deliver, worker.deliver = worker.deliver, stuck

data = {"dripping": dripping, "lazy": lazy, "panicking": panicking}.get(spec.get("source"), lambda: table)()

with qf.connect(spec["target"], **spec.get("connect", {})) as connection:
    begun = time.monotonic()
    try:
        report = qf.collection(spec["name"], connection=connection).upsert(data, progress=tell, **spec["options"])
        end = "report"
    except (qf.WriteInterrupted, qf.WriteError) as error:
        report = error.report
        end = type(error).__name__
        if spec.get("uncaught"):
            raise
    states = {state: report.rows(state).tolist() for state in report.counts}
    said = {"end": end, "seconds": time.monotonic() - begun, "ended_by": report.ended_by, "states": states}
    print(json.dumps(said | {"failures": len(report.failures)}), flush=True)
