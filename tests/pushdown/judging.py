"""Whether a collection answers a predicate as the frame does that was read back from it without any pushdown."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

import qframe as qf
from tests.pushdown.strategy import Predicates, selective
from tests.pushdown.strategy_frames import Stored, random_stored


@dataclass
class Tally:
    """What the predicates of a run came to."""

    predicates: int = 0
    selective: int = 0
    pushed: int = 0
    exact: int = 0

    def share(self, of: str) -> float:
        return getattr(self, of) / self.predicates

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, name) + getattr(other, name) for name in Tally.__dataclass_fields__))

    def __str__(self) -> str:
        shares = [f"{self.share(of):.1%} {of}" for of in ("selective", "pushed", "exact")]
        return f"{self.predicates} predicates: {', '.join(shares)}"


@dataclass
class Judge:
    """One collection, whose contents are known.

    Parameters
    ----------
    collection : Collection
    schema : polars.Schema
        The caller's.
    whole : polars.DataFrame
        All rows, read without pushdown: full-precision floats come back a little off, and the frame written says less.
    told : str
        How to get here again.
    """

    collection: qf.Collection
    schema: pl.Schema
    whole: pl.DataFrame
    told: str
    tally: Tally = field(default_factory=Tally)
    scan: pl.LazyFrame = field(init=False)
    """One for all predicates: what a collection is gets asked once."""

    def __post_init__(self) -> None:
        self.scan = self.collection.scan(schema=self.schema)

    @classmethod
    def of(cls, collection: qf.Collection, stored: Stored, *, indexed: bool, told: str) -> Judge:
        """Write what a seed says."""
        options: Any = {"vector": stored.vector}
        collection.create_collection(stored.frame, distance="dot", if_exists="replace", **options)
        assert collection.upsert(stored.frame, null_vectors="omit", nulls=stored.nulls, **options).ok
        for path, kind in stored.indexes.items() if indexed else ():
            collection.create_index(path, kind)
        schema = stored.frame.schema
        whole = collection.scan(schema=schema, pushdown="off").collect()
        assert whole.height == stored.frame.height
        return cls(collection, schema, whole, told)

    def judge(self, predicate: pl.Expr) -> None:
        """Through a plan of polars', and what is pushed by itself."""
        expected = self.whole.filter(predicate)
        self._same(predicate, "scan().filter()", expected, self.scan.filter(predicate).collect())
        self.tally.predicates += 1
        self.tally.selective += selective(expected.height, self.whole.height)
        sources = self.collection.explain(predicate, schema=self.schema).sources
        if not sources:  # polars knows by itself that no row is kept
            assert expected.is_empty(), self._words(predicate, "no source is asked", None)
            return
        (source,) = sources
        if source.filter is None:
            sure = source.exact and source.ids is None
            assert not sure or expected.height == self.whole.height, self._words(predicate, "exact", None)
            return
        self.tally.pushed += 1
        pushed = source.filter
        ids = self.collection.read(schema={}, filter=pushed, frame="polars")["id"]
        lost = sorted(set(expected["id"]) - set(ids))
        assert not lost, self._words(predicate, f"the pushed filter loses {lost}", pushed)
        if source.exact and source.ids is None:
            self.tally.exact += 1
            more = sorted(set(ids) - set(expected["id"]))
            assert not more, self._words(predicate, f"called exact, it finds {more} too", pushed)
            counted = self.collection.count(filter=pushed)
            assert counted == expected.height, self._words(predicate, f"{counted} counted", pushed)

    def judge_limited(self, predicate: pl.Expr, rows: int) -> None:
        """A limit before the predicate, after it, and both at the source."""
        after = self.whole.filter(predicate).head(rows)
        self._same(predicate, f"filter().head({rows})", after, self.scan.filter(predicate).head(rows).collect())
        before = self.scan.head(rows).filter(predicate).collect()
        self._same(predicate, f"head({rows}).filter()", self.whole.head(rows).filter(predicate), before)
        source = self.collection.scan(schema=self.schema, filter=predicate, limit=rows).collect()
        self._same(predicate, f"filter=, limit={rows}", after, source)

    def _same(self, predicate: pl.Expr, how: str, expected: pl.DataFrame, found: pl.DataFrame) -> None:
        lost = sorted(set(expected["id"]) - set(found["id"]))
        more = sorted(set(found["id"]) - set(expected["id"]))
        assert not lost, self._words(predicate, f"{how} loses {lost}", None)
        assert not more, self._words(predicate, f"{how} gives {more} too", None)
        try:
            assert_frame_equal(found.sort("id"), expected.sort("id"), check_exact=True)
        except AssertionError as error:
            raise AssertionError(self._words(predicate, f"{how}: {error}", None)) from None

    def _words(self, predicate: pl.Expr, what: str, pushed: Any) -> str:
        """All that a failure takes to be understood: the rows of some ids are a look at `whole` away."""
        kept = {name: self.schema[name] for name in predicate.meta.root_names()}
        filtered = "" if pushed is None else f"\nfilter    {json.dumps(pushed, ensure_ascii=False)}"
        return f"{self.told}\npredicate {predicate}\ncolumns   {kept}{filtered}\n{what}"


def judge_seed(collection: qf.Collection, seed: int, count: int, *, indexed: bool) -> Tally:
    """The frame of a seed, and its first predicates; every fifth with limits too."""
    rng = random.Random(seed)
    stored = random_stored(rng)
    judge = Judge.of(collection, stored, indexed=indexed, told=f"\nseed {seed}, indexed={indexed}: {stored.indexes}")
    drawn = Predicates(rng, judge.whole, (stored.vector,))
    for number, predicate in enumerate(itertools.islice(drawn, count)):
        judge.judge(predicate)
        if number % 5 == 0:
            judge.judge_limited(predicate, rng.choice([1, 7, 40]))
    return judge.tally
