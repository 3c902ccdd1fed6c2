"""An iterable of frames as one source: the schema of the first, rows counted through. Knows no dataframe library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import pyarrow as pa

from qframe.errors import FrameError
from qframe.frames.arrow_source import READ_TWICE, wide_type
from qframe.frames.source import Library, Source, opaque, release


@dataclass(slots=True, eq=False)
class FramesSource:
    """Frames one after the other, read once; the first that has rows is taken at once for its schema.

    Columns may stand in another order in later frames, and texts and lists have offsets of another width, which varies
    with the library. A later column that is all null takes the type that it has in the first. Dictionaries have int32
    indices, since the width that pandas and Arrow give them varies with the frame. Frames without rows are passed over:
    pandas makes up types for them.

    Parameters
    ----------
    frames : iterator of Source
    """

    frames: Iterator[Source]
    schema: pa.Schema = field(init=False)
    library: Library = field(init=False)
    length: int | None = None
    index: object | None = None
    repeatable: bool = False
    _taken: bool = False
    _now: Source | None = None
    _model: int = 0

    def __post_init__(self) -> None:
        taken: list[Source] = []
        while not taken or taken[-1].length == 0:
            frame = next(self.frames, None)
            if frame is None:
                break
            taken.append(frame)
        if not taken:
            raise FrameError("the iterable gave no frame, so there is no schema to write with.")
        self._model = 0 if taken[-1].length == 0 else len(taken) - 1
        model = taken[self._model]
        self.schema = pa.schema([_steady(item) for item in model.schema])
        self.library = model.library
        self.frames = chain(taken, self.frames)

    def parts(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        if self._taken:
            raise FrameError(READ_TWICE)
        self._taken = True
        return self._parts(columns)

    def _parts(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        schema = pa.schema([self.schema.field(name) for name in columns])
        row = 0
        for number, frame in enumerate(self.frames):
            if frame.length == 0:
                continue
            self._now = frame
            self._check(number, frame.schema)
            try:
                for part in frame.parts(columns):
                    yield self._conform(number, part, schema)
                    row += part.num_rows
            except FrameError as error:
                raise _placed(error, number, row) from error

    def close(self) -> None:
        """Let go of what the frame in hand holds open."""
        if self._now is not None:
            release(self._now)

    def _check(self, number: int, found: pa.Schema) -> None:
        missing = [name for name in self.schema.names if name not in found.names]
        more = [name for name in found.names if name not in self.schema.names]
        if missing or more:
            name = (missing or more)[0]
            what = "lacks" if missing else "has"
            raise FrameError(
                f"frame {number} of the iterable {what} the column {name!r}, unlike frame {self._model}. "
                "All frames must have the same columns.",
                column=name,
            )
        for name in self.schema.names:
            here, first = found.field(name), self.schema.field(name)
            if opaque(here) is None and opaque(first) is None and not _agrees(here.type, first.type):
                raise self._differs(number, name, here.type, first.type)

    def _differs(self, number: int, name: str, here: pa.DataType, first: pa.DataType) -> FrameError:
        return FrameError(
            f"frame {number} of the iterable has {here} in column {name!r}, frame {self._model} has {first}. "
            "Cast it so that all frames have one type.",
            column=name,
        )

    def _conform(self, number: int, part: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        if part.num_columns == 0 or part.schema.equals(schema):
            return part
        columns = []
        for column, wanted in zip(part.columns, schema, strict=True):
            try:
                nothing = pa.types.is_null(column.type)
                columns.append(pa.nulls(len(column), wanted.type) if nothing else column.cast(wanted.type))
            except pa.ArrowException as error:
                raise self._differs(number, wanted.name, column.type, wanted.type) from error
        return pa.record_batch(columns, schema=schema)


def _steady(item: pa.Field) -> pa.Field:
    if not pa.types.is_dictionary(item.type):
        return item
    return item.with_type(pa.dictionary(pa.int32(), item.type.value_type))


def _agrees(here: pa.DataType, first: pa.DataType) -> bool:
    if here == first or pa.types.is_null(here):
        return True
    both = pa.types.is_dictionary(here) and pa.types.is_dictionary(first)
    return wide_type(here.value_type if both else here) == wide_type(first.value_type if both else first)


def _placed(error: FrameError, number: int, before: int) -> FrameError:
    """The error of one frame with its row counted through the frames."""
    row = None if error.row is None else error.row + before
    return FrameError(
        f"frame {number} of the iterable, which begins at row {before}: {error}",
        column=error.column,
        row=row,
        value=error.value,
    )
