"""One collection on the three backends at once: whatever is asked of it must be answered alike."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import pandas as pd
import polars as pl
import pyarrow as pa
from polars.testing import assert_frame_equal

import qframe as qf

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Refusal:
    """An error, with the collection's name left out, which is another on each backend."""

    kind: str
    words: str

    def __contains__(self, text: str) -> bool:
        return text in self.words


@dataclass(frozen=True)
class Three:
    """The collections by target: "embedded", "rest", "grpc"."""

    collections: dict[str, qf.Collection]

    @classmethod
    @contextmanager
    def on(cls, connections: Mapping[str, qf.Connection]) -> Iterator[Three]:
        """Names of their own on each target; the collections are dropped at the end, whatever went wrong."""
        made = f"qframe_test_{uuid.uuid4().hex[:16]}"
        found = {target: qf.collection(f"{made}_{target}", connection=to) for target, to in connections.items()}
        with ExitStack() as stack:
            for collection in found.values():
                stack.callback(collection.drop)
            yield cls(found)

    def all(self, do: Callable[[qf.Collection], Any]) -> None:
        for collection in self.collections.values():
            do(collection)

    def create(self, data: Any = None, **options: Any) -> None:
        if data is None and "config" not in options:
            options["config"] = {"vectors": {}}
        self.all(lambda collection: collection.create_collection(data, if_exists="replace", **options))

    def upsert(self, data: Any, **options: Any) -> None:
        for collection in self.collections.values():
            assert collection.upsert(data, **options).ok

    def same(self, ask: Callable[[qf.Collection], Answer]) -> Answer:
        """What all three answer."""
        answers = [ask(collection) for collection in self.collections.values()]
        for other in answers[1:]:
            assert_same(answers[0], other)
        return answers[0]

    def refused(self, ask: Callable[[qf.Collection], Any]) -> Refusal:
        """The error that all three raise."""
        found = []
        for target, collection in self.collections.items():
            try:
                answer = ask(collection)
            except qf.QframeError as error:
                found.append(Refusal(type(error).__name__, str(error).replace(collection.name, "NAME")))
            else:
                raise AssertionError(f"{target} gave {answer!r}")
        assert found[0] == found[1] == found[2]
        return found[0]


def assert_same(one: Any, other: Any) -> None:
    """Equal to the last dtype; floats nearly, since servers and this machine may add up in another order."""
    assert type(one) is type(other)
    if isinstance(one, pl.DataFrame):
        assert_frame_equal(one, other)
    elif isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other)
    elif isinstance(one, pa.Table):
        assert one.schema.equals(other.schema)
        assert_frame_equal(pl.DataFrame(one), pl.DataFrame(other))
    elif isinstance(one, list) and one and isinstance(one[0], pl.DataFrame):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            assert_frame_equal(left, right)
    else:
        assert one == other
