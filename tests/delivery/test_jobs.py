"""Parallel work as it really runs: threads, processes, the ambient configuration."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator

import joblib
import pytest

import qframe as qf
from qframe.delivery.jobs import Jobs, run, workers


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


def test_how_many_run_at_a_time() -> None:
    assert workers(Jobs(), parallel=True) == 4
    assert workers(Jobs(3, "loky"), parallel=True) == 3
    assert workers(Jobs(3), parallel=False) == workers(Jobs(1, "loky"), parallel=True) == 1
    assert workers(Jobs(-1), parallel=True) == joblib.cpu_count()
    with joblib.parallel_config(backend="threading", n_jobs=5):
        assert workers(Jobs(None, "ambient"), parallel=True) == 5
        assert workers(Jobs(2, "ambient"), parallel=True) == 2


def test_hearing_ends_when_nothing_is_heard_any_more() -> None:
    go_on = threading.Event()

    def held(number: int) -> int:
        if number:
            go_on.wait(30)
        return number

    crew = run(held, iter(range(10)), Jobs(2), shared_memory_only=False, parallel=True)
    assert list(crew.hear(time.monotonic() + 0.3)) == [0]
    assert not crew.over
    go_on.set()
    assert sorted(crew) == list(range(1, 10))


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

    found = iter(run(held, tasks(), Jobs(2), shared_memory_only=False, parallel=True))
    assert next(found) == 0
    assert len(pulled) <= 5
    go_on.set()
    assert sorted(found) == list(range(1, 50))


@pytest.mark.parametrize("jobs", [Jobs(1), Jobs(2), Jobs(2, "loky")], ids=str)
@pytest.mark.parametrize("parallel", [True, False])
def test_nothing_is_handed_out_from_the_first_task_on_that_is_refused(jobs: Jobs, parallel: bool) -> None:
    asked: list[int] = []

    def accept(number: int) -> bool:
        asked.append(number)
        return number < 5

    options = {"shared_memory_only": False, "parallel": parallel, "accept": accept}
    found = list(run(square, iter(range(20)), jobs, **options))
    assert sorted(square for square, _, _ in found) == [0, 1, 4, 9, 16]
    assert asked == [0, 1, 2, 3, 4, 5]


class TestReady:
    """One worker beside the caller, who makes the next task ready while it is busy."""

    def test_the_next_task_is_ready_before_this_one_ends(self) -> None:
        made = [threading.Event() for _ in range(5)]
        told: list[tuple[str, int]] = []

        def ready(number: int) -> int:
            told.append(("ready", number))
            made[number].set()
            return number

        def accept(number: int) -> bool:
            told.append(("accepted", number))
            return True

        def held(number: int) -> tuple[int, bool, int]:
            return number, made[min(number + 1, 4)].wait(30), threading.get_ident()

        options = {"shared_memory_only": False, "parallel": True, "ready": ready, "accept": accept}
        for number, waited, thread in run(held, iter(range(5)), Jobs(1), **options):
            told.append(("heard", number))
            assert waited
            assert thread != threading.get_ident()
        # Each is heard of before the next is handed out, and one is ready ahead of it.
        steps = [
            [("heard", number - 1), ("accepted", number)] + ([("ready", number + 1)] if number < 4 else [])
            for number in range(1, 5)
        ]
        begun = [("ready", 0), ("accepted", 0), ("ready", 1)]
        assert told == [*begun, *(step for few in steps for step in few), ("heard", 4)]

    def test_what_the_tasks_raise_comes_when_what_was_on_its_way_has_been_heard(self) -> None:
        raised = threading.Event()

        def tasks() -> Iterator[int]:
            yield from range(3)
            raised.set()
            raise LookupError("the disk is gone")

        def held(number: int) -> tuple[int, bool]:
            return number, number < 2 or raised.wait(30)

        options = {"shared_memory_only": False, "parallel": True, "ready": lambda number: number}
        results = iter(run(held, tasks(), Jobs(1), **options))
        assert [next(results) for _ in range(3)] == [(0, True), (1, True), (2, True)]
        with pytest.raises(LookupError, match="the disk is gone"):
            next(results)

    def test_several_workers_make_their_own(self) -> None:
        options = {"shared_memory_only": False, "parallel": True}
        found = list(run(abs, iter(range(20)), Jobs(2), **options, ready=lambda number: -1))
        assert sorted(found) == list(range(20))


@pytest.mark.parametrize("options", [{"n_jobs": 0}, {"n_jobs": 1.5}, {"backend": "multiprocessing"}])
def test_senseless_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(qf.OptionError, match=next(iter(options))):
        Jobs(**options)


def test_tasks_are_made_in_the_thread_that_iterates() -> None:
    makers = set()

    def tasks() -> Iterator[int]:
        for number in range(20):
            makers.add(threading.get_ident())
            yield number

    found = list(run(square, tasks(), Jobs(3), shared_memory_only=False, parallel=True))
    assert len(found) == 20
    assert makers == {threading.get_ident()}
    assert threading.get_ident() not in {thread for _, _, thread in found}


@pytest.mark.parametrize("jobs", [Jobs(1), Jobs(2), Jobs(2, "loky")], ids=str)
def test_what_the_tasks_raise_comes_up_and_no_result_is_lost(jobs: Jobs) -> None:
    def tasks() -> Iterator[int]:
        yield from range(5)
        raise LookupError("the disk is gone")

    crew = run(square, tasks(), jobs, shared_memory_only=False, parallel=True)
    found: list[int] = []

    def hear(results: Iterable[tuple[int, int, int]]) -> None:
        for result in results:
            found.append(result[0])

    with pytest.raises(LookupError, match="the disk is gone"):
        hear(crew)
    hear(crew.settle(30))
    assert sorted(found) == [0, 1, 4, 9, 16]
    assert crew.over
    assert crew.broken is None


def test_settling_waits_for_what_is_on_its_way_and_no_longer() -> None:
    go_on = threading.Event()

    def held(number: int) -> int:
        if number:
            go_on.wait(30)
        return number

    crew = run(held, iter(range(100)), Jobs(2), shared_memory_only=False, parallel=True)
    assert next(iter(crew)) == 0
    # The result that was being dealt with when the iteration was broken off comes again.
    assert list(crew.settle(0.05)) == [0]
    assert not crew.over
    threading.Timer(0.05, go_on.set).start()
    late = list(crew.settle(30))
    assert late
    assert set(late) < {1, 2, 3, 4, 5}
    assert crew.over


def test_processes_that_are_left_end_in_the_middle_of_a_task() -> None:
    crew = run(time.sleep, iter([0, 30, 30, 30]), Jobs(2, "loky"), shared_memory_only=False, parallel=True)
    assert next(iter(crew)) is None
    begun = time.monotonic()
    crew.leave()
    list(crew.settle(20))
    assert crew.over
    assert time.monotonic() - begun < 20
    assert len(results(Jobs(2, "loky"))) == 20


def slow(number: int) -> tuple[int, int]:
    time.sleep(0.2)
    return number, os.getpid()


def test_processes_are_those_of_one_call_at_a_time() -> None:
    """Two that ask for a different number of them at once would wait for each other for ever."""
    options = {"shared_memory_only": False, "parallel": True}
    first = run(slow, iter(range(8)), Jobs(2, "loky"), **options)
    found = dict([next(iter(first))])
    second = run(slow, iter(range(8)), Jobs(3, "loky"), **options)
    beside = dict(second.hear(time.monotonic() + 30))
    assert second.over
    assert sorted(beside) == list(range(8))
    assert set(beside.values()) == {os.getpid()}
    second.leave()
    found |= dict(first.hear(time.monotonic() + 30))
    assert (first.over, first.broken) == (True, None)
    assert sorted(found) == list(range(8))
    assert os.getpid() not in found.values()
    assert os.getpid() not in {pid for _, pid, _ in results(Jobs(3, "loky"))}


def test_who_has_no_processes_ends_none() -> None:
    options = {"shared_memory_only": False, "parallel": True}
    first = run(slow, iter(range(8)), Jobs(2, "loky"), **options)
    found = dict([next(iter(first))])
    second = run(slow, iter(range(8)), Jobs(2, "loky"), **options)
    next(iter(second))
    second.leave()
    found |= dict(first.hear(time.monotonic() + 30))
    assert (first.over, first.broken, len(found)) == (True, None, 8)


def die(number: int) -> int:
    # Late enough for the first results to have been heard: joblib loses those that were finished but not yet fetched.
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.1)
    return number


def test_a_killed_worker_is_told_and_what_was_finished_is_kept() -> None:
    crew = run(die, iter(range(12)), Jobs(2, "loky"), shared_memory_only=False, parallel=True)
    found = list(crew)
    assert set(found) <= set(range(12)) - {7}
    assert found
    assert crew.over
    assert type(crew.broken).__name__ == "TerminatedWorkerError"
    assert len(results(Jobs(2, "loky"))) == 20
