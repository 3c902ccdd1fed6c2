"""Bad values found in a frame: positions, what was found, why it cannot be written, and the way out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qframe.errors import FrameError
from qframe.model.amounts import in_rows

KEPT_VALUES = 100
"""How many found values a `Bad` keeps; positions are kept for all."""


@dataclass(frozen=True, slots=True, eq=False)
class Bad:
    """Values of one column that cannot be written, for one reason.

    Parameters
    ----------
    column : str
    rows : numpy.ndarray
        `int64`, positions within the checked rows, ascending, not empty.
    values : tuple
        What was found at the first `KEPT_VALUES` of them.
    message : str
        Why, as a clause that follows "found <value>: ", for example "a vector must not hold NaN or infinity".
    way_out : str
        What to do, as a sentence.
    others : numpy.ndarray, optional
        `int64`, for each of `rows` the caller's number of the row that it clashes with; `{}` in the message stands for
        it.
    """

    column: str
    rows: npt.NDArray[np.int64]
    values: tuple[object, ...]
    message: str
    way_out: str
    others: npt.NDArray[np.int64] | None = None

    def found(self, position: int) -> str | None:
        """The value of one of `rows` as an error shows it; None where it was not kept."""
        return shown(self.values[position]) if position < len(self.values) else None

    def why(self, position: int) -> str:
        """The message for one of `rows`."""
        return self.message if self.others is None else self.message.format(int(self.others[position]))

    def error(self, first_row: int = 0) -> FrameError:
        """The error for the first bad row; `first_row` is the caller's number of position 0."""
        row = int(self.rows[0]) + first_row
        more = f" (and {in_rows(len(self.rows) - 1)} more)" if len(self.rows) > 1 else ""
        value = self.values[0] if self.values else None
        return FrameError(
            f"column {self.column!r}, row {row}{more}: found {shown(value)}: {self.why(0)}. {self.way_out}",
            column=self.column,
            row=row,
            value=value,
        )


def shown(value: object, limit: int = 80) -> str:
    """A value as an error shows it: its repr on one line, cut in the middle of nowhere with an ellipsis."""
    text = repr(value)
    if "\n" in text:  # a frame, an array
        text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def alike(message: str) -> str:
    """A message without its numbers: of rows, points, lengths. What is left is the reason that it has with others."""
    return re.sub(r"\d+", "", message)


def bad_rows(found: Iterable[Bad], length: int) -> npt.NDArray[np.bool_]:
    """Which of `length` rows are bad for any reason."""
    mask = np.zeros(length, dtype=np.bool_)
    for bad in found:
        mask[bad.rows] = True
    return mask


def first_bad(found: Sequence[Bad]) -> Bad:
    """The one whose first row comes first."""
    return min(found, key=lambda bad: int(bad.rows[0]))
