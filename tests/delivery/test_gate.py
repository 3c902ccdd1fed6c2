"""Brakes are a target's, in one process; stops are a call's."""

from __future__ import annotations

import gc
import math
import threading
import time

import qframe as qf
from qframe.delivery import gate as gates
from qframe.delivery.gate import KEPT_BRAKES, Brake, Gate, Turn, brake_of
from qframe.delivery.worker import gate_of, release


def wait(gate: Gate, latest: float = math.inf) -> float:
    """Seconds that a request was held back; it is over at once."""
    turn = gate.turn()
    if gate.enter(turn, latest):
        gate.leave(turn)
    return turn.waited


def hold(gate: Gate, seconds: float) -> None:
    """What a request does that is told to wait."""
    gate.leave(gate.turn(), again=seconds)


def test_a_hold_is_one_for_all_gates_with_the_brake() -> None:
    brake = Brake()
    gate, other, stranger = Gate(brake), Gate(brake), Gate()
    hold(gate, 0.05)
    assert wait(stranger, math.inf) == 0.0
    assert wait(other, math.inf) > 0.0
    assert time.monotonic() >= brake.until


def test_a_shorter_hold_does_not_open_the_gate_sooner() -> None:
    brake = Brake()
    brake.hold(1000)
    until = brake.until
    brake.hold(1)
    assert brake.until == until


def test_a_wait_goes_on_when_the_hold_grows_meanwhile() -> None:
    brake = Brake()
    gate = Gate(brake)
    brake.hold(0.1)
    growing = threading.Thread(target=brake.hold, args=(0.3,))
    growing.start()
    wait(gate, math.inf)
    growing.join()
    assert time.monotonic() >= brake.until


def test_a_wait_ends_at_the_latest_moment() -> None:
    gate = Gate()
    hold(gate, 1000)
    assert wait(gate, time.monotonic() + 0.02) < 500
    assert wait(gate, 0.0) == 0.0


def test_a_stop_is_for_one_call_alone() -> None:
    brake = Brake()
    gate, other = Gate(brake), Gate(brake)
    hold(gate, 1000)
    threading.Timer(0.05, gate.stop).start()
    assert 0 < wait(gate, math.inf) < 500
    gate.pause(1000)
    assert gate.stopped
    assert not other.stopped


def test_calls_to_one_target_share_the_brake_and_nothing_else() -> None:
    one, again = qf.connect("http://somewhere:6333"), qf.connect("http://somewhere:6333", api_key=None, timeout=5)
    elsewhere = qf.connect("http://elsewhere:6333")
    first, second, far = gate_of(one, "first"), gate_of(again, "second"), gate_of(elsewhere, "third")
    assert first is gate_of(one, "first")
    hold(first, 1000)
    first.stop()
    assert not second.stopped
    assert wait(second, time.monotonic() + 0.01) > 0
    assert wait(far, math.inf) == 0.0
    for connection, call in ((one, "first"), (again, "second"), (elsewhere, "third")):
        release(connection, call)
    # A call that begins when those that were told to wait are over and forgotten waits too.
    del first, second
    gc.collect()
    late = gate_of(one, "fourth")
    assert not late.stopped
    assert wait(late, time.monotonic() + 0.01) > 0
    release(one, "fourth")


def test_brakes_in_use_stay_the_same_and_others_are_forgotten() -> None:
    held = brake_of("held")
    for number in range(3 * KEPT_BRAKES):
        brake_of(f"target {number}")
    assert brake_of("held") is held
    gc.collect()
    assert len(gates._recent) <= KEPT_BRAKES
    assert len(gates._in_use) <= KEPT_BRAKES + 1


def test_many_threads_get_one_brake() -> None:
    barrier, found = threading.Barrier(8), []

    def get() -> None:
        barrier.wait(30)
        brake = brake_of("contended")
        for _ in range(100):
            brake.hold(0.0)
        found.append(brake)

    threads = [threading.Thread(target=get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def passing(gate: Gate, turns: list[Turn]) -> list[int]:
    """Which of these requests, all of which wait, would pass now; none of them is over."""
    return [place for place, turn in enumerate(turns) if gate.enter(turn, time.monotonic() + 0.01)]


def test_after_a_hold_requests_pass_by_their_turns_and_few_at_a_time() -> None:
    gate = Gate()
    turns = [gate.turn() for _ in range(6)]
    assert passing(gate, turns) == [0, 1, 2, 3, 4, 5]
    gate.leave(turns[3], again=0.0)
    # Those that were under way when the brake was put on say nothing about what passes after it.
    for earlier in (0, 1, 2):
        gate.leave(turns[earlier])
    assert passing(gate, turns[:4]) == [0]
    assert passing(gate, turns[1:4]) == []
    gate.leave(turns[0])
    assert passing(gate, turns[1:4]) == [0]
    gate.leave(turns[1])
    assert passing(gate, turns[2:]) == [0, 1]
    gate.leave(turns[2])
    assert passing(gate, turns[:3]) == [0, 1]


def test_of_those_that_wait_the_first_turn_passes_first() -> None:
    gate, passed = Gate(), []
    gate.leave(gate.turn(), again=0.2)
    turns = [gate.turn() for _ in range(5)]

    def request(turn: Turn) -> None:
        assert gate.enter(turn, math.inf)
        passed.append(turn.number)
        gate.leave(turn)

    threads = [threading.Thread(target=request, args=(turn,)) for turn in reversed(turns)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    # From the third one on two may pass at a time.
    assert passed[:2] == [turn.number for turn in turns[:2]]
    assert sorted(passed) == [turn.number for turn in turns]


def test_a_stopped_request_leaves_its_place_to_the_next() -> None:
    brake = Brake()
    stopped, other = Gate(brake), Gate(brake)
    turn, passed = stopped.turn(), []
    stopped.leave(stopped.turn(), again=0.1)
    first = threading.Thread(target=lambda: passed.append(stopped.enter(turn, math.inf)))
    first.start()
    stopped.stop()
    first.join(30)
    assert passed == [False]
    assert other.enter(other.turn(), math.inf)
