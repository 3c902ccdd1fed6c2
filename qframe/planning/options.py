"""The options that all reads share, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from qframe.delivery.policy import RetryPolicy
from qframe.errors import OptionError
from qframe.model.options import check_flag, check_positive, check_word
from qframe.model.points import ShardKey
from qframe.model.requests import Consistency

OnMismatch = Literal["raise", "null"]
Extra = Literal["ignore", "raise", "column"]
Pushdown = Literal["auto", "require", "off"]


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """What `Collection.scan` documents option by option.

    Raises
    ------
    OptionError
        For a value out of range or a word that is not known.
    """

    schema: Any = None
    schema_overrides: Any = None
    infer_schema_length: int = 1000
    vectors: bool | str | Sequence[str] = True
    columns: Sequence[str] | None = None
    filter: Any = None
    limit: int | None = None
    on_mismatch: OnMismatch = "raise"
    extra: Extra = "ignore"
    pushdown: Pushdown = "auto"
    n_jobs: int | None = None
    maintain_order: bool = False
    retry: RetryPolicy | None = None
    timeout: float | None = None
    deadline: float | None = None
    consistency: Consistency | None = None
    shard_key: ShardKey | None = None
    id_name: str = "id"

    def __post_init__(self) -> None:
        check_word("on_mismatch", self.on_mismatch, OnMismatch)
        check_word("extra", self.extra, Extra)
        check_word("pushdown", self.pushdown, Pushdown)
        limit: Any = self.limit
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
            raise OptionError(f"limit={limit!r}: a number of rows, at least 0, or None for all.")
        if self.infer_schema_length is None:
            raise OptionError("infer_schema_length=None: a number of points above 0.")
        check_positive("infer_schema_length", self.infer_schema_length, int, "points")
        check_flag("maintain_order", self.maintain_order)
        if not (self.retry is None or isinstance(self.retry, RetryPolicy)):
            raise OptionError(f"retry={self.retry!r}: a qframe.RetryPolicy, for example RetryPolicy(attempts=3).")
        check_positive("timeout", self.timeout, (int, float), "seconds")
        check_positive("deadline", self.deadline, (int, float), "seconds")
        _check_consistency(self.consistency)
        if not isinstance(self.id_name, str) or not self.id_name:
            raise OptionError(f"id_name={self.id_name!r}: the name of a column, which is not empty.")

    @property
    def policy(self) -> RetryPolicy:
        return self.retry if self.retry is not None else RetryPolicy()


def _check_consistency(given: Any) -> None:
    words = get_args(get_args(Consistency)[1])
    if given is None or given in words:
        return
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise OptionError(f"consistency={given!r}: {', '.join(map(repr, words))}, or a number of replicas above 0.")
