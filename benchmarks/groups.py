"""What is measured: per wire, writing, reading and changing, each with its ways and the bars that were set for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.data import Job
from benchmarks.rounds import Figures, Way
from benchmarks.targets import Target

QFRAME, TWO = "qframe", "qframe, 2 workers"
UPLOAD, SCROLL, SCROLL_PLAIN = "upload_collection", "scroll", "scroll, plain"
REPLAY, FETCH, FETCH_GZIP = "limit: replay", "limit: fetch", "limit: fetch, gzip"
BATCH_UPDATE, UPDATE_VECTORS, DELETE = "batch_update_points", "update_vectors", "delete"
LIMITS = {"write": REPLAY, "read": FETCH}
"""The way that is the limit, by task; changes have none."""

Task = Literal["write", "read", "set_payload", "update_vectors", "delete"]


@dataclass(frozen=True)
class Bar:
    """What a way is to reach against another: at least so many times its rows/s, or at most so much of its CPU."""

    against: str
    measure: Literal["rows/s", "CPU"]
    times: float
    way: str = QFRAME

    def ratio(self, figures: dict[str, Figures]) -> float:
        """How many times better the way is."""
        ours, theirs = figures[self.way], figures[self.against]
        if self.measure == "CPU":
            return theirs.cpu_a_row / ours.cpu_a_row
        return ours.times(theirs)

    def __str__(self) -> str:
        who = "" if self.way == QFRAME else f"{self.way}: "
        if self.measure == "CPU":
            return f"{who}at most 1/{self.times:g} of the client CPU of {self.against}"
        return f"{who}at least {self.times:g}× the rows/s of {self.against}"


@dataclass(frozen=True)
class Group:
    """Ways that are measured side by side; with `waits`, against stand-ins that take a server's time for a page."""

    wire: Literal["grpc", "rest"]
    task: Task
    ways: dict[str, tuple[str, bool]]
    bars: Sequence[Bar]
    waits: bool = False

    @property
    def title(self) -> str:
        return f"{'gRPC' if self.wire == 'grpc' else 'REST'}, {self.task}{' in server time' if self.waits else ''}"

    def jobs(self, target: Target, frame: str) -> list[Way]:
        port, grpc_port = target.port, target.grpc_port
        if self.waits and target.waiting is not None:
            port, grpc_port = target.waiting
        return [
            Way(
                name,
                Job(
                    module,
                    self.wire,
                    gzip,
                    frame,
                    target.host,
                    port,
                    target.gzip_grpc_port if gzip else grpc_port,
                    target.collection,
                    target.api_key,
                ),
            )
            for name, (module, gzip) in self.ways.items()
        ]


WRITES = {
    QFRAME: ("qframe_upsert", False),
    UPLOAD: ("client_upload_collection", True),
    REPLAY: ("limit_replay", False),
}
READS = {
    QFRAME: ("qframe_read", False),
    TWO: ("qframe_read_two", False),
    SCROLL: ("client_scroll", True),
    SCROLL_PLAIN: ("client_scroll", False),
    FETCH: ("limit_fetch", False),
    FETCH_GZIP: ("limit_fetch", True),
}
IN_SERVER_TIME = {QFRAME: ("qframe_read", False), TWO: ("qframe_read_two", False)}
SET_PAYLOADS = {QFRAME: ("qframe_set_payload", False), BATCH_UPDATE: ("client_set_payload", True)}
UPDATES = {QFRAME: ("qframe_update_vectors", False), UPDATE_VECTORS: ("client_update_vectors", True)}
DELETES = {QFRAME: ("qframe_delete", False), DELETE: ("client_delete", True)}

FASTER = Bar(QFRAME, "rows/s", 1, TWO)
"""Two workers, a slice each, gain on one."""

GROUPS = (
    Group("grpc", "write", WRITES, (Bar(UPLOAD, "rows/s", 6), Bar(UPLOAD, "CPU", 6))),
    Group("rest", "write", WRITES, (Bar(UPLOAD, "rows/s", 3),)),
    Group("grpc", "read", READS, (Bar(SCROLL, "rows/s", 10), Bar(SCROLL_PLAIN, "rows/s", 5), FASTER)),
    Group("rest", "read", READS, (Bar(SCROLL, "rows/s", 4), Bar(SCROLL_PLAIN, "rows/s", 2.5), FASTER)),
    Group("grpc", "read", IN_SERVER_TIME, (FASTER,), waits=True),
    Group("rest", "read", IN_SERVER_TIME, (FASTER,), waits=True),
    Group("grpc", "set_payload", SET_PAYLOADS, ()),
    Group("rest", "set_payload", SET_PAYLOADS, ()),
    Group("grpc", "update_vectors", UPDATES, ()),
    Group("rest", "update_vectors", UPDATES, ()),
    Group("grpc", "delete", DELETES, ()),
    Group("rest", "delete", DELETES, ()),
)
