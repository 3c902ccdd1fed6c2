"""A frame that stands for every page in a function that is being traced: it has columns, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import pandas as pd
import pyarrow as pa

from qframe.errors import OptionError
from qframe.frames.expressions import NoColumnError
from qframe.frames.pandas_predicates.constants import Field, Logic, logic_of
from qframe.frames.pandas_predicates.steps import Step, refused
from qframe.frames.pandas_predicates.traced import Traced
from qframe.frames.results import DtypeBackend, render
from qframe.frames.schemas import Target
from qframe.model.predicate import Column
from qframe.model.spelling import hint, listed


class Fields:
    """The columns of a schema as pandas shows them, looked at when they are asked for.

    Parameters
    ----------
    schema : pyarrow.Schema
    targets : mapping of str to Target
    dtype_backend : "numpy_nullable", "pyarrow" or "numpy"
    """

    def __init__(self, schema: pa.Schema, targets: Mapping[str, Target], dtype_backend: DtypeBackend) -> None:
        self.schema = schema
        self.targets = targets
        self.dtype_backend = dtype_backend
        self.seen: dict[str, Field] = {}

    def frame(self, table: pa.Table) -> pd.DataFrame:
        """The columns of a page that have been looked at."""
        return render(table.select(list(self.seen)), "pandas", self.dtype_backend, self.targets)

    def field(self, name: str) -> Field:
        """A column, which counts as looked at.

        Raises
        ------
        NoColumnError
            For one that is not there.
        """
        if name not in self.seen:
            if name not in self.schema.names:
                names = self.schema.names
                text = f"filter: there is no column {name!r}, but {listed(names)}.{hint(name, names)}"
                raise NoColumnError(text, name)
            dtype = self.schema.field(name).type
            # A page in which all is missing has other dtypes of NumPy's than one in which nothing is.
            shown, missing = (
                render(pa.table({name: values}), "pandas", self.dtype_backend, self.targets)[name].dtype
                for values in (pa.nulls(0, dtype), pa.nulls(1, dtype))
            )
            logics: set[Logic] = {logic_of(shown), logic_of(missing)}
            self.seen[name] = Field(Column((name,)), dtype, shown, logics.pop() if len(logics) == 1 else "either")
        return self.seen[name]


class TracedFrame:
    """The frame of a function that is being traced.

    Parameters
    ----------
    fields : Fields
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Fields) -> None:
        self._fields = fields

    @property
    def columns(self) -> pd.Index:
        return pd.Index(self._fields.schema.names)

    def __contains__(self, name: object) -> bool:
        return name in self._fields.schema.names

    def __getitem__(self, name: Any) -> Traced:
        if isinstance(name, Traced):
            raise OptionError(f"filter: answer with the mask, {name._step.text}, not with the rows that it keeps.")
        if not isinstance(name, str):
            raise OptionError(f"filter: frame[{name!r}]: a filter looks at columns one by one, by name.")
        self._fields.field(name)
        text = name if name.isidentifier() else f"`{name}`"
        return Traced(Step(text, self._fields.seen[name], lambda frame: frame[name]))

    def get(self, name: str) -> Traced:
        return self[name]

    def __getattr__(self, name: str) -> Traced:
        if name.startswith("_") and name not in self._fields.schema.names:
            raise AttributeError(name)
        if hasattr(pd.DataFrame, name):
            of_column = f" The column is frame[{name!r}]." if name in self._fields.schema.names else ""
            error = refused(f"frame.{name}", "looks at other rows than its own, or is not known not to")
            raise OptionError(f"{error}{of_column}")
        return self[name]

    def __setitem__(self, name: Any, value: Any) -> NoReturn:
        raise OptionError("filter: a filter does not change the frame. Compute the column where it is used.")

    def __len__(self) -> NoReturn:
        raise refused("len(frame)", "counts all rows")

    def __bool__(self) -> NoReturn:
        raise refused("bool(frame)", "looks at all rows")

    def __iter__(self) -> Iterator[NoReturn]:
        raise refused("the frame", "is iterated over")

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise refused("the frame", "is turned into a NumPy array")


class _EveryName:
    """What `pd.col` asks whether it has a column; the frame has the better answer."""

    def __contains__(self, name: object) -> bool:
        return True


class ExpressionFrame(TracedFrame):
    """The frame of a `pd.col` expression."""

    __slots__ = ()

    @property
    def columns(self) -> Any:
        return _EveryName()
