"""What came of a request: a fault or an acknowledgement; what came of a batch: an outcome of a few numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qframe.model.ids import PointId, RowNumbers

FaultKind = Literal["lost", "throttled", "too_large", "refused", "missing", "fatal"]
Applied = Literal["no", "some", "unknown"]
State = Literal["written", "acknowledged", "failed", "unknown", "unsent", "skipped"]
STATES: tuple[State, ...] = ("written", "acknowledged", "failed", "unknown", "unsent", "skipped")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a request did not do what it asked for; a value, not an exception.

    Parameters
    ----------
    kind : str
        lost: no or no certain answer (connection, timeout, 5xx, UNAVAILABLE); throttled: 429, RESOURCE_EXHAUSTED;
        too_large: the body; refused: the content; missing: a point id; fatal: no other request will fare better
        (key, collection gone, server too old).
    applied : str
        Whether anything was stored, as far as can be known.
    message : str
        In the server's own words where there are any.
    retry_after : float or None
        Seconds that the server asked to wait.
    point_id : int, str or None
        The point that the server named.
    cause : str
        Which error of `qframe.errors` a caller should see when the fault ends a call:
        "" for ServerError, "auth", "collection", "exists", "unreachable", "unsupported", "fork", "in_use".
    """

    kind: FaultKind
    applied: Applied
    message: str
    retry_after: float | None = None
    point_id: PointId | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Ack:
    """A write was taken.

    Parameters
    ----------
    status : str
        "completed": applied; "acknowledged": logged (`wait=False`); "wait_timeout": logged, and not applied in time.
    operation_id : int or None
    """

    status: Literal["completed", "acknowledged", "wait_timeout"]
    operation_id: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """Rows of one batch that ended alike.

    Parameters
    ----------
    positions : range or numpy.ndarray
        Of the rows in the batch, ascending.
    state : str
        One of `STATES`.
    error : str
        Class of the fault, "" when there was none.
    message : str
    attempts : int
        Requests that carried these rows.
    """

    positions: RowNumbers
    state: State
    error: str = ""
    message: str = ""
    attempts: int = 1

    def __len__(self) -> int:
        return len(self.positions)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What came of a batch; small, since finished outcomes queue up unread.

    Parameters
    ----------
    number : int
        The batch's number.
    spans : tuple of Span
        Every row of the batch is in one of them.
    requests, retries, nbytes : int
        Requests sent, how many of them were repetitions, bytes of all bodies.
    throttled : float
        Seconds waited because the server asked for it.
    seconds : float
        Time from the first request to the last answer.
    fatal : Fault or None
        Set when no other batch of the call will fare better.
    hopeless : bool
        Whether the batch was refused whole, its quarters and single rows with the same words: not for some of its rows.
    """

    number: int
    spans: tuple[Span, ...]
    requests: int = 0
    retries: int = 0
    nbytes: int = 0
    throttled: float = 0.0
    seconds: float = 0.0
    fatal: Fault | None = None
    hopeless: bool = False
