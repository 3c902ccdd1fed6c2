"""The page of the documentation that holds the tables."""

from __future__ import annotations

from pathlib import Path

from benchmarks.report import Report

PAGE = Path("docs/benchmarks.md")

INTRODUCTION = """# Benchmarks

How fast a frame is written, read back and used to change points, beside qdrant-client doing the same and, in writing
and reading, beside **the limit**: the same points as ready bytes only sent (`replay`), and the same pages fetched
without decoding (`fetch`). Each way runs in a process of its own and they take turns of half a second, so that what
else runs on the machine hits all of them; ratios, the median of those of each round, can be trusted more than rows/s.
Made by `nox -s bench` (`-- --quick` for a first look, `-- --write` to renew this page); with `QFRAME_TEST_URL` it runs
against a real server.

* `upload_collection` is given a matrix, dicts and a list, in batches of 1,000; making these of the frame is part of the
  time, as it is part of the job. `scroll` asks for pages of 1,000 and makes a polars frame of the records.
* `scroll` reads packed answers, since qdrant-client asks for gzip; `scroll, plain` has that turned off by hand. qframe
  asks for plain answers by itself. `fetch, gzip` shows how much of the packed read is transport alone.
* `qframe, 2 workers` reads with `n_jobs=2`, a slice each; the stand-ins cut slices by the rest of the id. All other
  ways have one worker. *In server time* the stand-ins wait before each page as long as Qdrant 1.19 was seen to take for
  one, 24 µs a row (REST) and 9.4 (gRPC), without using a core of the client's: a server is a machine of its own, and
  reading is mostly waiting for it.
* `set_payload` gives each row the eight fields as a payload of its own, which is as many operations for the server;
  `update_vectors` replaces the vectors, `delete` removes the points. qdrant-client is given models made of the frame,
  in batches of 1,000: a `SetPayloadOperation` or `PointVectors` a row, or a `PointIdsList`.
* qframe's time includes all that its calls do: looking at the collection, checking every value, the report; and when
  reading, the look at the schema.
* The stand-in servers are processes of their own. They swallow writes and serve pages encoded beforehand, the packed
  JSON packed beforehand too; packed gRPC answers are packed as they are sent, as on a server.
* *CPU µs/row* is the client process with all its threads. *peak* is its resident memory, *grown* how much of that came
  during the runs, *qframe is* its rows/s as a multiple of the line's, *of the limit* the line's rows/s against plain
  ready bytes.
* `python -m benchmarks.memory` shows what a write out of core holds in memory, for a file of rows and for one four
  times as long.
* The bars are set for the stand-ins: on a real server its own speed bounds every way alike.

"""


def write_page(report: Report) -> Path:
    """Renew the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(f"{INTRODUCTION}## Base case\n\n{report.markdown()}", encoding="utf-8")
    return PAGE
