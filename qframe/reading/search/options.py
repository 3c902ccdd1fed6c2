"""What is searched for, as the caller says it, checked as far as nothing but the options is needed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qframe.delivery.jobs import Jobs
from qframe.errors import OptionError
from qframe.model.options import Errors, as_whole, check_word
from qframe.model.queries import Fusion
from qframe.model.spelling import hint, listed


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A prefetch as the caller describes it.

    Parameters
    ----------
    option : str
        Where it stands, for errors: "prefetch[0]".
    """

    option: str
    vector: Any = None
    using: str | None = None
    limit: int | None = None
    filter: Any = None
    score_threshold: float | None = None
    params: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        _check_using(f"{self.option}['using']", self.using)
        if self.limit is not None:
            object.__setattr__(self, "limit", _checked_count(f"{self.option}['limit']", self.limit, least=1))
        _check_threshold(f"{self.option}['score_threshold']", self.score_threshold)
        _check_params(f"{self.option}['params']", self.params)


_STAGE_KEYS = ("vector", "using", "limit", "filter", "score_threshold", "params")


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """What `Collection.search` documents option by option, beside what all reads share.

    Raises
    ------
    OptionError
        For a value out of range, a word that is not known, and options that exclude each other.
    """

    vector: Any = None
    using: str | None = None
    limit: int = 10
    offset: int = 0
    score_threshold: float | None = None
    params: Mapping[str, Any] | None = None
    prefetch: Sequence[Mapping[str, Any]] | None = None
    fusion: Fusion | None = None
    keep: Sequence[str] | None = None
    errors: Errors = "report"
    n_jobs: int | None = None

    def __post_init__(self) -> None:
        _check_using("using", self.using)
        for name, least in (("limit", 1), ("offset", 0)):
            object.__setattr__(self, name, _checked_count(name, getattr(self, name), least=least))
        _check_threshold("score_threshold", self.score_threshold)
        _check_params("params", self.params)
        check_word("errors", self.errors, Errors)
        if self.fusion is not None:
            check_word("fusion", self.fusion, Fusion)
        Jobs(self.n_jobs)
        if self.vector is False:
            raise OptionError("vector=False: a search needs a vector.")
        if self.using is not None and _names_vectors(self.vector):
            refuse_slip(self.vector, "vector")
            raise OptionError("using= is for one vector; this vector= names its vectors itself.")
        if self.stages and self.fusion is not None and self.vector is not None:
            raise OptionError(
                "vector=, prefetch= and fusion=: what the prefetches found is either fused or ordered by vector=. "
                "Leave one of vector= and fusion= out."
            )
        if self.stages and self.fusion is None and self.vector is None:
            raise OptionError(
                "prefetch=: what is to decide among the points that it finds? fusion='rrf' makes one list of several; "
                "vector=… orders them by another vector."
            )

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The prefetches."""
        given: Any = self.prefetch
        if given is None:
            return ()
        if isinstance(given, str | Mapping) or not isinstance(given, Sequence) or not given:
            raise OptionError(f"prefetch={given!r}: a list of mappings, as [{{'vector': 'dense', 'limit': 100}}].")
        return tuple(_stage(f"prefetch[{position}]", one) for position, one in enumerate(given))


def _stage(option: str, given: Any) -> Stage:
    if not isinstance(given, Mapping):
        raise OptionError(f"{option}={given!r}: a mapping, as {{'vector': 'dense', 'limit': 100}}.")
    for key in given:
        if key not in _STAGE_KEYS:
            raise OptionError(
                f"{option}: unknown key {key!r}.{hint(str(key), _STAGE_KEYS)} It takes {', '.join(_STAGE_KEYS)}."
            )
    return Stage(option, **given)


def _names_vectors(given: Any) -> bool:
    """Whether `vector=` is a mapping from names of vectors; a sparse vector is a mapping too."""
    return isinstance(given, Mapping) and not is_sparse_value(given)


def is_sparse_value(given: Any) -> bool:
    """Whether something is a sparse vector, written as a mapping."""
    return isinstance(given, Mapping) and set(given) == {"indices", "values"}


def refuse_slip(given: Mapping[Any, Any], option: str) -> None:
    """OptionError for a sparse vector whose keys are nearly right."""
    keys = {str(key).lower() for key in given}
    if keys & {"indices", "index", "indexes"} and keys & {"values", "value"}:
        raise OptionError(
            f"search: {option}= has the keys {listed(map(str, given))}; a sparse vector has 'indices' and 'values'."
        )


def _check_using(option: str, value: object) -> None:
    if not (value is None or isinstance(value, str)):
        raise OptionError(f"{option}={value!r}: the name of a vector, '' for the unnamed one.")


def _checked_count(option: str, value: object, *, least: int) -> int:
    return as_whole(option, value, f"a number of points, at least {least}", least=least)


def _check_threshold(option: str, value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise OptionError(f"{option}={value!r}: a number, or None for all.")


def _check_params(option: str, value: object) -> None:
    if not (value is None or isinstance(value, Mapping)):
        raise OptionError(f"{option}={value!r}: a mapping, for example {{'hnsw_ef': 128}} or {{'exact': True}}.")
