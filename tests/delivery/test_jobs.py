"""Parallel work as it really runs: threads, processes, the ambient configuration."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import joblib
import pytest

import qframe as qf
from qframe.delivery.jobs import InFlight, Jobs, run


def square(number: int) -> tuple[int, int, int]:
    return number * number, os.getpid(), threading.get_ident()


def results(jobs: Jobs, **options: bool) -> list[tuple[int, int, int]]:
    options = {"shared_memory_only": False, "parallel": True} | options
    return list(run(square, iter(range(20)), jobs, **options))


@pytest.mark.parametrize(
    "jobs", [Jobs(), Jobs(1), Jobs(2), Jobs(2, "loky"), Jobs(2, "ambient"), Jobs(-1)], ids=lambda jobs: str(jobs)
)
def test_every_task_gives_its_result(jobs: Jobs) -> None:
    assert sorted(square for square, _, _ in results(jobs)) == [number * number for number in range(20)]


def test_threads_stay_in_this_process_and_loky_does_not() -> None:
    assert {pid for _, pid, _ in results(Jobs(2))} == {os.getpid()}
    assert os.getpid() not in {pid for _, pid, _ in results(Jobs(2, "loky"))}


def test_ambient_takes_what_parallel_config_says() -> None:
    with joblib.parallel_config(backend="loky", n_jobs=2):
        assert os.getpid() not in {pid for _, pid, _ in results(Jobs(None, "ambient"))}
        # A target that only this process can use stays here whatever the configuration says.
        assert {pid for _, pid, _ in results(Jobs(None, "ambient"), shared_memory_only=True)} == {os.getpid()}


def test_processes_are_refused_where_only_this_one_can_work() -> None:
    with pytest.raises(qf.UnsupportedError, match="loky"):
        results(Jobs(2, "loky"), shared_memory_only=True)


def test_one_worker_works_in_this_thread() -> None:
    assert {thread for _, _, thread in results(Jobs(1))} == {threading.get_ident()}
    assert {thread for _, _, thread in results(Jobs(4), parallel=False)} == {threading.get_ident()}


def test_tasks_are_pulled_as_workers_become_free() -> None:
    pulled: list[int] = []
    go_on = threading.Event()

    def tasks() -> Iterator[int]:
        for number in range(50):
            pulled.append(number)
            yield number

    def held(number: int) -> int:
        if number:
            go_on.wait(30)
        return number

    found = run(held, tasks(), Jobs(2), shared_memory_only=False, parallel=True)
    assert next(found) == 0
    assert len(pulled) <= 5
    go_on.set()
    assert sorted(found) == list(range(1, 50))


@pytest.mark.parametrize("options", [{"n_jobs": 0}, {"n_jobs": 1.5}, {"backend": "multiprocessing"}])
def test_senseless_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(qf.OptionError, match=next(iter(options))):
        Jobs(**options)


def test_an_interrupted_call_waits_for_what_is_on_its_way_and_no_longer() -> None:
    flight = InFlight()
    flight.begin(1)
    flight.begin(2)
    flight.end(2, "second")
    threading.Timer(0.05, flight.end, (1, "first")).start()
    assert sorted(flight.settle(5)) == ["first", "second"]
    flight.begin(3)
    start = time.monotonic()
    assert flight.settle(0.05) == []
    assert time.monotonic() - start < 2
