"""A frame library's expression as reads see it: what it looks at, what it means, and which rows of a page it keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from qframe.errors import OptionError
from qframe.model.predicate import Conjunct, Opaque


class NoColumnError(OptionError):
    """A filter names a column that there is none of, as far as its schema knows.

    Attributes
    ----------
    column : str
    """

    column: str

    def __init__(self, message: str, column: str) -> None:
        super().__init__(message)
        self.column = column


@dataclass(frozen=True, slots=True)
class Expression:
    """A row-wise filter that can be applied here.

    Parameters
    ----------
    text : str
        As the caller wrote it.
    columns : tuple of str
        Columns that it looks at.
    conjuncts : tuple of Conjunct
        What it means, as far as that is known: all of them hold where the expression is true, and together they are
        no less than it. Given none, it has one `Opaque`: of none all would be exact.
    keep : callable
        The rows of a table, which has at least `columns`, for which it is true. Each table is looked at alone.
    """

    text: str
    columns: tuple[str, ...]
    conjuncts: tuple[Conjunct, ...]
    keep: Callable[[pa.Table], pa.Table]

    def __post_init__(self) -> None:
        if not self.conjuncts:
            unknown = Conjunct(self.text, Opaque("its meaning is not known"))
            object.__setattr__(self, "conjuncts", (unknown,))
