"""Brakes are a target's, in one process; stops are a call's."""

from __future__ import annotations

import gc
import math
import threading
import time

import qframe as qf
from qframe.delivery import gate as gates
from qframe.delivery.gate import KEPT_BRAKES, Brake, Gate, brake_of
from qframe.delivery.worker import gate_of, release


def test_a_hold_is_one_for_all_gates_with_the_brake() -> None:
    brake = Brake()
    gate, other, stranger = Gate(brake), Gate(brake), Gate()
    gate.hold(0.05)
    assert stranger.wait(math.inf) == 0.0
    assert other.wait(math.inf) > 0.0
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
    gate.wait(math.inf)
    growing.join()
    assert time.monotonic() >= brake.until


def test_a_wait_ends_at_the_latest_moment() -> None:
    gate = Gate()
    gate.hold(1000)
    assert gate.wait(time.monotonic() + 0.02) < 500
    assert gate.wait(0.0) == 0.0


def test_a_stop_is_for_one_call_alone() -> None:
    brake = Brake()
    gate, other = Gate(brake), Gate(brake)
    gate.hold(1000)
    threading.Timer(0.05, gate.stop).start()
    assert 0 < gate.wait(math.inf) < 500
    gate.pause(1000)
    assert gate.stopped
    assert not other.stopped


def test_calls_to_one_target_share_the_brake_and_nothing_else() -> None:
    one, again = qf.connect("http://somewhere:6333"), qf.connect("http://somewhere:6333", api_key=None, timeout=5)
    elsewhere = qf.connect("http://elsewhere:6333")
    first, second, far = gate_of(one, "first"), gate_of(again, "second"), gate_of(elsewhere, "third")
    assert first is gate_of(one, "first")
    first.hold(1000)
    first.stop()
    assert not second.stopped
    assert second.wait(time.monotonic() + 0.01) > 0
    assert far.wait(math.inf) == 0.0
    for connection, call in ((one, "first"), (again, "second"), (elsewhere, "third")):
        release(connection, call)
    # A call that begins when those that were told to wait are over and forgotten waits too.
    del first, second
    gc.collect()
    late = gate_of(one, "fourth")
    assert not late.stopped
    assert late.wait(time.monotonic() + 0.01) > 0
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
