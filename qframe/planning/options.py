"""The options that all reads share, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from qframe.delivery.policy import RetryPolicy
from qframe.errors import OptionError
from qframe.model.options import as_seconds, as_whole, check_flag, check_word
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
        if self.limit is not None:
            limit = as_whole("limit", self.limit, "a number of rows, at least 0, or None for all", least=0)
            object.__setattr__(self, "limit", limit)
        length = as_whole("infer_schema_length", self.infer_schema_length, "a number of points above 0")
        object.__setattr__(self, "infer_schema_length", length)
        check_flag("maintain_order", self.maintain_order)
        if not (self.retry is None or isinstance(self.retry, RetryPolicy)):
            raise OptionError(f"retry={self.retry!r}: a qframe.RetryPolicy, for example RetryPolicy(attempts=3).")
        for name in ("timeout", "deadline"):
            object.__setattr__(self, name, as_seconds(name, getattr(self, name)))
        object.__setattr__(self, "consistency", _checked_consistency(self.consistency))
        if not isinstance(self.id_name, str) or not self.id_name:
            raise OptionError(f"id_name={self.id_name!r}: the name of a column, which is not empty.")

    @property
    def policy(self) -> RetryPolicy:
        return self.retry if self.retry is not None else RetryPolicy()


def _checked_consistency(given: Any) -> Consistency | None:
    words = get_args(get_args(Consistency)[1])
    if given is None or given in words:
        return given
    return as_whole("consistency", given, f"{', '.join(map(repr, words))}, or a number of replicas above 0")
