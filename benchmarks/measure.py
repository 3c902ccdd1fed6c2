"""One way of one job, measured in a process of its own: each number of seconds on stdin is a turn, answered by JSON."""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.data import Job
from benchmarks.network import transferred

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_bytes() -> int:
    """The most that was resident so far. Linux counts a parent's memory into a child's `ru_maxrss`, so not that."""
    if STATUS.exists():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def forget_peak() -> None:
    """Let the peak begin anew, so that what came before the runs does not count."""
    if CLEAR.exists():
        CLEAR.write_text("5")


def session_seconds() -> float:
    """CPU of the processes that this one made: they are of its session, alive or waited for by one that is."""
    return sum(_ticks(one) for one in Path("/proc").glob("[0-9]*")) / os.sysconf("SC_CLK_TCK")


def _ticks(process: Path) -> int:
    """Of a process of this session, and of its children that ended; of this process, only of its children."""
    try:
        line = (process / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return 0
    state = line.rpartition(")")[2].split()
    session, own, ended = int(state[3]), int(state[11]) + int(state[12]), int(state[13]) + int(state[14])
    if session != os.getsid(0):
        return 0
    return ended if process.name == str(os.getpid()) else own + ended


def main() -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    job = Job(**json.loads(sys.stdin.readline()))
    run = importlib.import_module(f"benchmarks.{job.way}").prepare(job)
    forget_peak()
    before = peak_bytes()
    for line in sys.stdin:
        found = turn(run, float(line), job.host)
        json.dump({**found, "peak": peak_bytes(), "grown": peak_bytes() - before}, out)
        out.write("\n")
        out.flush()


def turn(run: Callable[[], int], seconds: float, host: str) -> dict[str, float]:
    """Run once, and again until the seconds are over: short runs would show how the caches were left by the others."""
    rows, sent, others = 0, transferred(host), session_seconds()
    begin, cpu = time.perf_counter(), time.process_time()
    while True:
        rows += run()
        spent = time.perf_counter() - begin
        if spent >= seconds:
            break
    cpu = time.process_time() - cpu + session_seconds() - others
    return {"rows": rows, "seconds": spent, "cpu": cpu, "bytes": transferred(host) - sent}


if __name__ == "__main__":
    main()
