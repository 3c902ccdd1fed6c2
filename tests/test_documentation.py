"""The documentation says what is so: snippets, the round-trip table row by row, the test vectors of ids, events."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import logging
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import qframe as qf

DOCS = Path(__file__).parent.parent / "docs"
README = DOCS.parent / "README.md"
VALUES = {
    "Decimal": Decimal,
    "date": dt.date,
    "datetime": dt.datetime,
    "time": dt.time,
    "timedelta": dt.timedelta,
    "uuid": uuid,
    "dt": dt,
    "UTC": dt.UTC,
}


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    text = (DOCS / page).read_text(encoding="utf-8").split(f"## {heading}\n")[1]
    lines = [line for line in text.split("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


PAYLOAD = rows("round_trip.md", "Payload")


def stored(collection: qf.Collection) -> dict[str, Any]:
    (text,) = collection.scan(schema={}, extra="column", vectors=False).collect()["extra"]
    return json.loads(text)


def put(collection: qf.Collection, frame: Any, columns: list[str]) -> None:
    collection.create_collection(config={"vectors": {}}, if_exists="replace")
    assert collection.upsert(frame, payload=columns, vector=False).ok


@pytest.mark.parametrize("cells", PAYLOAD, ids=lambda cells: cells[0])
def test_polars_dtypes(embedded: qf.Connection, name: str, cells: list[str]) -> None:
    kinds, value = code(cells[0]), eval(code(cells[3])[0], dict(VALUES))
    dtypes = {kind: eval(kind, dict(vars(pl))) for kind in kinds}
    frame = pl.DataFrame({"id": [1], **{kind: pl.Series([value], dtype=dtype) for kind, dtype in dtypes.items()}})
    collection = qf.collection(name, connection=embedded)
    put(collection, frame, kinds)
    assert stored(collection) == dict.fromkeys(kinds, json.loads(code(cells[4])[0]))
    found = collection.scan(schema=frame.schema).collect().select(kinds)
    assert found.schema == frame.select(kinds).schema
    assert found.equals(frame.select(kinds))
    plain = eval(code(cells[5])[0], dict(vars(pl)))
    assert collection.scan().collect().select(kinds).schema == dict.fromkeys(kinds, plain)


@pytest.mark.parametrize("cells", PAYLOAD, ids=lambda cells: cells[1])
def test_pandas_dtypes(embedded: qf.Connection, name: str, cells: list[str]) -> None:
    kinds, value = code(cells[1]), eval(code(cells[3])[0], dict(VALUES))
    frame = pd.DataFrame({"id": [1], **{kind: pd.Series([value], dtype=pandas_dtype(kind)) for kind in kinds}})
    collection = qf.collection(name, connection=embedded)
    put(collection, frame, kinds)
    assert stored(collection) == dict.fromkeys(kinds, json.loads(code(cells[4])[0]))
    found = collection.read(schema=frame, frame="pandas")[kinds]
    assert found.dtypes.to_dict() == frame[kinds].dtypes.to_dict()
    assert found.iloc[0].map(plain).to_dict() == frame[kinds].iloc[0].map(plain).to_dict()


def pandas_dtype(kind: str) -> Any:
    """pandas reads no decimals from their text."""
    found = re.fullmatch(r"(decimal\w+\(.*\))\[pyarrow\]", kind)
    return pd.ArrowDtype(eval(f"pa.{found[1]}")) if found else kind


def plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


@pytest.mark.parametrize("cells", PAYLOAD, ids=lambda cells: cells[2])
def test_arrow_types(embedded: qf.Connection, name: str, cells: list[str]) -> None:
    kinds, value = code(cells[2]), eval(code(cells[3])[0], dict(VALUES))
    # Arrow makes an array of bool8 of nothing but its storage.
    arrays = {
        kind: pa.array([value]).cast(pa.int8()).cast(pa.bool8()) if kind == "bool8()" else pa.array([value], dtype)
        for kind, dtype in ((kind, eval(kind, dict(vars(pa)))) for kind in kinds)
    }
    table = pa.table({"id": pa.array([1], pa.uint64()), **arrays})
    collection = qf.collection(name, connection=embedded)
    put(collection, table, kinds)
    assert stored(collection) == dict.fromkeys(kinds, json.loads(code(cells[4])[0]))
    found = collection.read(schema=table.schema, frame="arrow")
    assert found.select(kinds).schema.types == table.select(kinds).schema.types
    assert found.select(kinds).to_pylist() == table.select(kinds).to_pylist()


@pytest.mark.parametrize("cells", rows("ids.md", "Test vectors"), ids=lambda cells: cells[0])
def test_vectors_of_made_ids(cells: list[str]) -> None:
    values = eval(f"[{code(cells[0])[0]}]", dict(VALUES))
    frame = pd.DataFrame({str(place): pd.Series([value], dtype=object) for place, value in enumerate(values)})
    (made,) = qf.make_ids(frame, id_from=list(frame.columns))
    namespace = uuid.uuid5(uuid.NAMESPACE_DNS, "qframe")
    assert made == code(cells[2])[0] == str(uuid.uuid5(namespace, code(cells[1])[0]))


def test_every_event_is_documented() -> None:
    source = "".join(path.read_text() for path in Path(qf.__file__).parent.rglob("*.py"))
    logged = set(re.findall(r"log\.(?:debug|info|warning|exception|log\(level)[(,]\s*\"([^\"]+)\"", source))
    assert logged == {code(cells[0])[0] for cells in rows("logging.md", "Events")}


TIMES = re.compile(r"\d+\.\d+ s, [\d,]+ rows/s")
"""How long it took when the page was written, and how long it takes now."""


@dataclass
class Snippet:
    """A block of Python on a page, and the block of text below it: what it prints, or the error that it ends in."""

    code: str
    said: str = ""

    def run(self, names: dict[str, Any]) -> int:
        """Run it, with `expression  # → value` held to be so; how many of these there were."""
        lines, checked = [], 0
        for line in self.code.splitlines():
            found = re.fullmatch(r"(\S.*?)\s+# → (.+)", line)
            lines.append(f"assert ({found[1]}) == ({found[2]}), ({found[1]})" if found else line)
            checked += found is not None
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                exec("\n".join(lines), names)
        except qf.QframeError as error:
            printed.write(f"{type(error).__name__}: {error}\n")
            if not self.said:
                raise
        if self.said:
            assert TIMES.sub("…", printed.getvalue()) == TIMES.sub("…", self.said)
        return checked


def snippets(page: Path) -> list[Snippet]:
    text = page.read_text(encoding="utf-8")
    return [Snippet(*found) for found in re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", text, re.DOTALL)]


PAGES = {page.name: page for page in (README, *sorted(DOCS.glob("*.md"))) if snippets(page)}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A folder with `places.parquet`, and no names: a page is run from its top, and makes what it speaks of."""
    numbers = np.random.default_rng(1).random((1_000, 384), dtype=np.float32)
    frame = pl.DataFrame(
        {
            "id": range(1, 1_001),
            "name": [f"place {row}" for row in range(1_000)],
            "city": ["Berlin", "Ulm", "Bonn", "Kiel"] * 250,
            "price": [row % 150 + 0.5 for row in range(1_000)],
            "embedding": numbers,
        }
    )
    frame.write_parquet(tmp_path / "places.parquet")
    monkeypatch.chdir(tmp_path)
    log = logging.getLogger("qframe")
    level = log.level
    with qf.connect(":memory:") as db:
        # Pages that name no target speak of a server, or of the folder that would be made here.
        qf.set_connection(db)
        frame.qdrant.upsert("places")
        yield {}
        qf.set_connection(None)
    log.setLevel(level)


@pytest.mark.parametrize("page", PAGES)
def test_every_snippet_runs_and_gives_what_it_says(page: str, place: dict[str, Any]) -> None:
    checked = sum(snippet.run(place) for snippet in snippets(PAGES[page]))
    least = {"writing.md": 15, "reading.md": 17, "trust.md": 4, "batch.md": 2, "check.md": 2, "search.md": 12}
    assert checked >= least.get(page, 0)


def test_the_reference_has_every_public_name() -> None:
    text = (DOCS / "reference.md").read_text(encoding="utf-8")
    assert {name for name in qf.__all__ if not re.search(rf":: {name}\b", text)} <= {"__version__"}
