"""The ways of each task: what the tables call them, and the module of this folder that each one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmarks.bars import QFRAME

Task = Literal["write", "read", "set_payload", "update_vectors", "delete"]
Tasks = dict[Task, tuple["Program", ...]]


@dataclass(frozen=True)
class Program:
    """A way of doing a job.

    Parameters
    ----------
    name : str
    module : str
    gzip : bool
        Whether compressed answers are asked for.
    slow : bool
        Whether it gets only the first rows where that is enough to know its rate.
    n_jobs : int
        Workers, threads or processes.
    """

    name: str
    module: str
    gzip: bool = False
    slow: bool = False
    n_jobs: int = 1


CLIENTS = (
    Program("upload_collection", "client_upload_collection", gzip=True, slow=True),
    Program("upload_collection, 64", "client_upload_collection_64", gzip=True, slow=True),
    Program("upsert(Batch)", "client_upsert_batch", gzip=True, slow=True),
    Program("upload_points", "client_upload_points", gzip=True, slow=True),
    Program("upsert([PointStruct])", "client_upsert_points", gzip=True, slow=True),
)
"""The five ways of qdrant-client to write."""

SCROLL = Program("scroll", "client_scroll", gzip=True, slow=True)
SCROLL_PLAIN = Program("scroll, plain", "client_scroll", slow=True)
REPLAY = Program("limit: replay", "limit_replay")
TO_JSON = Program("limit: vectors to JSON by orjson + replay", "limit_vectors_to_json")
FETCH = Program("limit: fetch", "limit_fetch")
FETCH_GZIP = Program("limit: fetch, gzip", "limit_fetch", gzip=True, slow=True)
UPSERT, READ = Program(QFRAME, "qframe_upsert"), Program(QFRAME, "qframe_read")

WRITES = (UPSERT, *CLIENTS, REPLAY)
JSON_WRITES = (*WRITES, TO_JSON)
READS = (READ, SCROLL, SCROLL_PLAIN, FETCH)
READS_AND_GZIP = (*READS, FETCH_GZIP)

LIMITS = (TO_JSON.name, REPLAY.name, FETCH.name)
"""The first of them that a group has is its limit."""

CHANGES: Tasks = {
    "set_payload": (
        Program(QFRAME, "qframe_set_payload"),
        Program("batch_update_points", "client_set_payload", gzip=True, slow=True),
    ),
    "update_vectors": (
        Program(QFRAME, "qframe_update_vectors"),
        Program("update_vectors", "client_update_vectors", gzip=True, slow=True),
    ),
    "delete": (Program(QFRAME, "qframe_delete"), Program("delete", "client_delete", gzip=True)),
}


def with_workers(program: Program, n_jobs: int) -> Program:
    """The same with so many, for all rows: making workers is part of each run."""
    return Program(f"{program.name}, {n_jobs} workers", program.module, program.gzip, n_jobs=n_jobs)


def by_workers(program: Program) -> tuple[Program, ...]:
    """With one worker, with two and with four."""
    return program, with_workers(program, 2), with_workers(program, 4)


WRITES_BY_WORKERS = {
    "grpc": (*by_workers(UPSERT), with_workers(CLIENTS[0], 2), *by_workers(REPLAY)),
    "rest": (*by_workers(UPSERT), with_workers(CLIENTS[0], 2), *by_workers(TO_JSON)),
}
READS_BY_WORKERS = (*by_workers(READ), *by_workers(FETCH))
READS_IN_SERVER_TIME = by_workers(READ)[:2]
