"""The end of every write: the report, and the error or interrupt that carries it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pyarrow as pa

from qframe.backends.faults import error_of
from qframe.delivery.interrupts import Held
from qframe.delivery.ledger import Ledger
from qframe.errors import WriteError, WriteInterrupted
from qframe.frames.picking import Identify
from qframe.frames.source import Library
from qframe.report import WriteReport
from qframe.write.flow import Ending
from qframe.write.options import WriteSettings

log = logging.getLogger("qframe")


@dataclass(frozen=True, slots=True)
class Call:
    """What a report says of the call itself."""

    operation: str
    collection: str
    target: str
    transport: str
    created: bool
    library: Library
    index: object
    by_filter: int = 0
    resumed: int = 0
    complete: bool = True
    frames: tuple[int, ...] = ()
    identify: Identify | None = None


def conclude(
    call: Call,
    ledger: Ledger,
    ids: pa.Array | None,
    ending: Ending,
    settings: WriteSettings,
    interrupts: Held,
    seconds: float,
) -> WriteReport:
    """The report of a call that is over.

    Raises
    ------
    WriteInterrupted
        After Ctrl-C.
    WriteError
        When rows are missing, or were not even read, with ``errors="raise"``; or when the source itself failed after
        rows had been sent.
    Exception
        What the source raised, when nothing had been sent.
    """
    ledger.settle()
    totals = ledger.totals
    report = WriteReport(
        operation=call.operation,
        collection=call.collection,
        target=call.target,
        transport=call.transport,
        created=call.created,
        library=call.library,
        states=ledger.states[: ledger.length].copy(),
        details=tuple(ledger.failures),
        failures_truncated=ledger.failures_truncated,
        batches=totals.batches,
        requests=totals.requests,
        retries=totals.retries,
        nbytes=totals.nbytes,
        throttled=totals.throttled,
        seconds=seconds,
        ended_by=_reason(ending, ledger, left=not call.complete),
        id_column=ids,
        index=call.index,
        by_filter=call.by_filter,
        resumed=call.resumed,
        drained=ending.drained,
        complete=call.complete,
        frames=call.frames,
        identify=call.identify,
    )
    log.info("write ended", extra={"collection": call.collection, "rows": report.total, **report.counts})
    missing = report.failed + report.unknown + report.unsent > 0 or not report.complete
    # What came when all had been heard is told with the report too: a plain KeyboardInterrupt would lose it.
    if ending.interrupted or interrupts.interrupted():
        raise WriteInterrupted(repr(report), report=report) from ending.error
    if ending.error is not None:
        if totals.requests + report.unknown == 0:
            raise ending.error
        raise WriteError(repr(report), report=report) from ending.error
    if settings.errors == "raise" and missing:
        raise WriteError(repr(report), report=report) from ending.broken or _fatal(call, ledger)
    return report


def _fatal(call: Call, ledger: Ledger) -> Exception | None:
    """The error of what ended the call for all batches: a wrong key, say."""
    return None if ledger.fatal is None else error_of(ledger.fatal, collection=call.collection, target=call.target)


def _reason(ending: Ending, ledger: Ledger, *, left: bool) -> str | None:
    """Why the call ended early; a rule that ended it when all had been sent ended nothing."""
    if ending.interrupted:
        return "interrupted"
    if ending.error is not None:
        return f"{type(ending.error).__name__}: {ending.error}"
    if ending.broken is not None:
        return f"the workers broke off, {type(ending.broken).__name__}: {ending.broken}"
    return ending.reason if left or ledger.count("unsent") or ledger.count("unknown") else None
