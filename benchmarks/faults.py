"""`python -m benchmarks.faults [--write]`: the same faults through qdrant-client and through qframe, both measured.

2,000 rows in batches of 100 go to the test suite's loopback server, which is told what to do wrong; each line of the
table says how the call ended, what it told, and what the server then really held.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import qdrant_client
from qdrant_client import QdrantClient, models

import qframe as qf
from benchmarks.marked import renew
from tests.loopback.process import Server
from tests.loopback.relay import Relay

ROWS, BATCH = 2_000, 100
PAGE = "faults.md"
PATIENCE = 60.0
"""Seconds after which a call is taken for one that hangs."""


@dataclass(frozen=True)
class Fault:
    """A line of the table: what the server does wrong, and what happens to the connection meanwhile."""

    name: str
    rule: dict[str, Any] | None
    away: float | None = None
    """Seconds that the server is out of reach after all connections to it were reset; None leaves them alone."""


FAULTS = (
    Fault("429, Retry-After 1 s", {"action": "throttle", "times": 1, "retry_after": 1}),
    Fault("429 without Retry-After, four times", {"action": "throttle", "times": 4, "retry_after": None}),
    Fault("503, five times", {"action": "unavailable", "times": 5}),
    Fault("cut before it is applied, three times", {"action": "drop", "times": 3}),
    Fault("cut after it is applied, three times", {"action": "drop_after", "times": 3}),
    Fault("half an answer, three times", {"action": "half", "times": 3}),
    Fault("reset", {"action": "silence", "times": 1}, away=0.0),
    Fault("away for two seconds", {"action": "silence", "times": 1}, away=2.0),
    Fault("silence, three times", {"action": "silence", "times": 3}),
    Fault("too large, four times", {"action": "too_large", "times": 4}),
    Fault("applied too late (wait_timeout)", {"action": "wait_timeout", "times": 1}),
    Fault("one row in a thousand is refused", {"action": "refuse", "skip": 0, "ids": [777, 1777]}),
    Fault("a payload for four ids that are not there", None),
)
"""The last one writes payloads to points that are there; all others upsert."""

ABSENT = (5, 777, 778, 1999)


@dataclass(frozen=True)
class Ended:
    """How a way dealt with a fault."""

    said: str
    stored: int
    requests: int
    seconds: float


def frame() -> pl.DataFrame:
    ids = np.arange(ROWS, dtype=np.uint64)
    vectors = np.stack([ids, ids + 1], axis=1).astype(np.float32)
    return pl.DataFrame(
        {"id": ids, "n": ids.astype(np.int64), "vector": pl.Series(vectors, dtype=pl.Array(pl.Float32, 2))}
    )


def _payload(row: dict[str, Any]) -> models.SetPayloadOperation:
    return models.SetPayloadOperation(set_payload=models.SetPayload(payload={"n": row["n"]}, points=[row["id"]]))


def by_client(fault: Fault, collection: str, rest: int, grpc: int, wire: str) -> str:
    data = frame()
    client = QdrantClient(
        url=f"http://127.0.0.1:{rest}", grpc_port=grpc, prefer_grpc=wire == "grpc", timeout=1, check_compatibility=False
    )
    try:
        if fault.rule is None:
            for part in data.iter_slices(BATCH):
                client.batch_update_points(collection, [_payload(row) for row in part.iter_rows(named=True)], wait=True)
        else:
            client.upload_collection(
                collection,
                vectors=data["vector"].to_numpy(),
                payload=[{"n": n} for n in data["n"].to_list()],
                ids=data["id"].to_list(),
                batch_size=BATCH,
                wait=True,
            )
    except Exception as error:  # noqa: BLE001 - whatever it raises is what is measured
        return f"raises {type(error).__name__}"
    finally:
        client.close()
    return "returns, says nothing"


def by_qframe(fault: Fault, collection: str, rest: int, grpc: int, wire: str) -> str:
    with qf.connect(f"http://127.0.0.1:{rest}", grpc_port=grpc, transport=wire, timeout=1) as connection:
        target = qf.collection(collection, connection=connection)
        if fault.rule is None:
            report = target.set_payload(frame().drop("vector"), batch_size=BATCH, n_jobs=1, errors="report")
        else:
            report = target.upsert(frame(), batch_size=BATCH, n_jobs=1, errors="report")
    counts = [f"{count:,} {state}" for state, count in report.counts.items() if count]
    rows = sorted({*report.rows("failed").tolist(), *report.rows("unknown").tolist()})
    named = f" (rows {', '.join(map(str, rows[:3]))}{' …' if len(rows) > 3 else ''})" if rows else ""
    return f"reports {', '.join(counts)}{named}"


Way = Callable[[Fault, str, int, int, str], str]
WAYS: dict[str, Way] = {"qdrant-client": by_client, "qframe": by_qframe}


def measure(server: Server, fault: Fault, wire: str, way: Way) -> Ended:
    """Let one way meet one fault."""
    collection = "faults"
    with (
        qf.connect(server.url, grpc_port=server.grpc_port, transport=wire) as direct,
        _ports(server, fault, wire) as ports,
    ):
        target = qf.collection(collection, connection=direct)
        target.create_collection(config={"vectors": {"size": 2, "distance": "Dot"}}, if_exists="replace")
        verb, counted = "upsert", None
        if fault.rule is None:
            verb, counted = "batch", {"must_not": [{"is_empty": {"key": "n"}}]}
            blank = frame().filter(~pl.col("id").is_in(ABSENT)).drop("n")
            target.upsert(blank, batch_size=ROWS)
        server.clear()
        if fault.rule is not None:
            server.faults([{"operation": verb, "skip": 2} | fault.rule])
        begun = time.monotonic()
        said = _within(PATIENCE, lambda: way(fault, collection, *ports, wire))
        seconds = time.monotonic() - begun
        requests = server.requests()["counts"].get(f"{wire}/{verb}", 0)
        server.clear()
        return Ended(said, target.count(filter=counted), requests, seconds)


def _within(seconds: float, call: Callable[[], str]) -> str:
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(call()), daemon=True)
    thread.start()
    thread.join(seconds)
    return said[0] if said else f"does not end within {seconds:g} s"


@contextmanager
def _ports(server: Server, fault: Fault, wire: str) -> Iterator[tuple[int, int]]:
    """The server's ports; those of a relay that goes away once the fault has fired, where it must."""
    seconds = fault.away
    if seconds is None:
        yield server.rest_port, server.grpc_port
        return
    with Relay(server.rest_port) as rest, Relay(server.grpc_port) as grpc:
        relay = rest if wire == "rest" else grpc
        over = threading.Event()

        def away() -> None:
            while server.fired() != [1]:
                if over.wait(0.02):
                    return
            relay.refuse()
            relay.reset()
            over.wait(seconds)
            relay.accept()

        leaving = threading.Thread(target=away)
        leaving.start()
        try:
            yield rest.port, grpc.port
        finally:
            over.set()
            leaving.join()


def table(server: Server) -> str:
    lines = ["| fault | wire | way | the call | stored | requests | seconds |", "|---|---|---|---|--:|--:|--:|"]
    for fault in FAULTS:
        for wire in ("rest", "grpc"):
            for name, way in WAYS.items():
                ended = measure(server, fault, wire, way)
                lines.append(
                    f"| {fault.name} | {wire} | {name} | {ended.said} | {ended.stored:,} | {ended.requests} "
                    f"| {ended.seconds:.1f} |"
                )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE}")
    options = parser.parse_args()
    with Server.start() as server:
        text = table(server)
    print(text)
    if options.write:
        about = f"{ROWS:,} rows in batches of {BATCH}, one worker, timeout 1 s; qdrant-client {_version()}."
        print("\nwritten to", renew(PAGE, "measured", f"{about}\n\n{text}"))


def _version() -> str:
    from importlib.metadata import version

    return version(qdrant_client.__name__.replace("_", "-"))


if __name__ == "__main__":
    main()
