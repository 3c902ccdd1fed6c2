"""What a vector of a frame is and where it comes from: a value, no decisions."""

from __future__ import annotations

from dataclasses import dataclass

from qframe.model.vectors import VectorKind
from qframe.vectors.beside import Beside


@dataclass(frozen=True, slots=True, eq=False)
class VectorRole:
    """A vector and where it comes from.

    Parameters
    ----------
    vector : str
        Its name in the collection, "" for the unnamed one.
    kind : "dense", "sparse" or "multi"
    columns : tuple of str
        One column; two (indices, values) for a sparse vector; columns of numbers for a dense one; none with `beside`.
    scalars : bool
        Whether `columns` are columns of numbers.
    dim : int or None
        None for sparse vectors, and where there was no row to learn it from.
    whose : str
        Who wants that dimension, as the errors say it.
    datatype : str
        How the collection stores the vector.
    beside : Beside or None
        An array beside the frame.
    """

    vector: str
    kind: VectorKind
    columns: tuple[str, ...]
    scalars: bool = False
    dim: int | None = None
    whose: str = "most rows have"
    datatype: str = "float32"
    beside: Beside | None = None

    @property
    def label(self) -> str:
        """What errors call the source."""
        return ", ".join(self.columns) if self.columns else f"vector[{self.vector!r}]" if self.vector else "vector"
