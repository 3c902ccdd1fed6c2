"""Whether a report is sound in itself, and whether what is stored is what it says."""

from __future__ import annotations

import json
import pickle
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import qframe as qf
from qframe.model.outcome import STATES
from tests.modelled.world import Change, Id, Maybe, shown

IN_PART = "may be stored"


@dataclass(frozen=True)
class Row:
    """One row of a call, in the order of the frame.

    Parameters
    ----------
    id : int, str or None
        None for one without a usable id.
    change : callable
    needs : bool
        Whether the point must be there.
    bad : bool
        Must be found before it is sent.
    left_out : bool
        Must be skipped whatever is stored.
    """

    id: Id | None
    change: Change
    needs: bool = False
    bad: bool = False
    left_out: bool = False


# -- a report in itself


def to_list(column: Any) -> list[Any]:
    """A column of any library as Python values, nulls as None."""
    if isinstance(column, pl.Series | pa.ChunkedArray | pa.Array):
        return column.to_list() if isinstance(column, pl.Series) else column.to_pylist()
    return [None if pd.isna(item) else item for item in column]


def sound(
    report: qf.WriteReport,
    rows: Sequence[Row],
    *,
    embedded: bool,
    library: str | None,
    ids: bool,
    stopped: bool = False,
) -> None:
    """What holds for every report.

    Parameters
    ----------
    rows : sequence of Row
        All rows of the call, or more where the report is not complete.
    library : str or None
        Of the caller; None where there is no frame.
    ids : bool
        Whether `report.ids` must be there.
    stopped : bool
        Whether the caller may have ended the call.
    """
    assert report.total == len(rows) if report.complete else report.total <= len(rows)
    states = states_of(report)
    assert report.counts == {state: states.count(state) for state in STATES}
    assert sum(report.counts.values()) == report.total
    assert report.ok is bool(report) is (report.complete and set(states) <= {"written", "skipped"})
    assert report.ended_by is None or not report.ok or stopped
    if "unsent" in states or not report.complete:
        assert report.ended_by or "failed" in states, report

    failures = report.failures
    columns = {name: to_list(failures[name]) for name in ("row", "id", "column", "error", "message", "attempts")}
    kinds = {"polars": pl.DataFrame, "pandas": pd.DataFrame, "arrow": pa.Table}
    assert library is None or isinstance(failures, kinds[library])
    assert columns["row"] == sorted(columns["row"])
    assert set(columns["row"]) == {row for row, state in enumerate(states) if state in ("failed", "unknown")}
    for row, point, column, error, message, attempts in zip(*columns.values(), strict=True):
        assert (None if point is None else str(point)) == (None if rows[row].id is None else str(rows[row].id))
        assert error
        assert message
        assert (error == "bad value") == (attempts == 0) == (column is not None), report
        assert rows[row].bad == (error == "bad value")

    sent = {state for state, row in zip(states, rows, strict=False) if not row.left_out and not row.bad} - {"unsent"}
    if sent - {"skipped"}:
        assert report.batches > 0
        assert report.requests >= report.batches or "unsent" in states
        assert (report.nbytes > 0) is not embedded
    elif not sent:
        assert report.requests == report.nbytes == report.retries == 0
    assert 0 <= report.retries <= report.requests
    assert report.seconds > 0
    assert report.throttled >= 0
    if ids:
        assert [None if point is None else str(point) for point in to_list(report.ids)] == [
            None if row.id is None else str(row.id) for row in rows[: report.total]
        ]
    carried(report)


def carried(report: qf.WriteReport) -> None:
    """Every way to look at a report says the same."""
    said = json.loads(json.dumps(report.to_dict()))
    assert {state: said[state] for state in STATES} == report.counts
    assert {item["row"] for item in said["failures"]} == set(to_list(report.failures["row"]))
    again = pickle.loads(pickle.dumps(report))
    assert repr(again) == repr(report)
    assert again.states.tolist() == report.states.tolist()
    twice = qf.WriteReport.merge([report, again])
    assert twice.total == 2 * report.total
    assert twice.counts == {state: 2 * count for state, count in report.counts.items()}
    assert twice.ok is report.ok
    for state, count in report.counts.items():
        assert not count or f"{state} {count}" in repr(report)
    with nullcontext() if report.ok else pytest.raises(qf.WriteError) as caught:
        report.raise_for_failures()
    assert report.ok or caught.value.report is report


