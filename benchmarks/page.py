"""The page of the documentation that holds the tables and the picture."""

from __future__ import annotations

from pathlib import Path

from benchmarks.plot import draw
from benchmarks.report import Report, markdown

FOLDER = Path("docs")

INTRODUCTION = """# Benchmarks

How fast a frame is written, read back and used to change points: qframe beside all the ways that qdrant-client 1.20 has
to do the same, and beside **the limit**, which is the same points as ready bytes only sent, or the same pages fetched
without decoding. There is one base case, 20,000 rows of 384 float32 and eight scalar fields in polars, over both wires
with one worker; the other cases vary one factor of it. Made by `nox -s bench`, which takes less than ten minutes on two
cores (`-- --quick` less than two, `-- --only TEXT` for some of it, `-- --write` to renew this page).

```{image} _static/benchmarks.svg
:alt: Rows a second of each way in each case, by task and wire
:width: 100%
```

"""

HOW = """## What is measured

* **Turns.** Each way runs in a process of its own, from its program in `benchmarks/`, and they take turns round after
  round, so that what else runs on the machine hits all of them. Figures are medians of the rounds, *from – to* their
  spread. *qframe is* and *of the limit* are the medians of the rounds' own ratios, and can be trusted more than rows/s.
  A turn is repeated until 0.4 seconds are over in the base case, 0.15 elsewhere; one run before the first round does
  not count.
* **Rows.** A run is 20,000 rows. The slow ways, those of qdrant-client, get only the first of them, 10,000 in the base
  case and a few thousand in the others, see *rows*: their time grows with the rows, and what counts is the rate. Their
  *peak MB* is that of so few.
* **Writing with qdrant-client**: `upload_collection` with a matrix, dicts and ids in batches of 1,000, and of its
  default, 64; `upsert` with a `Batch` of 1,000 rows; `upload_points` and `upsert` with 1,000 `PointStruct`. Making
  these of the frame is part of the time, as it is part of the job. Bars are held against the fastest of the five.
* **Reading with qdrant-client**: `scroll` in pages of 1,000, its records made a frame of the case's library. It reads
  packed answers, since qdrant-client asks for gzip; in `scroll, plain` that is turned off by hand. qframe asks for
  plain answers by itself. `fetch, gzip` shows how much of the packed read is transport alone.
* **The limit**: `replay` sends requests of 1,000 points that the official stubs or orjson encoded beforehand. Over REST
  nobody can have the text of the vectors beforehand, so there the limit is `vectors to JSON by orjson + replay`, in
  which that text is made and all else is ready. `fetch` asks for pages as large as qframe's grow to.
* **Cases.** *pandas*: written from and read into pandas, a vector being an array in a column of objects. *long texts*:
  three of the eight fields have 200 to 800 characters. *nested*: a struct with a struct in it, lists of texts and
  floats, a list of structs, four scalars. *nulls*: a quarter of each field, left out of the points by all ways alike.
* **qframe's time** includes all that its calls do: looking at the collection, checking every value, the report; and
  when reading, the look at the schema.
* **Workers.** `n_jobs=1`, 2 and 4 of qframe beside as many threads of the limit, each with a connection, and
  `upload_collection` with `parallel=2`, whose processes are made anew by each call. *In server time* the stand-ins wait
  before each page as long as Qdrant 1.19 was seen to take for one, 24 µs a row (REST) and 9.4 (gRPC), without using a
  core of the client's: a server is a machine of its own, and reading is mostly waiting for it.
* **Changes.** `set_payload` gives each row the eight fields as a payload of its own, which is as many operations for
  the server; `update_vectors` replaces the vectors, `delete` removes the points. qdrant-client is given models made of
  the frame, in batches of 1,000: a `SetPayloadOperation` or `PointVectors` a row, or a `PointIdsList`.
* **The servers** are stand-ins, processes of their own. They swallow writes and serve pages encoded beforehand by the
  official stubs and orjson, the packed JSON packed beforehand too; packed gRPC answers are packed as they are sent, as
  on a server. Like a server, they give each point of a gRPC page its payload keys in an order of its own, and over REST
  in the order in which they were written. With `QFRAME_TEST_URL` all runs against a real server instead, with a turn a
  run; the bars are set for the stand-ins, since a server's own speed bounds every way alike.
* *CPU µs/row* is the client: its process with all threads, and the processes that it makes. *B/row* is what went over
  the loopback interface in both directions, headers and all. *peak* is the resident memory of the process, *grown* how
  much of that came during the runs.

"""


def write_page(report: Report, folder: Path = FOLDER) -> Path:
    """Renew the page and its picture."""
    picture, page = folder / "_static" / "benchmarks.svg", folder / "benchmarks.md"
    picture.parent.mkdir(parents=True, exist_ok=True)
    draw(report, picture)
    parts = [
        INTRODUCTION + report.setting(),
        f"## Bars\n\n{markdown(report.bars())}",
        f"## One factor at a time\n\nIn short; [all figures](#all-figures-of-the-cases) are below.\n\n"
        f"{report.short_tables()}",
        HOW + f"## All figures of the base case\n\n{report.full_tables(base=True)}",
        f"## All figures of the cases\n\n{report.full_tables(base=False)}\n",
    ]
    page.write_text("\n\n".join(parts), encoding="utf-8")
    return page
