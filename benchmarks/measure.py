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


def main() -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    job = Job(**json.loads(sys.stdin.readline()))
    run = importlib.import_module(f"benchmarks.{job.way}").prepare(job)
    forget_peak()
    before = peak_bytes()
    for line in sys.stdin:
        json.dump({**turn(run, float(line)), "peak": peak_bytes(), "grown": peak_bytes() - before}, out)
        out.write("\n")
        out.flush()


def turn(run: Callable[[], int], seconds: float) -> dict[str, float]:
    """Run once, and again until the seconds are over: short runs would show how the caches were left by the others."""
    rows, cpu, begin = 0, time.process_time(), time.perf_counter()
    while True:
        rows += run()
        spent = time.perf_counter() - begin
        if spent >= seconds:
            return {"rows": rows, "seconds": spent, "cpu": time.process_time() - cpu}


if __name__ == "__main__":
    main()
