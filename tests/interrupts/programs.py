"""Programs of their own that the tests start, disturb, and wait for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qframe as qf
from tests.loopback.process import Server

SCRIPTS = Path(__file__).parent
ROOT = SCRIPTS.parents[1]
ROWS = 1_000
PATIENCE = 30.0
"""Seconds after which a program counts as hanging."""

WORKERS: dict[str, dict[str, Any]] = {
    "one": {"n_jobs": 1},
    "threads": {"n_jobs": 4},
    "loky": {"n_jobs": 2, "backend": "loky"},
}


def until(look: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.01)


@dataclass
class Program:
    """A script in a process group of its own, as a terminal would start it."""

    process: subprocess.Popen[str]

    def interrupt(self, *, group: bool = True) -> None:
        """What a terminal does at Ctrl-C (all processes of the group), or a signal to the program alone."""
        (os.killpg if group else os.kill)(self.process.pid, signal.SIGINT)

    def workers(self) -> list[int]:
        """Process ids of loky's workers."""
        return workers_of(self.process.pid)

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> tuple[int, str, str]:
        """Return code, last line and standard error, once it has ended and left no process behind."""
        out, err = self.process.communicate(timeout=PATIENCE)
        until(lambda: not alive(self.process.pid), "the end of all processes")
        return self.process.returncode, (out.strip().splitlines() or [""])[-1], err


def workers_of(process: int) -> list[int]:
    """Process ids of the workers of loky that a process has."""
    found = subprocess.run(["ps", "-wweo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    lines = [line.split(None, 2) for line in found.splitlines()]
    return [int(pid) for pid, parent, args in lines if int(parent) == process and "popen_loky" in args]


class Deadly:
    """A key that ends a worker process which asks for it, or is given it; once, as the file `struck` says."""

    def __init__(self, phase: str, struck: Path) -> None:
        self.phase, self.struck, self._home, self._asked = phase, struck, os.getpid(), 0

    def __call__(self) -> str:
        self._asked += 1
        if self.phase == "sending" and self._asked > 3:
            self._strike()
        return "a key"

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = state
        if self.phase == "loading":
            self._strike()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Deadly) and self.struck == other.struck

    def __hash__(self) -> int:
        return hash(self.struck)

    def _strike(self) -> None:
        if os.getpid() != self._home and not self.struck.exists():
            self.struck.touch()
            os._exit(0)


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def running(script: str, spec: dict[str, Any]) -> Iterator[Program]:
    process = subprocess.Popen(
        [sys.executable, str(SCRIPTS / script), json.dumps(spec)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield Program(process)
    finally:
        if alive(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def spec_of(connection: qf.Connection, server: Server, name: str, **more: Any) -> dict[str, Any]:
    connect = {"transport": connection.transport, "grpc_port": server.grpc_port}
    return {"target": server.url, "connect": connect, "name": name, "rows": ROWS, **more}


def stored(name: str, connection: qf.Connection) -> set[int]:
    found = qf.read(name, connection=connection, columns=[], frame="arrow")
    return set(found["id"].to_pylist())


def check(said: dict[str, Any], there: set[int], rows: int = ROWS) -> dict[str, set[int]]:
    """The report is true: every row has one state, and the content agrees with what it claims."""
    states = {state: set(found) for state, found in said["states"].items()}
    assert sorted(row for found in said["states"].values() for row in found) == list(range(rows))
    assert states["written"] <= there
    assert not states["unsent"] & there
    assert not states["failed"] & there
    assert said["failures"] == len(states["failed"] | states["unknown"])
    return states
