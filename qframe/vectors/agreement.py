"""Whether a vector of a frame fits the collection: its name, kind and dimension, before anything is sent.

Qdrant loses rows with a wrong vector name without a word when `wait` is false, so nothing is left to it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from qframe.errors import FrameError
from qframe.model.requests import CollectionInfo, VectorConfig
from qframe.model.spelling import listed, similar
from qframe.vectors.beside import Beside
from qframe.vectors.role import VectorRole


@dataclass(frozen=True, slots=True, eq=False)
class VectorSource:
    """Where a vector comes from; `target` is None where the columns name it."""

    columns: tuple[str, ...]
    array: Beside | None = None
    target: str | None = None

    @property
    def label(self) -> str:
        if self.array is None:
            return f"column {self.columns[0]!r}" if len(self.columns) == 1 else f"columns {listed(self.columns)}"
        return f"vector[{self.target!r}]" if self.target else "vector"


def config_of(info: CollectionInfo | None, target: str) -> VectorConfig | None:
    configs = () if info is None else info.vectors
    return next((config for config in configs if config.name == target), None)


def _described(config: VectorConfig) -> str:
    size = "" if config.dim is None else f" of {config.dim}"
    return f"{config.name!r} ({config.kind}{size})" if config.name else f"the unnamed vector ({config.kind}{size})"


def agreed(info: CollectionInfo, role: VectorRole, source: VectorSource, row: int | None) -> VectorRole:
    """The role as the collection's configuration completes it.

    Raises
    ------
    FrameError
        When the collection has no such vector, or one of another kind or dimension.
    """
    column = source.columns[0] if source.columns else source.label
    own = f"the vector {role.vector!r}" if role.vector else "the unnamed vector"
    has = ", ".join(map(_described, info.vectors)) or "no vectors"
    config = config_of(info, role.vector)
    if config is None:
        raise FrameError(
            f"{source.label} would be {own}, which the collection {info.name!r} does not have. It has {has}. "
            f"{_way_out(info, role, source)}",
            column=column,
            value=role.vector,
        )
    whose = f"{own} of the collection {info.name!r} has"
    if config.kind != role.kind:
        raise FrameError(
            f"{source.label} makes {role.kind} vectors, and {own} of the collection {info.name!r} is {config.kind}. "
            f"It has {has}. Give that vector another column: vector={{{role.vector!r}: …}}.",
            column=column,
            value=role.kind,
        )
    if config.dim is not None and role.dim is not None and role.dim != config.dim:
        where = source.label if row is None else f"{source.label}, row {row}"
        raise FrameError(
            f"{where}: found vectors of {role.dim} numbers: {whose} {config.dim}. It has {has}. Give that vector "
            "another column, or take a collection of this dimension.",
            column=column,
            row=row,
            value=role.dim,
        )
    return replace(role, dim=config.dim, whose=whose, datatype=config.datatype)


def _way_out(info: CollectionInfo, role: VectorRole, source: VectorSource) -> str:
    fitting = [config.name for config in info.vectors if config.kind == role.kind]
    if not fitting:
        return f"It has no {role.kind} vector; upsert writes points without vectors with vector=False."
    meant = similar(role.vector, fitting) or fitting[0]
    what = repr(source.columns[0]) if len(source.columns) == 1 else "…"
    return f"Name the target: vector={{{meant!r}: {what}}}."
