"""The options that all reads share, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

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
        if self.limit != 0 or isinstance(self.limit, bool):
            check_positive("limit", self.limit, int, "rows")
        if self.infer_schema_length is None:
            raise OptionError("infer_schema_length=None: a number of points above 0.")
        check_positive("infer_schema_length", self.infer_schema_length, int, "points")
        check_flag("maintain_order", self.maintain_order)
        if not (self.retry is None or isinstance(self.retry, RetryPolicy)):
            raise OptionError(f"retry={self.retry!r}: a qframe.RetryPolicy, for example RetryPolicy(attempts=3).")
        check_positive("timeout", self.timeout, (int, float), "seconds")
        check_positive("deadline", self.deadline, (int, float), "seconds")

    @property
    def policy(self) -> RetryPolicy:
        return self.retry if self.retry is not None else RetryPolicy()
