"""Every exception and warning of qframe; imports nothing of the rest.

QframeError
├── TargetError (ValueError)             the target or its options make no sense
├── UnreachableError (ConnectionError)   nothing answered at the address
├── AuthenticationError (PermissionError)  key missing, wrong, or not allowed to do this
├── FolderInUseError (OSError)           an embedded folder is open in another process
├── ForkedProcessError (RuntimeError)    an embedded engine was carried over a fork
├── CollectionNotFoundError (LookupError)
├── CollectionExistsError (ValueError)
├── UnsupportedError                     the target cannot do what was asked
├── ServerError                          the target refused or failed, in its own words
├── FrameError (ValueError)              a frame, column or value that cannot be written
├── OptionError (ValueError)             an option of a call that makes no sense
│   └── PushdownError                    a filter that the server cannot help with, where that was required
├── MismatchError (ValueError)           a stored value that does not fit the schema
├── CheckpointError (ValueError)         a checkpoint that is of another call, damaged, or cannot be written
├── QueryError                           some queries of a frame were not answered; carries the answers to the others
└── WriteError                           some rows were not written; carries the report
WriteInterrupted (KeyboardInterrupt)     Ctrl-C during a write; carries the report

QframeWarning (UserWarning)
├── DefaultTargetWarning                 no target was named, the embedded default is used
├── InsecureKeyWarning                   a key travels over plain http
├── PushdownWarning                      filters are applied here, the polars in use is not understood
└── QueryWarning                         some queries of a frame were not answered
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qframe.report import WriteReport


def _revive(kind: type[QframeError], message: str, state: dict[str, Any]) -> QframeError:
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class QframeError(Exception):
    """Root of all errors raised by qframe. Every one of them pickles with its attributes."""

    # Some are OSErrors too, which build __str__ from their arguments in a way of their own.
    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), str(self), dict(self.__dict__))


class TargetError(QframeError, ValueError):
    """A target, or an option of `connect`, that makes no sense."""


class UnreachableError(QframeError, ConnectionError):
    """Nothing answered at the target's address."""


class AuthenticationError(QframeError, PermissionError):
    """The key is missing, wrong, or not allowed to do what was asked."""


class FolderInUseError(QframeError, OSError):
    """The folder of an embedded engine is open in another process."""


class ForkedProcessError(QframeError, RuntimeError):
    """An embedded engine opened before `os.fork` was used in the child, where it would hang or lose data."""


class CollectionNotFoundError(QframeError, LookupError):
    """The collection does not exist on the target."""

    collection: str

    def __init__(self, message: str, *, collection: str = "") -> None:
        super().__init__(message)
        self.collection = collection


class CollectionExistsError(QframeError, ValueError):
    """The collection exists already, with another configuration or against the caller's wish."""


class UnsupportedError(QframeError):
    """The target cannot do what was asked; the message says since when, or where, it can be done."""


class ServerError(QframeError):
    """The target refused a request or failed to answer it.

    Attributes
    ----------
    kind : str
        The class of the fault: "lost", "throttled", "too_large", "refused", "missing" or "fatal".
    """

    kind: str

    def __init__(self, message: str, *, kind: str = "refused") -> None:
        super().__init__(message)
        self.kind = kind


class FrameError(QframeError, ValueError):
    """A frame, a column or a value that cannot be written. Nothing has been sent when it is raised.

    Attributes
    ----------
    column : str or None
        The column at fault.
    row : int or None
        The first row at fault, counted from 0.
    value : object
        What was found there.
    """

    column: str | None
    row: int | None
    value: object

    def __init__(
        self, message: str, *, column: str | None = None, row: int | None = None, value: object = None
    ) -> None:
        super().__init__(message)
        self.column = column
        self.row = row
        self.value = value


class OptionError(QframeError, ValueError):
    """An option of a call that makes no sense, or options that exclude each other."""


class PushdownError(OptionError):
    """With ``pushdown="require"``: the server can evaluate nothing of a filter, so that all points would be read.

    Attributes
    ----------
    collection : str
    parts : tuple
        The filter's parts: `text` and `reasons` of each.
    """

    collection: str
    parts: tuple[Any, ...]

    def __init__(self, message: str, *, collection: str = "", parts: tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self.collection = collection
        self.parts = parts


class MismatchError(QframeError, ValueError):
    """A stored payload value that does not fit the schema it is read with.

    Attributes
    ----------
    point_id : int or str
    field : str
    value : object
    """

    point_id: int | str
    field: str
    value: object

    def __init__(self, message: str, *, point_id: int | str, field: str, value: object) -> None:
        super().__init__(message)
        self.point_id = point_id
        self.field = field
        self.value = value


class CheckpointError(QframeError, ValueError):
    """The file of `checkpoint=` is of another call or other rows, is damaged, or cannot be read or written."""


class QueryError(QframeError):
    """Some queries of a frame were not answered, with ``errors="raise"``; all others were.

    Attributes
    ----------
    failures : list of (int, str)
        Row of the frame, counted from 0, and why it was not answered; ascending.
    answers : frame
        What `search` returns, for the rows that were answered.
    """

    failures: list[tuple[int, str]]
    answers: Any

    def __init__(self, message: str, *, failures: list[tuple[int, str]], answers: Any) -> None:
        super().__init__(message)
        self.failures = failures
        self.answers = answers


class WriteError(QframeError):
    """Some rows were not written. `report` says which and why.

    Attributes
    ----------
    report : WriteReport
    """

    report: WriteReport

    def __init__(self, message: str, *, report: WriteReport) -> None:
        super().__init__(message)
        self.report = report


def _revive_interrupt(message: str, report: WriteReport) -> WriteInterrupted:
    return WriteInterrupted(message, report=report)


class WriteInterrupted(KeyboardInterrupt):
    """Ctrl-C arrived during a write. `report` says what is stored, unknown and unsent.

    Attributes
    ----------
    report : WriteReport
    """

    report: WriteReport

    def __init__(self, message: str, *, report: WriteReport) -> None:
        super().__init__(message)
        self.report = report

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive_interrupt, (str(self), self.report)


class QframeWarning(UserWarning):
    """Root of all warnings of qframe."""


class DefaultTargetWarning(QframeWarning):
    """No target was named anywhere; the embedded engine in `./qdrant_data` is used."""


class InsecureKeyWarning(QframeWarning):
    """An API key travels over plain http to a host that is not local."""


class PushdownWarning(QframeWarning):
    """Filters are applied here, since the polars in use serialises expressions in a form that is not known."""


class QueryWarning(QframeWarning):
    """Some queries of a frame were not answered; their rows hold null for rank, id and score.

    Attributes
    ----------
    failures : list of (int, str)
        Row of the frame, counted from 0, and why it was not answered; ascending.
    """

    failures: list[tuple[int, str]]

    def __init__(self, message: str, failures: list[tuple[int, str]] | None = None) -> None:
        super().__init__(message)
        self.failures = failures or []
