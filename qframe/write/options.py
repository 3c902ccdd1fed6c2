"""The options that all writes share, checked once."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from qframe.delivery.ask import Patience
from qframe.delivery.jobs import BackendName, Jobs
from qframe.delivery.policy import RetryPolicy
from qframe.errors import OptionError
from qframe.model.batch import Missing, Ordering, WriteOptions
from qframe.model.options import Errors, as_seconds, as_whole, check_flag, check_word
from qframe.model.requests import CollectionInfo

Duplicates = Literal["raise", "first", "last", "keep"]
Order = Literal["unordered", "semi_ordered", "ordered"]
Progress = bool | Callable[[int, int | None], object] | None

BATCH_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class WriteSettings:
    """What `Collection.upsert` documents option by option.

    Raises
    ------
    OptionError
        For a value out of range or a word that is not known.
    """

    n_jobs: int | None = None
    backend: BackendName = "threading"
    batch_size: int | None = None
    batch_bytes: int | None = None
    wait: bool = True
    ordering: Ordering = "weak"
    timeout: float | None = None
    deadline: float | None = None
    retry: RetryPolicy | None = None
    errors: Errors = "raise"
    max_failures: int | None = None
    duplicates: Duplicates = "raise"
    progress: Progress = None
    return_ids: bool = False
    order: Order = "unordered"
    checkpoint: str | os.PathLike[str] | None = None
    missing: Missing = "report"

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_jobs", Jobs(self.n_jobs, self.backend).n_jobs)
        check_word("ordering", self.ordering, Ordering)
        check_word("errors", self.errors, Errors)
        check_word("duplicates", self.duplicates, Duplicates)
        check_word("order", self.order, Order)
        check_word("missing", self.missing, Missing)
        if self.duplicates == "keep" and self.order == "unordered":
            raise OptionError(
                "duplicates='keep': which of the rows with one id wins is decided by their order, and there is none. "
                "Add order='semi_ordered' (rows of one id in order) or order='ordered' (one batch after the other)."
            )
        check_flag("wait", self.wait)
        check_flag("return_ids", self.return_ids)
        for name, unit in (("batch_size", "rows"), ("batch_bytes", "bytes"), ("max_failures", "rows")):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, as_whole(name, getattr(self, name), f"a number of {unit} above 0"))
        if self.max_failures is not None and self.errors == "raise":
            raise OptionError(
                f"max_failures={self.max_failures}: has no effect with errors='raise', where the first failed row ends "
                "the call. Leave it out, or add errors='report'."
            )
        for name in ("timeout", "deadline"):
            object.__setattr__(self, name, as_seconds(name, getattr(self, name)))
        if not (self.checkpoint is None or isinstance(self.checkpoint, str | os.PathLike)) or self.checkpoint == "":
            raise OptionError(f"checkpoint={self.checkpoint!r}: the path of a file.")
        if not (self.retry is None or isinstance(self.retry, RetryPolicy)):
            raise OptionError(f"retry={self.retry!r}: a qframe.RetryPolicy, for example RetryPolicy(attempts=3).")
        if not (self.progress is None or isinstance(self.progress, bool) or callable(self.progress)):
            raise OptionError(f"progress={self.progress!r}: None, True, False or a callable (rows done, rows in all).")

    @property
    def policy(self) -> RetryPolicy:
        return self.retry if self.retry is not None else RetryPolicy()

    def patience(self, timeout: float) -> Patience:
        """How long the call may try, from now on; `timeout` is the connection's, used when the call names none."""
        return Patience.starting_now(self.policy, self.timeout if self.timeout is not None else timeout, self.deadline)

    @property
    def jobs(self) -> Jobs:
        return Jobs(self.n_jobs, self.backend)

    def jobs_for(self, *, parallel: bool) -> Jobs:
        """The workers of this call: one where the order asks for it, or the target gains nothing from more."""
        return self.jobs if parallel and self.order != "ordered" else replace(self.jobs, n_jobs=1)

    def request(self, timeout: float, info: CollectionInfo | None = None) -> WriteOptions:
        """How each request is to be applied.

        Parameters
        ----------
        timeout : float
            The connection's, used when the call names none.
        info : CollectionInfo, optional
            Whose strict mode bounds requests, where it is known.
        """
        seconds = self.timeout if self.timeout is not None else timeout
        strict = {} if info is None else info.strict
        longest, limit = strict.get("max_timeout"), strict.get("write_rate_limit")
        return WriteOptions(self.wait, self.ordering, seconds, self.missing, longest, limit)
