"""Makes the calls that it is told to, each in a process of its own, and kills those that are to be killed.

Reads jobs from standard input and answers each with a line: {"killed": whether SIGKILL ended it, "said": its report}.
Everything is imported once, and nothing is opened here: a forked process begins as a fresh one would.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import grpc  # noqa: F401 - imported once for all
import httpx  # noqa: F401
import joblib  # noqa: F401
import numpy as np
import pyarrow as pa

import qframe as qf
import qframe.write.checkpoint as checkpoint
import qframe.write.upsert
from qframe.backends.opening import open_backend

HEARD = b"."


def frame(rows: int) -> pa.Table:
    """Rows that are told apart by `n`."""
    n = np.arange(rows, dtype=np.int64)
    vectors = np.stack([n, n + 1], axis=1).astype(np.float32).reshape(-1)
    return pa.table(
        {"id": n.astype(np.uint64), "n": n, "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors), 2)}
    )


def dying(call: Callable[..., Any], at: int, *, after: bool) -> Callable[..., Any]:
    """The function; at its call number `at` this process dies, before it does anything or after it has done it."""
    calls = 0

    def called(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        mine = calls
        if mine == at and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        found = call(*args)
        if mine == at and after:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    return called


def arm(connection: qf.Connection, point: str, at: int) -> None:
    """Let this process die at a point of the call."""
    backend = type(open_backend(connection))
    if point in ("before a send", "applied before the answer"):
        backend.write = dying(backend.write, at, after=point != "before a send")
    elif point == "answered before the checkpoint is saved":
        checkpoint.write = dying(checkpoint.write, at, after=False)
    elif point == "between temporary file and rename":
        Path.replace = dying(Path.replace, at, after=False)
    else:
        raise ValueError(point)


def call(job: dict[str, Any], tell: Callable[[bytes], object]) -> list[dict[str, Any]]:
    """The reports of the call, made as often as the job says; it tells of each answer that is heard."""
    # Saved at every answer: there are more moments to die at.
    checkpoint.PAUSE = checkpoint.SHARE = 0

    def heard(_: int, __: int | None) -> None:
        tell(HEARD)

    with qf.connect(job["target"], **job["connect"]) as connection:
        if job.get("point"):
            arm(connection, job["point"], job["at"])
        collection, rows = qf.collection(job["name"], connection=connection), frame(job["rows"])
        reports = [collection.upsert(rows, progress=heard, **job["options"]) for _ in range(job.get("times", 1))]
    return [{"counts": report.counts, "resumed": report.resumed, "ids": report.ids.to_pylist()} for report in reports]


def forked(job: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # OpenBLAS has threads; nothing here calculates with it.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os.setsid()
        os.close(reading)
        try:
            said: Any = call(job, partial(os.write, writing))
        except Exception as error:  # noqa: BLE001 - told to the test
            said = f"{type(error).__name__}: {error}"
        with os.fdopen(writing, "w") as pipe:
            json.dump(said, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        if "heard" in job:
            pipe.read(job["heard"])
            time.sleep(job["seconds"])
            os.kill(child, signal.SIGKILL)
        text = pipe.read().lstrip(HEARD)
    # Workers of loky outlive it. Until it is waited for, its number is nobody else's.
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return {"killed": killed, "said": json.loads(text) if text and not killed else None}


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(forked(json.loads(line))) + "\n")
        sys.stdout.flush()
