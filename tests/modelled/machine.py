"""The state machine: random calls one after the other, each judged by its report and by what is stored afterwards."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

import qframe as qf
from tests.modelled import world
from tests.modelled.calls import Selected, Write, delivery, selections, writes
from tests.modelled.frames import FEW, INTEGERS, NAMED, POOLS, UNNAMED, UUIDS, Layout, frames
from tests.modelled.judge import Row, Worlds, all_told, at_once, sound, states_of, to_list
from tests.modelled.stored import Holding
from tests.modelled.world import Id, Point

IN_MEMORY = ("polars", "pandas", "arrow")
ERRORS = st.sampled_from(["report", "report", "raise"])
MISSING = st.sampled_from(["report", "skip"])
SIZES: Mapping[str, Sequence[Any]] = {"batch_size": [1, 2, 3, 7, None], "batch_bytes": [None, None, 1, 300]}


FEW_OF = [pool[:FEW] for pool in POOLS]
TOGETHER: Sequence[dict[str, Any]] = (
    {},
    {},
    *({"pool": pool, "verbs": ("set_payload", "update_vectors", "delete", "delete")} for pool in FEW_OF),
    *({"pool": pool, "verbs": ("upsert",), "modes": ("update_only", "insert_only")} for pool in FEW_OF),
)
"""What the steps of a batch have in common: often ids, and verbs that do something else when they are repeated."""


class Enough(Exception):
    """Ends a call from its progress function."""


def until(stop: int | None) -> Callable[[int, int | None], None]:
    """A progress function that ends the call after so many rows."""

    def progress(done: int, _: int | None) -> None:
        if stop is not None and done >= stop:
            raise Enough

    return progress


class Writes(RuleBasedStateMachine):
    """`connect` is set by the test of each target."""

    connect: Callable[[], qf.Connection]

    def __init__(self) -> None:
        super().__init__()
        self.there: dict[Id, Point] = {}
        self.holding: Holding | None = None
        self.healed = True

    @initialize(layout=st.sampled_from([NAMED, NAMED, UNNAMED]), seeded=st.sampled_from([True, True, False]))
    def begin(self, layout: Layout, seeded: bool) -> None:
        self.layout = layout
        self.collection = qf.collection(f"qframe_test_{uuid.uuid4().hex[:16]}", connection=type(self).connect())
        self.collection.create_collection(config=layout.config)
        self.holding = Holding(self.collection, list(layout.vectors))
        if seeded:
            for ids in (INTEGERS[:9:2], UUIDS[1::2]):
                points = pa.table({"id": pa.array(ids), "n": pa.array(range(len(ids))), "city": ["Berlin"] * len(ids)})
                assert self.collection.upsert(points, vector=False).ok
            self.there = self.holding.points()

    def teardown(self) -> None:
        if self.holding is None:
            return
        try:
            Worlds(self.there).agree(self.holding.read())
        finally:
            self.holding.close()

    # -- one call

    @property
    def embedded(self) -> bool:
        return self.collection.connection.transport == "embedded"

    def options(self, data: st.DataObject) -> dict[str, Any]:
        """Options of the next call."""
        return {}

    def settled(self, report: qf.WriteReport, rows: Sequence[Row], missing: str, *, strict: bool) -> None:
        """A call is over, of which this is the report."""
        at_once(report)
        if strict:
            all_told(report, rows, self.there, missing)

    def called(
        self, data: st.DataObject, do: Callable[..., qf.WriteReport], rows: Sequence[Row], errors: str
    ) -> qf.WriteReport | None:
        """The report of a call; None where it was refused before anything was sent."""
        try:
            report = do(errors=errors, **self.options(data))
        except qf.FrameError:
            if errors == "report" or not any(row.bad for row in rows):
                raise
            return None
        except qf.WriteError as error:
            report = error.report
            assert errors == "raise"
            assert not report.complete or set(states_of(report)) & {"failed", "unknown", "unsent"}
        else:
            assert errors == "report" or (
                report.complete and not set(states_of(report)) & {"failed", "unknown", "unsent"}
            )
        return report

    def now(self, worlds: Worlds) -> None:
        """What is stored now is among what may be, and is known from here on."""
        assert self.holding is not None
        found = self.holding.points()
        worlds.agree(found)
        self.there = found

    def written(self, data: st.DataObject, write: Write, missing: str, errors: str) -> qf.WriteReport | None:
        rows = write.rows()
        given = {**({"missing": missing} if write.needs else {}), **write.delivery}
        report = self.called(data, lambda **options: write.do(self.collection, **given, **options), rows, errors)
        worlds = Worlds(self.there)
        if report is not None:
            ids = not write.frame.streamed or bool(given.get("return_ids"))
            sound(report, rows, embedded=self.embedded, library=write.frame.library, ids=ids)
            assert report.operation == write.verb
            assert report.collection == self.collection.name
            assert not report.created
            if not write.frame.streamed:
                for state in ("written", "failed"):
                    assert len(report.select(write.frame.data(), state)) == report.counts[state]
            self.settled(report, rows, missing, strict=errors == "report")
            worlds.told(report, rows)
        self.now(worlds)
        return report

    # -- rules

    @rule(data=st.data(), missing=MISSING, errors=ERRORS)
    def write(self, data: st.DataObject, missing: str, errors: str) -> None:
        bad = data.draw(st.integers(0, 3)) == 0
        write = data.draw(writes(self.layout, bad=bad))
        refused = any(row.bad for row in write.rows())
        before = self.there
        report = self.written(data, write, missing, errors)
        if errors == "raise" and refused and not write.frame.streamed:
            assert report is None
            assert self.there == before

    @rule(data=st.data(), missing=MISSING)
    def ids_again(self, data: st.DataObject, missing: str) -> None:
        """Rows of one id with other vectors, in an order that is kept."""
        self.written(
            data, data.draw(writes(self.layout, verbs=("upsert", "update_vectors"), again=True)), missing, "report"
        )

    @rule(data=st.data())
    def upsert_with_random_ids(self, data: st.DataObject) -> None:
        frame = data.draw(frames(self.layout, payload=True, vectors=True, forms=IN_MEMORY, named=False, most=3))
        given = {**data.draw(delivery(frame)), "vector": frame.options["vector"], "payload": frame.options["payload"]}
        report = self.called(
            data, lambda **options: self.collection.upsert(frame.data(), id="uuid4", **given, **options), [], "report"
        )
        assert report is not None
        ids = [str(point) for point in to_list(report.ids)]
        assert len({*ids}) == len(ids) == len(frame.ids)
        assert all(uuid.UUID(point).version == 4 for point in ids)
        assert not {*ids} & {*map(str, self.there)}
        rows = [
            Row(point, world.upserted(row, held, "omit", "upsert", world.always))
            for point, row, held in zip(ids, frame.payload, frame.vectors, strict=True)
        ]
        sound(report, rows, embedded=self.embedded, library=frame.library, ids=True)
        self.settled(report, rows, "report", strict=True)
        worlds = Worlds(self.there)
        worlds.told(report, rows)
        self.now(worlds)

    @rule(data=st.data())
    def by_filter(self, data: st.DataObject) -> None:
        selected = data.draw(selections(self.layout))
        row = Row(None, selected.change)
        report = self.called(data, lambda **options: selected.do(self.collection, **options), [row], "report")
        assert report is not None
        sound(report, [row], embedded=self.embedded, library=None, ids=False)
        assert report.by_filter == report.total == 1
        assert report.ids is None
        self.settled(report, [row], "report", strict=False)
        worlds = Worlds(self.there)
        self.changed(worlds, selected, report)
        self.now(worlds)

    @rule(data=st.data(), missing=MISSING, stop=st.none() | st.integers(0, 5))
    def again_with_a_checkpoint(self, data: st.DataObject, missing: str, stop: int | None) -> None:
        """A call that may end early, and the same call once more."""
        write = data.draw(writes(self.layout, bad=data.draw(st.integers(0, 3)) == 0))
        rows = write.rows()
        with tempfile.TemporaryDirectory() as folder:
            kept = {"checkpoint": Path(folder) / "file", **({"missing": missing} if write.needs else {})}
            kept |= {**write.delivery, "return_ids": True}

            def first(**options: Any) -> qf.WriteReport:
                try:
                    return write.do(self.collection, progress=until(stop), **kept, **options)
                except qf.WriteError as error:
                    if not isinstance(error.__cause__, Enough):
                        raise
                    return error.report

            worlds = Worlds(self.there)
            try:
                report = self.called(data, first, rows, "report")
            except Enough:
                before = []
            else:
                assert report is not None
                sound(report, rows, embedded=self.embedded, library=write.frame.library, ids=True, stopped=True)
                assert report.resumed == 0
                self.settled(report, rows, missing, strict=False)
                worlds.told(report, rows)
                before = report.rows("written").tolist()
            self.now(worlds)
            worlds = Worlds(self.there)
            report = self.called(data, lambda **options: write.do(self.collection, **kept, **options), rows, "report")
            assert report is not None
            sound(report, rows, embedded=self.embedded, library=write.frame.library, ids=True)
            self.settled(report, rows, missing, strict=False)
            worlds.told(report, rows, before)
            states = states_of(report)
            if write.duplicates != "keep":
                assert {states[row] for row in before} <= {"skipped"}
                assert report.resumed == len(before)
            ends = {"written", "skipped", *(["failed"] if missing == "report" else [])}
            assert not self.healed or {states[row] for row in range(len(rows)) if not rows[row].bad} <= ends, report
            self.now(worlds)

    def changed(self, worlds: Worlds, selected: Selected, report: qf.WriteReport) -> None:
        [state] = states_of(report)
        in_part = any("may be stored" in message for message in to_list(report.failures["message"]))
        if state in ("written", "acknowledged", "unknown") or in_part:
            worlds.changed(selected.change, surely=state == "written")

    @rule(data=st.data(), missing=MISSING, errors=ERRORS)
    def batch(self, data: st.DataObject, missing: str, errors: str) -> None:
        more = data.draw(st.sampled_from(TOGETHER))
        steps: list[Write | Selected] = [
            data.draw(
                writes(
                    self.layout,
                    forms=IN_MEMORY,
                    bad=errors == "report" and data.draw(st.integers(0, 5)) == 0,
                    **more,
                )
            )
            if data.draw(st.integers(0, 4))
            else data.draw(selections(self.layout))
            for _ in range(data.draw(st.integers(1, 4)))
        ]
        sizes = {name: data.draw(st.sampled_from(values)) for name, values in SIZES.items()}
        rows = [step.rows() if isinstance(step, Write) else [Row(None, step.change)] for step in steps]
        every = [row for part in rows for row in part]
        batches: list[Any] = []

        def do(**options: Any) -> qf.WriteReport:
            with self.collection.batch(missing=missing, **sizes, **options) as sent:
                batches.append(sent)
                for step in steps:
                    step.do(sent, **({"duplicates": step.duplicates} if isinstance(step, Write) else {}))
            return sent.report

        report = self.called(data, do, every, errors)
        worlds = Worlds(self.there)
        if report is not None:
            sound(report, every, embedded=self.embedded, library=None, ids=False)
            parts = batches[0].reports
            assert [part.total for part in parts] == [*map(len, rows)]
            assert [state for part in parts for state in states_of(part)] == states_of(report)
            strict = errors == "report" and not any(isinstance(step, Selected) for step in steps)
            self.settled(report, every, missing, strict=strict)
            for step, part, own in zip(steps, parts, rows, strict=True):
                assert part.operation == step.verb
                if isinstance(step, Selected):
                    self.changed(worlds, step, part)
                else:
                    assert [None if point is None else str(point) for point in to_list(part.ids)] == [
                        None if row.id is None else str(row.id) for row in own
                    ]
                    assert set(to_list(part.failures["row"])) == {
                        *part.rows("failed").tolist(),
                        *part.rows("unknown").tolist(),
                    }
                    assert len(part.select(step.frame.data(), "failed")) == part.failed
                    worlds.told(part, own)
        self.now(worlds)
