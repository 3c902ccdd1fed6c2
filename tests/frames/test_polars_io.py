"""The polars IO source against the plain frame, on both engines, and its end with the interpreter."""

import pickle
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field

import polars as pl
import polars.testing
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from qframe.frames.polars_io import ScanSource, lazy_scan
from qframe.frames.schemas import targets_of

ENGINES = ["in-memory", "streaming"]
ROWS = 60
PLAIN = pl.DataFrame(
    {
        "id": pl.Series(range(ROWS), dtype=pl.UInt64),
        "x": [None if i % 7 == 0 else i % 10 for i in range(ROWS)],
        "f": [i / 4 for i in range(ROWS)],
        "s": [None if i % 5 == 0 else "abc"[i % 3] for i in range(ROWS)],
        "e": pl.Series(["lo", "hi"] * (ROWS // 2), dtype=pl.Enum(["lo", "hi"])),
        "v": pl.Series([[i, i + 1] for i in range(ROWS)], dtype=pl.Array(pl.Float32, 2)),
        "l": [[i] * (i % 3) for i in range(ROWS)],
    }
)
TARGETS = targets_of({"e": PLAIN.schema["e"]})
TABLE = PLAIN.with_columns(pl.col("e").cast(pl.String)).to_arrow()


@dataclass
class Recorded:
    """Pages of a table, which notes what it was asked for and what it gave."""

    size: int = 7
    calls: list = field(default_factory=list)
    given: int = 0

    def __call__(self, columns, conjuncts, limit):
        self.calls.append((None if columns is None else list(columns), limit))
        table = TABLE if columns is None else TABLE.select(list(dict.fromkeys(["id", *columns])))
        table = table if limit is None else table.slice(0, limit)
        for start in range(0, table.num_rows, self.size):
            self.given += 1
            yield table.slice(start, self.size)


def parse(version):
    return tuple(int(part) for part in version.split(".")[:2])


def scan(pages=None):
    pages = Recorded() if pages is None else pages
    return lazy_scan(TABLE.schema, TARGETS, pages), pages


@pytest.mark.parametrize("engine", ENGINES)
def test_the_whole(engine):
    lazy, pages = scan()
    assert lazy.collect_schema() == PLAIN.schema
    assert pages.calls == []
    pl.testing.assert_frame_equal(lazy.collect(engine=engine), PLAIN)


@pytest.mark.parametrize("engine", ENGINES)
def test_projection_and_limit_reach_the_pages(engine):
    lazy, pages = scan()
    found = lazy.select("s", "id").head(10).collect(engine=engine)
    pl.testing.assert_frame_equal(found, PLAIN.select("s", "id").head(10))
    assert pages.calls == [(["id", "s"], 10)]
    lazy, pages = scan()
    assert (
        lazy.filter(pl.col("x") > 3).select("s").collect(engine=engine).height == PLAIN.filter(pl.col("x") > 3).height
    )
    assert pages.calls == [(["x", "s"], None)]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_limit_comes_before_the_predicate(engine):
    lazy, _ = scan()
    found = lazy.head(10).filter(pl.col("x") > 3).collect(engine=engine)
    pl.testing.assert_frame_equal(found, PLAIN.head(10).filter(pl.col("x") > 3))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "build", [lambda f: f.head(0), lambda f: f.filter(pl.col("f") < 0), lambda f: f.select("v").head(0)]
)
def test_no_rows_have_the_schema(engine, build):
    lazy, _ = scan()
    pl.testing.assert_frame_equal(build(lazy).collect(engine=engine), build(PLAIN.lazy()).collect())

    def nothing(columns, conjuncts, limit):
        return iter(())

    lazy, _ = scan(nothing)
    pl.testing.assert_frame_equal(build(lazy).collect(engine=engine), build(PLAIN.clear().lazy()).collect())


def test_streaming_stops_early():
    lazy, pages = scan(Recorded(size=1))
    found = lazy.filter(pl.col("x") > 3).head(2).collect(engine="streaming")
    assert found["id"].to_list() == PLAIN.filter(pl.col("x") > 3).head(2)["id"].to_list()
    assert pages.given < ROWS


@pytest.mark.parametrize("engine", ENGINES)
def test_count_fetches_no_vector(engine):
    lazy, pages = scan()
    assert lazy.select(pl.len()).collect(engine=engine).item() == ROWS
    assert all("v" not in columns for columns, _ in pages.calls)


@pytest.mark.parametrize("engine", ENGINES)
def test_errors_of_pages_are_raised(engine):
    def broken(columns, conjuncts, limit):
        yield TABLE.slice(0, 5)
        raise LookupError("collection gone")

    lazy, _ = scan(broken)
    kept = parse(pl.__version__) >= (2, 1)  # older ones wrap it
    with pytest.raises(LookupError if kept else (LookupError, pl.exceptions.ComputeError), match="collection gone"):
        lazy.collect(engine=engine)


def test_every_run_asks_anew():
    lazy, pages = scan()
    lazy.select("id").collect()
    both = pl.concat([lazy.select("id"), lazy.select("id")]).collect()
    assert both.height == 2 * ROWS
    assert len(pages.calls) == 3


def test_explain_names_the_source():
    lazy, _ = scan()
    plan = lazy.select("id").explain()
    assert "PYTHON" in plan
    assert ("QDRANT" in plan) == (parse(pl.__version__) >= (2, 1))


@dataclass(frozen=True)
class Fixed:
    """Pages that pickle."""

    def __call__(self, columns, conjuncts, limit):
        yield TABLE.slice(0, limit)


def test_source_pickles():
    source = ScanSource(PLAIN.schema, TARGETS, Fixed())
    assert pickle.loads(pickle.dumps(source)) == source


def test_lazy_frames_serialise():
    pytest.importorskip("cloudpickle")
    lazy, _ = scan(Fixed())
    revived = pl.LazyFrame.deserialize(lazy.filter(pl.col("x") == 1).serialize())
    pl.testing.assert_frame_equal(revived.collect(), PLAIN.filter(pl.col("x") == 1))


numbers = st.integers(-1, 10)
predicates = st.one_of(
    st.builds(lambda v: pl.col("x") > v, numbers),
    st.builds(lambda v: pl.col("x") != v, numbers),
    st.builds(lambda v: pl.col("f") <= v, numbers),
    st.builds(lambda v: pl.col("s").is_in(v), st.lists(st.sampled_from("abc"), min_size=1)),
    st.sampled_from(
        [
            pl.col("s").is_null(),
            pl.col("e") == "hi",
            pl.col("l").list.len() > 1,
            pl.col("id") % 2 == 0,
            pl.col("v").arr.sum() > 20,
        ]
    ),
)
predicates = st.one_of(
    predicates,
    st.builds(lambda a, b: a & b, predicates, predicates),
    st.builds(lambda a, b: a | b, predicates, predicates),
    st.builds(lambda a: ~a, predicates),
)
steps = st.one_of(
    st.builds(lambda p: lambda f: f.filter(p), predicates),
    st.builds(lambda n: lambda f: f.head(n), st.integers(0, 40)),
    st.builds(lambda n: lambda f: f.tail(n), st.integers(0, 40)),
    st.builds(lambda a, n: lambda f: f.slice(a, n), st.integers(0, 20), st.integers(0, 20)),
    st.builds(
        lambda c, d: lambda f: f.sort(c, "id", descending=[d, False]), st.sampled_from(["x", "f"]), st.booleans()
    ),
    st.builds(lambda n: lambda f: f.top_k(n, by=["f", "id"]).sort("id"), st.integers(1, 20)),
    st.just(lambda f: f.with_columns(x=pl.col("x") + 1)),
    st.just(lambda f: f.select(pl.all().exclude("never"))),
)
ends = st.one_of(
    st.builds(lambda c: lambda f: f.select(c), st.lists(st.sampled_from(PLAIN.columns), min_size=1, unique=True)),
    st.just(lambda f: f.select(pl.len())),
    st.just(lambda f: f.group_by("e").agg(pl.col("x").sum(), pl.len()).sort("e")),
    st.just(lambda f: f),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=4), ends, st.integers(1, 70), st.sampled_from(ENGINES))
