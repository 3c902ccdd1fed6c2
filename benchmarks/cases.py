"""The cases: the base one, and one factor varied at a time."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.data import DIM, Library
from benchmarks.fields import Payload


@dataclass(frozen=True)
class Case:
    """What the rows look like, and which library's frames they come from and go to.

    Parameters
    ----------
    name : str
    few : int
        Rows of the ways that are slow, the first ones: what counts is the rate.
    library : "polars" or "pandas"
    dim : int
        Dimensions of the vector.
    payload : str
        Kind of its eight fields, or "none".
    """

    name: str
    few: int
    library: Library = "polars"
    dim: int = DIM
    payload: Payload = "scalar"

    @property
    def rows(self) -> tuple[int, Payload]:
        """What tells its rows from those of other cases."""
        return self.dim, self.payload


BASE = Case("base", 10_000)
CASES = (
    BASE,
    Case("pandas", 2_000, library="pandas"),
    Case("128-d", 4_000, dim=128),
    Case("1536-d", 1_000, dim=1536),
    Case("no payload", 3_000, payload="none"),
    Case("long texts", 2_000, payload="text"),
    Case("nested", 2_000, payload="nested"),
    Case("nulls", 2_000, payload="nulls"),
)
