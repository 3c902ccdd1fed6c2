"""Gathers what a look at a frame finds, by column and reason instead of by row: as much for any number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from qframe.errors import QframeError
from qframe.model.bad import Bad, alike, shown
from qframe.model.ids import PointId, RowNumbers
from qframe.write.frame_check import Problem


@dataclass(slots=True)
class Findings:
    """Rows, bad rows by reason, and all else that is found; an `inspection.Book`.

    Parameters
    ----------
    length, kept, skipped : int
        Rows so far, those that can be written, those that would be left out on purpose.
    nbytes, batches : int
        Of what would be sent.
    """

    length: int = 0
    kept: int = 0
    skipped: int = 0
    nbytes: int = 0
    batches: int = 0
    _problems: dict[object, Problem] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Errors first, otherwise as they were found."""
        return tuple(sorted(self._problems.values(), key=lambda problem: problem.severity))

    def add_rows(self, count: int) -> None:
        """So many more rows were read."""
        self.length += count

    def skip(self, rows: RowNumbers) -> None:
        """Rows that would be left out on purpose."""
        self.skipped += len(rows)

    def refuse(self, bad: Bad, first_row: int, ids: Sequence[PointId | None]) -> None:  # noqa: ARG002 - as of a ledger
        """Rows that cannot be written."""
        self.rows(bad.column, bad.rows + first_row, bad.found(0), bad.why(0), bad.way_out)

    def rows(
        self, column: str | None, rows: npt.NDArray[np.int64], value: str | None, message: str, way_out: str
    ) -> None:
        """Rows that are bad for one reason; `value` is what was found in the first of them, as text."""
        key = (column, way_out, alike(message))
        before = self._problems.get(key)
        if before is not None:
            self._problems[key] = replace(before, rows=(before.rows or 0) + len(rows))
            return
        self._problems[key] = Problem("error", message, column, len(rows), int(rows[0]), value, way_out)

    def fault(self, error: QframeError) -> None:
        """What a write would raise; the text of the error has the way out in it."""
        value = getattr(error, "value", None)
        column, row = getattr(error, "column", None), getattr(error, "row", None)
        found = None if value is None else shown(value)
        self._problems.setdefault(str(error), Problem("error", str(error), column, None, row, found))

    def warn(self, column: str | None, message: str, way_out: str) -> None:
        """What can be written, and was perhaps not meant."""
        self._problems.setdefault((column, message), Problem("warning", message, column, way_out=way_out))