def test_random_pipelines(chain, end, size, engine):
    lazy, _ = scan(Recorded(size))
    expected = PLAIN.lazy()
    for step in chain:
        lazy, expected = step(lazy), step(expected)
    plan = end(lazy).explain()
    # polars 2.1 panics on top_k over an empty slice of any IO source, one of four lines included.
    assume(not ("len: 0]" in plan and "dynamic_pred" in plan))
    found = end(lazy).collect(engine=engine)
    pl.testing.assert_frame_equal(found, end(expected).collect(engine="in-memory"))


EXIT = """
    import sys, time
    import polars as pl, pyarrow as pa
    from qframe.frames.polars_io import lazy_scan
    from qframe.shutdown import guard

    def pages(columns, conjuncts, limit):
        for number in range(10_000):
            guard.sleep(0.01)
            time.sleep(0.005)
            yield pa.table({"id": pa.array(range(number * 50, number * 50 + 50), pa.uint64())})

    lazy = lazy_scan(pa.schema([("id", pa.uint64())]), {}, pages)
    if sys.argv[1] == "break":
        for batch in lazy.collect_batches(chunk_size=50):
            break
    elif sys.argv[1] == "background":
        query = lazy.collect(background=True)
        time.sleep(float(sys.argv[2]))
    else:
        import threading
        threading.Thread(target=lazy.collect, daemon=True).start()
        time.sleep(float(sys.argv[2]))
    print("done")
"""


@pytest.mark.parametrize("way", ["break", "background", "thread"])
def test_a_clean_end_in_the_middle_of_a_scan(way):
    for attempt in range(5):
        run = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(EXIT), way, str(0.03 + attempt * 0.011)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (run.returncode, run.stdout, run.stderr) == (0, "done\n", "")
