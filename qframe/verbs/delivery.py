"""The options that all writes share, documented once: `shared` shows them in each verb's signature and docstring."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from qframe.verbs.forwarding import with_parameters

if TYPE_CHECKING:
    import os

    from qframe.delivery.jobs import BackendName
    from qframe.delivery.policy import RetryPolicy
    from qframe.model.batch import Ordering
    from qframe.model.options import Errors
    from qframe.write.options import Duplicates, Order, Progress

P = ParamSpec("P")
R = TypeVar("R")


def delivery(
    *,
    n_jobs: int | None = None,
    backend: BackendName = "threading",
    batch_size: int | None = None,
    batch_bytes: int | None = None,
    wait: bool = True,
    ordering: Ordering = "weak",
    timeout: float | None = None,
    deadline: float | None = None,
    retry: RetryPolicy | None = None,
    errors: Errors = "raise",
    max_failures: int | None = None,
    order: Order = "unordered",
    duplicates: Duplicates = "raise",
    progress: Progress = None,
    checkpoint: str | os.PathLike[str] | None = None,
    return_ids: bool = False,
) -> None:
    """How rows are sent.

    Parameters
    ----------
    n_jobs : int, optional
        Requests in flight; default 4. See `joblib.Parallel`.
    backend : "threading", "loky" or "ambient"
        joblib's backend; ``"ambient"`` takes what `joblib.parallel_config` says.
    batch_size : int, optional
        Rows a request, at most; default 10,000 for `upsert` and `update_vectors`, 100,000 for the others; the
        embedded engine takes 1,000.
    batch_bytes : int, optional
        Bytes a request, about; default 3,000,000 over gRPC, 6,000,000 over REST.
    wait : bool
        Whether the server answers after applying a batch (True) or after logging it (rows are then reported as
        acknowledged).
    ordering : "weak", "medium" or "strong"
        Qdrant's write ordering.
    timeout : float, optional
        Seconds for one request; default: the connection's. The server's own limit follows from it.
    deadline : float, optional
        Seconds for the whole call.
    retry : RetryPolicy, optional
        How often and how patiently a batch is sent again; default: `RetryPolicy()`.
    errors : "raise" or "report"
        ``"raise"``: a bad row in a frame in memory means that nothing is written; a row that is
        refused ends the call with `WriteError`, and so do rows that stay unknown, at its end. ``"report"``: what can be
        written is written, the report says the rest.
    max_failures : int, optional
        With ``errors="report"``, and no other: end the call when more rows than this have failed, bad values among
        them.
    order : "unordered", "semi_ordered" or "ordered"
        Whether batches are in flight together (``"unordered"``), those that share an id never (``"semi_ordered"``), or
        one is sent after the other (``"ordered"``).
    duplicates : "raise", "first", "last" or "keep"
        What to do about ids that occur twice, in the whole frame, in a stream within a chunk: refuse them, take one
        row, or send all in the order of rows (``"keep"``, with `order` other than ``"unordered"``).
    progress : None, bool or callable
        None shows a bar after 2 seconds where there is a terminal or notebook; a callable gets (rows done, rows in
        all or None). Done are those, too, that were refused or left out.
    checkpoint : path, optional
        A local file that remembers what is written, so that the same call goes on where an earlier one stopped.
    return_ids : bool
        Keep ``report.ids`` for streams too.
    """


def shared(verb: Callable[P, R]) -> Callable[P, R]:
    """Let a verb that takes `**options` of delivery show them one by one.

    Parameters
    ----------
    verb : callable
        A method; types see `DeliveryOptions`, `help` and completion what `delivery` documents.
    """
    own = inspect.signature(verb)
    kept = [item for item in own.parameters.values() if item.kind is not inspect.Parameter.VAR_KEYWORD]
    every = [*kept, *inspect.signature(delivery).parameters.values()]
    verb.__signature__ = own.replace(parameters=every)  # type: ignore[attr-defined]
    verb.__doc__ = with_parameters(inspect.getdoc(verb) or "", after=inspect.getdoc(delivery) or "")
    return verb
