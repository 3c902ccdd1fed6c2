"""polars expressions applied to Arrow tables: for filters at the source that the server does not evaluate."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
from polars.io.plugins import register_io_source

from qframe.errors import OptionError
from qframe.filters.pushed import OVERRIDES
from qframe.frames.expressions import Expression
from qframe.frames.polars_predicates.conjuncts import conjuncts
from qframe.frames.polars_predicates.rowwise import of_one_row
from qframe.frames.polars_predicates.serialized import UntranslatedError, tree
from qframe.frames.polars_results import polars_schema, to_polars
from qframe.frames.schemas import Target
from qframe.model.predicate import And, Not, Opaque, Or, Predicate, Xor


def expression(
    given: pl.Expr, schema: pa.Schema, targets: Mapping[str, Target], typed_by: str = OVERRIDES
) -> Expression:
    """What an expression looks at, what it means, and which rows it keeps.

    Parameters
    ----------
    given : polars.Expr
    schema : pyarrow.Schema
        All columns that there are.
    targets : mapping of str to Target
    typed_by : str
        How the caller can say the type of a column, for errors.

    Raises
    ------
    OptionError
        For a column that is not there, for what is not true or false, for what polars refuses for any rows, and for
        what looks at other rows than its own.
    """
    columns = roots([given], schema, targets, typed_by)
    dtypes = polars_schema(schema, targets)
    asked = _asked(given, dtypes) if can_be_handed_over(given) else _Asked(None, _is_row_wise(given, dtypes))
    # Of the form that a source is handed more is known; but polars may keep a part for itself.
    meant = conjuncts(given if asked.handed is None or not asked.whole else asked.handed, dtypes)
    # What polars keeps, and lets nothing past, may look at other rows unless all of it is known not to.
    unknown = not asked.whole and asked.handed is None and any(_unknown_in(conjunct.predicate) for conjunct in meant)
    if unknown and not _of_one_row(given):
        raise OptionError(_refusal(given, columns, typed_by))
    if _CALL not in _written(given):
        # What polars refuses for any rows is told now.
        _mask(pl.DataFrame(schema={name: dtypes[name] for name in columns}), [given], typed_by)
    return Expression(str(given), tuple(columns), meant, keeping([given], columns, targets))


_CALL = '"AnonymousFunction"'
"""Stands in what polars writes of an expression that calls a Python function, and of one that it cannot write."""

_GUESSED = re.compile(r'"Strptime":.*"format":null')
"""So polars writes `str.to_date()` without a format, which it takes from the first value that it reads."""


def _written(given: pl.Expr) -> str:
    """An expression as polars serialises it in text."""
    try:
        return given.meta.serialize(format="json")
    except (pl.exceptions.PolarsError, ValueError):
        return _CALL


def _refusal(given: pl.Expr, columns: Sequence[str], typed_by: str) -> str:
    if _GUESSED.search(_written(given)):
        return (
            "filter: without a format, str.to_date() and its like guess one from the first value of a column, which "
            "pages do not show. Give it, as in str.to_date('%Y-%m-%d'), or have the column typed as what it is: "
            f"{_typed(columns if len(columns) == 1 else (), 'pl.Date', typed_by)}."
        )
    return (
        "filter: an expression looks at other rows than its own, which pages do not show. "
        "scan(…).filter(expression) looks at all of them."
    )


def _of_one_row(given: pl.Expr) -> bool:
    """Whether its form says so: polars keeps what holds a null constant, as it keeps what looks at other rows."""
    try:
        return not _GUESSED.search(_written(given)) and of_one_row(tree(given))
    except UntranslatedError:
        return False


def _unknown_in(predicate: Predicate) -> bool:
    """Whether the meaning of any part of it is not known."""
    match predicate:
        case Opaque():
            return True
        case Not(inner):
            return _unknown_in(inner)
        case And(parts) | Or(parts):
            return any(map(_unknown_in, parts))
        case Xor(left, right):
            return _unknown_in(left) or _unknown_in(right)
        case _:
            return False


@dataclass(frozen=True, slots=True)
class _Asked:
    """What becomes of a filter over a source that has no rows.

    Parameters
    ----------
    handed : polars.Expr or None
        What the source is asked to filter by.
    whole : bool
        Whether the source is handed all of it.
    """

    handed: pl.Expr | None
    whole: bool


class _Enough(Exception):  # noqa: N818 - no error: the source was called
    """Ends a query before functions of the caller's are called with columns of no rows."""


def _asked(given: pl.Expr, schema: pl.Schema) -> _Asked:
    nothing = schema.to_frame()
    handed: list[pl.Expr | None] = []

    def source(_: list[str] | None, predicate: pl.Expr | None, *__: int | None) -> Iterator[pl.DataFrame]:
        handed.append(predicate)
        raise _Enough

    frame = register_io_source(source, schema=nothing.schema).filter(given)
    with suppress(_Enough):
        frame.collect()
    found = handed[0] if handed else None
    # What polars keeps stands in the plan as a filter of its own, above the source.
    kept = any(line.lstrip().startswith("FILTER ") for line in frame.explain().splitlines())
    return _Asked(found, not kept)


_ROWS = 12_345_679
"""Of a limit that no expression has by itself."""


def _is_row_wise(given: pl.Expr, schema: pl.Schema) -> bool:
    """Whether a row's own values decide, of an expression that cannot be handed over for want of a pickle.

    polars lets a limit past what is computed row by row, and past nothing else.
    """
    limits: list[int | None] = []

    def source(_: list[str] | None, __: pl.Expr | None, rows: int | None, ___: int | None) -> Iterator[pl.DataFrame]:
        limits.append(rows)
        raise _Enough

    with suppress(_Enough):
        register_io_source(source, schema=schema).select(pl.all_horizontal(given)).head(_ROWS).collect()
    return limits == [_ROWS]


