"""The options that all reads share, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from qframe.delivery.policy import RetryPolicy
from qframe.errors import OptionError
from qframe.model.points import ShardKey
from qframe.model.requests import Consistency

OnMismatch = Literal["raise", "null"]
Extra = Literal["ignore", "raise", "column"]


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
    retry: RetryPolicy | None = None
    timeout: float | None = None
    deadline: float | None = None
    consistency: Consistency | None = None
    shard_key: ShardKey | None = None
    id_name: str = "id"

    def __post_init__(self) -> None:
        for name, allowed in (("on_mismatch", OnMismatch), ("extra", Extra)):
            words = get_args(allowed)
            if getattr(self, name) not in words:
                raise OptionError(f"{name}={getattr(self, name)!r}: one of {', '.join(map(repr, words))}.")
        if self.limit is not None and (isinstance(self.limit, bool) or not isinstance(self.limit, int)):
            raise OptionError(f"limit={self.limit!r}: a number of rows, or None for all.")
        if self.limit is not None and self.limit < 0:
            raise OptionError(f"limit={self.limit!r}: a number of rows, 0 or more.")
        if not isinstance(self.infer_schema_length, int) or self.infer_schema_length < 1:
            raise OptionError(f"infer_schema_length={self.infer_schema_length!r}: a number of points, at least 1.")
        if not (self.retry is None or isinstance(self.retry, RetryPolicy)):
            raise OptionError(f"retry={self.retry!r}: a qframe.RetryPolicy, for example RetryPolicy(attempts=3).")
        for name in ("timeout", "deadline"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise OptionError(f"{name}={value!r}: a number of seconds above 0.")

    @property
    def policy(self) -> RetryPolicy:
        return self.retry if self.retry is not None else RetryPolicy()
