"""The contract between the flows and the places points are stored in. Fits on one screen; three packages fulfil it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from qframe.model.batch import Batch, Prepared, WriteOptions
from qframe.model.ids import Ids
from qframe.model.operations import Operation
from qframe.model.outcome import Ack, Fault
from qframe.model.points import ShardKey
from qframe.model.queries import Hits, QueryRequest
from qframe.model.requests import Admin, Fetched, Page, PageRequest
from qframe.model.schema import Schema


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do.

    Parameters
    ----------
    transport : str
        "rest", "grpc" or "embedded"; what `report.transport` says.
    version : tuple of int
        Server version (major, minor, patch); that of the engine's nearest server for the embedded one.
    byte_limit : int or None
        Largest body of a write; None where there is no wire.
    batch_bytes : int
        Of a request, about, where the caller does not say. On a real server rows/s are flat between 0.5 and 9 MB of
        protobuf and best near 2 to 4; small bodies keep fewer rows in doubt. A batch costs about 0.3 ms whatever it
        holds, which is why 3 MB go out 15 to 30 % faster than 2 over gRPC, and 5 no faster.
    shared_memory_only : bool
        True where other processes cannot open the target beside this one: process backends are refused.
    parallel : bool
        Whether more than one request in flight is of use.
    """

    transport: str
    version: tuple[int, int, int]
    byte_limit: int | None = None
    batch_bytes: int = 3_000_000
    shared_memory_only: bool = False
    parallel: bool = True

    def since(self, major: int, minor: int, patch: int = 0) -> bool:
        return self.version >= (major, minor, patch)


class Backend(Protocol):
    """One a process and target, safe to use from several threads. Faults are values; only bugs raise."""

    @property
    def capabilities(self) -> Capabilities: ...

    def estimate(self, operation: Operation, /) -> npt.NDArray[np.int64] | None:
        """Bytes of each row on the wire, about (exact on gRPC); None where rows have no bytes."""
        ...

    def prepare(self, batch: Batch, options: WriteOptions, /) -> Prepared:
        """Encode the batch whole. Deterministic: the same batch gives the same bytes."""
        ...

    def write(self, prepared: Prepared, timeout: float, /) -> Ack | Fault: ...

    def existing(
        self, collection: str, ids: Ids, timeout: float, shard_key: ShardKey | None = None, /
    ) -> npt.NDArray[np.bool_] | Fault:
        """Which of the ids are there, under the shard key if one is given; `bool` of shape (n,)."""
        ...

    def fetch(self, request: PageRequest, timeout: float, /) -> Fetched | Fault:
        """A page that another thread may decode while the next one is fetched."""
        ...

    def page(self, request: PageRequest, schema: Schema, timeout: float, /) -> Page | Fault:
        fetched = self.fetch(request, timeout)
        return fetched if isinstance(fetched, Fault) else fetched.decode(schema)

    def query(self, request: QueryRequest, schema: Schema, timeout: float, /) -> Hits | Fault: ...

    def admin(self, request: Admin, timeout: float, /) -> Any | Fault: ...

    def flush(self, collection: str, /) -> Fault | None:  # noqa: ARG002
        """Make what is applied outlast a power loss, where this process can: a server sees to it itself."""
        return None

    def close(self) -> None: ...