def states_of(report: qf.WriteReport) -> list[str]:
    """The state of each row, by `rows(state)`."""
    found: dict[int, str] = {}
    for state in STATES:
        for row in report.rows(state).tolist():
            assert row not in found
            found[row] = state
    return [found[row] for row in range(report.total)]


# -- what is stored


class Worlds:
    """What may be stored, point by point."""

    def __init__(self, points: Mapping[Id, Maybe]) -> None:
        self._may: dict[Id, list[Maybe]] = {point: [held] for point, held in points.items()}

    def may(self, point: Id) -> list[Maybe]:
        return self._may.get(point, [None])

    def told(self, report: qf.WriteReport, rows: Sequence[Row], before: Collection[int] = ()) -> None:
        """After a call: what each of its rows may have made of its point, going by its state.

        Rows that were written `before` may be skipped.
        """
        in_part, missing = set(), set()
        for row, error, message in zip(
            *(to_list(report.failures[name]) for name in ("row", "error", "message")), strict=True
        ):
            in_part |= {row} if IN_PART in message else set()
            missing |= {row} if error == "missing" else set()
        for number, (row, state) in enumerate(zip(rows, states_of(report), strict=False)):
            if row.bad or row.left_out:
                # Rows with nothing to do are only then known to be such when it is their turn.
                ended = not row.bad and report.ended_by is not None
                assert state in ("failed" if row.bad else "skipped", *(["unsent"] if ended else [])), (number, report)
                continue
            assert row.id is not None
            if state == "skipped" and number in before:
                continue
            may = self.may(row.id)
            if row.needs and (state == "skipped" or number in missing):
                # It said that there is no such point.
                left = [held for held in may if held is None]
            elif state in ("failed", "unsent") and number not in in_part:
                left = may
            else:
                changed = [row.change(held) for held in may if held is not None or not row.needs]
                left = changed if state == "written" else [*may, *changed]
                assert state != "skipped", (number, report)
            assert left, (number, state, shown(may[0]), report)
            self._may[row.id] = list({shown(held): held for held in left}.values())

    def changed(self, change: Change, *, surely: bool) -> None:
        """After a write by filter."""
        for point, may in self._may.items():
            left = [change(held) for held in may] + ([] if surely else may)
            self._may[point] = list({shown(held): held for held in left}.values())

    def agree(self, found: Mapping[Id, Maybe]) -> None:
        """Nothing else is stored."""
        for point in [*self._may, *(found.keys() - self._may.keys())]:
            allowed = [shown(held) for held in self.may(point)]
            assert shown(found.get(point)) in allowed, (point, shown(found.get(point)), allowed)


def all_told(report: qf.WriteReport, rows: Iterable[Row], there: Mapping[Id, Maybe], missing: str) -> None:
    """Without faults nothing is left open: every row has the one state that it must have."""
    now, expected = dict(there), []
    for row in rows:
        if row.bad or row.left_out:
            expected.append("failed" if row.bad else "skipped")
            continue
        assert row.id is not None
        if row.needs and now.get(row.id) is None:
            expected.append("failed" if missing == "report" else "skipped")
        else:
            expected.append("written")
            now[row.id] = row.change(now.get(row.id))
    assert states_of(report) == expected, report


def at_once(report: qf.WriteReport) -> None:
    """Without faults nothing is repeated; a batch with ids that are not there costs a question a kind of id, and one
    request more.
    """
    missing = report.skipped or "missing" in to_list(report.failures["error"])
    # It may wait: the brake is that of all calls.
    assert report.retries == 0
    assert report.requests <= report.batches * (4 if missing else 1), report
