"""Calls beside the caller: each to its end, in threads that are used again."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import pytest

from qframe.reading.flight import IDLE, Flight, _Threads

ROOT = Path(__file__).parent.parent


def test_what_a_call_gives_and_what_it_raises() -> None:
    assert Flight(lambda: 7).result() == 7
    with pytest.raises(ZeroDivisionError):
        Flight(lambda: 1 // 0).result()


def test_calls_side_by_side_do_not_wait_for_each_other() -> None:
    meeting = threading.Barrier(5, timeout=10)
    flights = [Flight(meeting.wait) for _ in range(4)]
    meeting.wait()
    assert {flight.result() for flight in flights} < set(range(5))


def test_one_call_after_the_other_takes_one_thread() -> None:
    """Each thread has an arena of its own in glibc, which keeps what is freed there."""
    used = [Flight(threading.get_ident).result() for _ in range(200)]
    assert len(set(used)) == 1


def test_threads_without_calls_end() -> None:
    thread = Flight(threading.current_thread).result()
    thread.join(IDLE + 10)
    assert not thread.is_alive()


def test_a_thread_keeps_no_result_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    class Page:
        """What can be referred to weakly."""

    monkeypatch.setattr("qframe.reading.flight._threads", _Threads())
    freed = threading.Event()
    flight = Flight(Page)
    weakref.finalize(flight.result(), freed.set)
    del flight
    assert freed.wait(IDLE / 2)


def test_ctrl_c_while_a_thread_starts_leaves_nothing_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    start, started = threading.Thread.start, []

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        started.append(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr("qframe.reading.flight._threads", _Threads())
    monkeypatch.setattr(threading.Thread, "start", interrupted)
    made = threading.Event()
    with pytest.raises(KeyboardInterrupt):
        Flight(made.set)
    # Its end would be told to the guard a second time.
    assert not made.wait(0.2)
    started[0].join(10)
    assert not started[0].is_alive()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_has_threads_of_its_own() -> None:
    code = (
        "import os, time, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "from qframe.reading.flight import Flight\n"
        "Flight(int).result()\n"
        "time.sleep(0.2)\n"
        "if os.fork() == 0:\n"
        "    print(Flight(lambda: 7).result(), flush=True)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == ("7\n", "")
