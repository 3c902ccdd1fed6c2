"""What the flows see of a frame: a `Source` of record batches with a schema known before reading.

Owns the protocol, the marker of columns that Arrow has no type for, and how tables are cut into parts.
Knows no dataframe library and no roles: which column is an id, a vector or payload is decided on the schema elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import pyarrow as pa

from qframe.errors import FrameError
from qframe.model.bad import shown

Library = Literal["polars", "pandas", "arrow"]

PART_ROWS = 65_536
"""Most rows in a part: what has to be converted (polars' text views, for example) is converted by so many rows."""

_OPAQUE = b"qframe.opaque"


class Source(Protocol):
    """A frame, or a stream of frames, as record batches."""

    @property
    def schema(self) -> pa.Schema:
        """All columns, before anything is read.

        A column that Arrow has no type for is a null column for which `opaque` gives a description.
        """
        ...

    @property
    def length(self) -> int | None:
        """Rows; None for a stream."""
        ...

    @property
    def library(self) -> Library:
        """What reports and results come back as."""
        ...

    @property
    def index(self) -> object | None:
        """The pandas index, aligned with the rows; None for everything else."""
        ...

    @property
    def repeatable(self) -> bool:
        """Whether `parts` can be called more than once."""
        ...

    def parts(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows in order, at most `PART_ROWS` at a time, with these columns in this order; no other is converted.

        Raises
        ------
        FrameError
            For an opaque column, with its first odd row where there is one; for a second pass over a stream.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """A column that cannot become an Arrow array.

    Parameters
    ----------
    what : str
        What the column is, for example "Period[D]" or "Object (a mix of int and str)".
    way_out : str
        What to do, as a sentence.
    row : int or None
        The first odd row, where it is the values and not the dtype.
    value : object
        What is found there.
    """

    what: str
    way_out: str
    row: int | None = None
    value: object = None

    def error(self, column: str) -> FrameError:
        where = f"column {column!r}" if self.row is None else f"column {column!r}, row {self.row}"
        found = "" if self.row is None else f"found {shown(self.value)}: "
        return FrameError(
            f"{where}: {found}the column is {self.what}. {self.way_out}",
            column=column,
            row=self.row,
            value=self.value,
        )


def opaque_field(name: str, found: Opaque) -> pa.Field:
    """The schema field of an opaque column."""
    return pa.field(name, pa.null(), metadata={_OPAQUE: found.what.encode()})


def opaque(field: pa.Field) -> str | None:
    """What an opaque column is, in the words of its library; None for a column that Arrow has a type for."""
    found = (field.metadata or {}).get(_OPAQUE)
    return None if found is None else found.decode()


def refuse(columns: Sequence[str], found: Mapping[str, Opaque]) -> None:
    """Raise the error of the first asked-for column that is opaque."""
    for name in columns:
        if name in found:
            raise found[name].error(name)


def release(source: Source) -> None:
    """Close what a source holds open, if it is one that holds anything."""
    close = getattr(source, "close", None)
    if close is not None:
        close()


def empty_columns(length: int) -> pa.RecordBatch:
    """A record batch of `length` rows and no columns; the ordinary constructors lose the rows."""
    return pa.RecordBatch.from_struct_array(pa.StructArray.from_buffers(pa.struct([]), length, [None]))


def cut_table(table: pa.Table) -> Iterator[pa.RecordBatch]:
    """Zero-copy parts of a table that has columns: along its chunks, at most `PART_ROWS` rows each, none empty."""
    for batch in table.to_batches(max_chunksize=PART_ROWS):
        if batch.num_rows:
            yield batch


def cut_length(length: int) -> Iterator[pa.RecordBatch]:
    """Parts of `length` rows without columns."""
    for start in range(0, length, PART_ROWS):
        yield empty_columns(min(PART_ROWS, length - start))


def check_names(names: Sequence[object]) -> None:
    """Column names must be text, not empty, and unique.

    Raises
    ------
    FrameError
    """
    seen: set[str] = set()
    for name in names:
        if not isinstance(name, str):
            raise FrameError(
                f"column {name!r} has a name of type {type(name).__name__}: column names must be text. "
                "Rename it, for example with frame.columns = [str(name) for name in frame.columns].",
                column=str(name),
                value=name,
            )
        if not name:
            raise FrameError("column '' has an empty name, which no payload key can have. Rename it.", column=name)
        if name in seen:
            raise FrameError(
                f"column {name!r} is there more than once: column names must be unique. Rename or drop one of them.",
                column=name,
            )
        seen.add(name)