def roots(
    expressions: Sequence[pl.Expr], schema: pa.Schema, targets: Mapping[str, Target], typed_by: str = OVERRIDES
) -> list[str]:
    """The columns that expressions look at.

    Parameters
    ----------
    expressions : sequence of polars.Expr
    schema : pyarrow.Schema
        All columns that there are.
    targets : mapping of str to Target
    typed_by : str
        How the caller can say the type of a column, for errors.

    Raises
    ------
    OptionError
        For a column that is not there, and for what is not true or false.
    """
    dtypes = polars_schema(schema, targets)
    try:
        pl.LazyFrame(schema=dtypes).filter(*expressions).collect_schema()
    except pl.exceptions.PolarsError as error:
        names = {name for expression in expressions for name in expression.meta.root_names()}
        known = {name: dtype for name, dtype in dtypes.items() if name in names}
        raise _refused(expressions, known, error, typed_by) from error
    if any(expression.meta.has_multiple_outputs() for expression in expressions):  # selectors, patterns
        return list(schema.names)
    return list(dict.fromkeys(name for expression in expressions for name in expression.meta.root_names()))


def can_be_handed_over(given: object) -> bool:
    """Whether a LazyFrame over a source can be filtered by it: a polars expression that can be pickled."""
    if not isinstance(given, pl.Expr):
        return False
    try:
        given.meta.serialize()
    except pl.exceptions.ComputeError:
        return False
    return True


def keeping(
    expressions: Sequence[pl.Expr], columns: Sequence[str], targets: Mapping[str, Target]
) -> Callable[[pa.Table], pa.Table]:
    """A function that keeps the rows of a table for which all expressions are true.

    Each table is looked at alone, so an expression must be row-wise.
    """

    def keep(table: pa.Table) -> pa.Table:
        mask = _mask(to_polars(table.select(list(columns)), targets), expressions)
        if len(mask) != table.num_rows:  # a literal is one value for all rows
            mask = mask.new_from_index(0, table.num_rows)
        return table.filter(pa.array(mask.to_numpy()))

    return keep


def _mask(frame: pl.DataFrame, expressions: Sequence[pl.Expr], typed_by: str = OVERRIDES) -> pl.Series:
    """Where all expressions are true.

    Raises
    ------
    OptionError
        For what polars refuses: a comparison that the dtypes do not allow, a value that a strict cast cannot take.
    """
    try:
        return frame.select(pl.all_horizontal(*expressions).fill_null(value=False).alias("kept")).to_series()
    except pl.exceptions.PolarsError as error:
        raise _refused(expressions, frame.schema, error, typed_by) from error


def _refused(
    expressions: Sequence[pl.Expr], dtypes: Mapping[str, pl.DataType], error: Exception, typed_by: str
) -> OptionError:
    """What polars refuses, with the columns that it is about, and for text that is taken for dates the way out."""
    text, why = ", ".join(map(str, expressions)), str(error).partition("\n")[0].removesuffix(".")
    known = ", ".join(f"{name!r} is {dtype}" for name, dtype in dtypes.items())
    return OptionError(
        f"filter: {text} cannot be evaluated by polars: {why} ({known}).{_as_dates(expressions, dtypes, why, typed_by)}"
    )


def _as_dates(expressions: Sequence[pl.Expr], dtypes: Mapping[str, pl.DataType], why: str, typed_by: str) -> str:
    """The way out where text is taken for the dates that it holds; empty where that is not what is wrong."""
    text = ", ".join(map(str, expressions))
    if not (_TEMPORAL.search(why) or ".dt." in text):
        return ""
    texts = [name for name, dtype in dtypes.items() if dtype == pl.String]
    times = sorted(_TIMES, key=lambda time: (time[0] == pl.Date) == bool(_CLOCK.search(text)))
    for names in (*([name] for name in texts), texts):
        for dtype, spelt in times:
            if names and _holds(expressions, {**dtypes, **dict.fromkeys(names, dtype)}):
                return (
                    f" JSON has no dates, they are stored as text; {_typed(names, spelt, typed_by)} reads it as such."
                )
    return ""


_CLOCK = re.compile(r"\d\d:\d\d")
"""Stands in what polars writes of a point in time, and not in what it writes of a date."""

_TEMPORAL = re.compile(r"\b(date|datetime|time)\b", re.IGNORECASE)

_TIMES = (
    (pl.Date(), "pl.Date"),
    (pl.Datetime("us"), "pl.Datetime('us')"),
    (pl.Datetime("us", "UTC"), "pl.Datetime('us', 'UTC')"),
)


def _holds(expressions: Sequence[pl.Expr], dtypes: Mapping[str, pl.DataType]) -> bool:
    """Whether polars evaluates expressions over columns of these types; functions of the caller's are not called."""
    if any(_CALL in _written(given) for given in expressions):
        return False
    try:
        pl.LazyFrame(schema=dtypes).filter(*expressions).collect()
    except pl.exceptions.PolarsError:
        return False
    return True


def _typed(names: Sequence[str], dtype: str, typed_by: str) -> str:
    """How the caller says that columns hold dates; "…" where it is not known which."""
    if typed_by != OVERRIDES:
        return f"{typed_by} of the type {dtype}"
    held = ", ".join(f"{name!r}: {dtype}" for name in names) or f"…: {dtype}"
    return f"{OVERRIDES}{{{held}}}"
