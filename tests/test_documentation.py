"""The documentation says what is so: the round-trip table row by row, the test vectors of ids, the names of loggers."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import qframe as qf

DOCS = Path(__file__).parent.parent / "docs"
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
    logged = set(re.findall(r"log\.(?:debug|info|warning|exception)\(\s*\"([^\"]+)\"", source))
    assert logged == {code(cells[0])[0] for cells in rows("logging.md", "Events")}


def test_writing_runs_and_gives_what_it_says() -> None:
    """Each `expression  # → value` of the page, in its order."""
    text = (DOCS / "writing.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    checked = 0
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        lines = []
        for line in block.splitlines():
            said = re.fullmatch(r"(\S.*?)\s+# → (.+)", line)
            lines.append(f"assert ({said[1]}) == ({said[2]}), ({said[1]})" if said else line)
            checked += said is not None
        exec("\n".join(lines), names)
    names["db"].close()
    assert checked > 15
