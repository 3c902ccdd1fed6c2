"""The table of ordinary predicates in the documentation, made by running them.

``python -m tests.pushdown.coverage`` shows it, with ``--write`` it goes into docs/pushdown_coverage.md.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

import qframe as qf
from tests.pushdown.ordinary import ORDINARY, Ordinary
from tests.pushdown.ordinary_frame import ordinary_frame

PAGE = Path(__file__).parents[2] / "docs" / "pushdown_coverage.md"
WORDS = """# What is pushed down: sixty ordinary predicates

Predicates as people write them, from TPC-H, ClickBench and the user guides of polars and pandas, on {rows:,} points,
with the caller's schema and without payload indexes, on a server of version {version} or later. **exact**: the server
finds the rows of the answer and no others. **superset**: it finds them and some more, which are sorted out here.
**here**: all points are fetched, and the predicate is applied here. The answer is the same in all three cases.
What a predicate of yours comes to, `Collection.explain` tells.

{exact} of {all} are evaluated exactly by the server, {superset} in part, {here} not at all. The predicates were written
down before the translator was; they stand in tests/pushdown/ordinary.py under their names. A test holds that this table
is what running them gives.

| predicate | source | on the server | rows | filter | the rest, here |
|---|---|---|---:|---|---|
"""
Extent = Literal["exact", "superset", "here"]


@dataclass(frozen=True, slots=True)
class Covered:
    """What becomes of one predicate.

    Parameters
    ----------
    ordinary : Ordinary
    pushed : "exact", "superset" or "here"
    filter : dict or None
    reasons : tuple of str
        Why it is not exact.
    rows : int
        Rows that it selects.
    """

    ordinary: Ordinary
    pushed: Extent
    filter: dict[str, Any] | None
    reasons: tuple[str, ...]
    rows: int

    def line(self) -> str:
        sent = "" if self.filter is None else f"`{json.dumps(self.filter, ensure_ascii=False)}`"
        cells = [
            self.ordinary.name,
            self.ordinary.source,
            self.pushed,
            f"{self.rows:,}",
            sent,
            "; ".join(self.reasons),
        ]
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def covered(collection: qf.Collection, frame: pl.DataFrame, ordinary: Ordinary, predicate: Any = None) -> Covered:
    """What `explain` says of a predicate, and how many rows a scan with it gives."""
    predicate = ordinary.polars if predicate is None else predicate
    (source,) = collection.explain(predicate, schema=frame.schema).sources
    pushed: Extent = "exact" if source.exact else "here" if source.filter is None else "superset"
    reasons = dict.fromkeys(reason for part in source.parts for reason in part.reasons)
    rows = collection.scan(schema=frame.schema).filter(ordinary.polars).select("id").collect().height
    return Covered(ordinary, pushed, source.filter, tuple(reasons), rows)


def store(collection: qf.Collection) -> pl.DataFrame:
    """Write the ordinary frame."""
    frame = ordinary_frame()
    collection.create_collection(config={"vectors": {}}, if_exists="replace")
    assert collection.upsert(frame, vector=False).ok
    return frame


def page(collection: qf.Collection, frame: pl.DataFrame, found: list[Covered]) -> str:
    """The whole page, from what became of all predicates."""
    counts = {kind: sum(one.pushed == kind for one in found) for kind in ("exact", "superset", "here")}
    (source,) = collection.explain().sources
    version = ".".join(map(str, source.version[:2]))
    head = WORDS.format(rows=frame.height, all=len(found), version=version, **counts)
    return head + "\n".join(one.line() for one in found) + "\n"


def main(write: bool) -> None:
    with qf.connect(":memory:") as connection:
        collection = qf.collection("ordinary", connection=connection)
        frame = store(collection)
        text = page(collection, frame, [covered(collection, frame, one) for one in ORDINARY])
    if write:
        PAGE.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main(write="--write" in sys.argv[1:])
