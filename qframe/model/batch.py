"""A batch: what one request carries, is retried with the same bytes, and halved when it is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from qframe.model.ids import Index
from qframe.model.operations import Operation

Ordering = Literal["weak", "medium", "strong"]


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How a request is to be applied.

    Parameters
    ----------
    wait : bool
        Answer when the change is applied (True) or only logged.
    ordering : "weak", "medium" or "strong"
        Qdrant's write ordering.
    timeout : float
        Seconds for one request. The server is asked to answer a little before that.
    """

    wait: bool = True
    ordering: Ordering = "weak"
    timeout: float = 60.0

    @property
    def server_timeout(self) -> int:
        """Whole seconds, at least 1: the server's own limit, below the client's so that its words arrive first."""
        return max(1, int(self.timeout * 0.9))


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One or more operations on one collection, sent as one request.

    Parameters
    ----------
    collection : str
    operation : Operation
    number : int
        Counts batches in the order in which they were cut; the ledger knows a batch by it.
    """

    collection: str
    operation: Operation
    number: int = 0

    def __len__(self) -> int:
        return len(self.operation.rows)

    def take(self, index: Index) -> Batch:
        return Batch(self.collection, self.operation.take(index), self.number)

    def halves(self) -> tuple[Batch, Batch]:
        """Two batches of about equal length, in order. A batch of one row has no halves."""
        middle = len(self) // 2
        return self.take(slice(0, middle)), self.take(slice(middle, len(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A batch encoded whole, ready to be sent any number of times. Never pickled.

    Parameters
    ----------
    content : object
        Bytes on a wire; whatever the embedded engine takes there. Only the backend that made it looks inside.
    nbytes : int
        Size of the body on the wire, 0 where there is no wire.
    route : tuple
        Where the content goes; only the backend that made it looks inside.
    """

    content: Any
    nbytes: int
    route: tuple[Any, ...] = ()
