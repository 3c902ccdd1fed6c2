"""Kill -9 in the middle of a write with a checkpoint, then the same call again: every row there once, and right."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import qframe as qf
from qframe.write.checkpoint_file import read
from tests.conftest import REAL, REAL_GRPC_PORT, REAL_KEY, TARGETS

ROOT = Path(__file__).parents[1]
ROWS, BATCH = 320, 40
POINTS = (
    "before a send",
    "applied before the answer",
    "answered before the checkpoint is saved",
    "between temporary file and rename",
)
MOMENTS = 20
IDS: dict[str, dict[str, Any]] = {"given": {}, "uuid4": {"id": "uuid4", "payload": ["n"]}}

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")


class Caller:
    """The process that makes and kills calls."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.kills.calling"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, job: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    made = Caller()
    yield made
    made.process.communicate(timeout=10)


class Place:
    """A target, and the job that writes to a collection of its own there."""

    def __init__(self, kind: str, ids: str, folder: Path, request: pytest.FixtureRequest) -> None:
        connect: dict[str, Any] = {}
        if kind == "embedded":
            self.target: Any = str(folder / "store")
        elif REAL is not None:
            self.target, connect = REAL, {"transport": kind, "grpc_port": REAL_GRPC_PORT, "api_key": REAL_KEY}
        else:
            server = request.getfixturevalue("loopback")
            self.target, connect = server.url, {"transport": kind, "grpc_port": server.grpc_port}
        self.connect, self.ids = connect, ids
        self.name = f"qframe_test_{uuid.uuid4().hex[:16]}"
        self.path = folder / f"{self.name}.json"
        options = {"checkpoint": str(self.path), "batch_size": BATCH, "n_jobs": 2, **IDS[ids]}
        place = {"target": self.target, "connect": connect, "name": self.name}
        self.job = {**place, "rows": ROWS, "options": options}

    def known(self) -> int:
        """Rows that the file has as written."""
        saved = read(self.path)
        return 0 if saved is None else saved.written

    def stored(self) -> dict[int, Any]:
        """What is there: n → id and vector; each n once."""
        with qf.connect(self.target, **self.connect) as connection:
            collection = qf.collection(self.name, connection=connection)
            found = collection.read(vectors=True, frame="arrow")
            collection.drop()
        rows = found["n"].to_pylist()
        assert len(rows) == len(set(rows)), "a row is there twice"
        return dict(zip(rows, zip(found["id"].to_pylist(), found["vector"].to_pylist(), strict=True), strict=True))

    def goes_on(self, caller: Caller) -> None:
        """The same call in a fresh process, and once more: everything is there, and nothing is done again."""
        known = self.known()
        said, again = caller({**self.job, "times": 2})["said"]
        assert said["resumed"] == known
        assert said["counts"]["written"] == ROWS - known
        assert again["resumed"] == ROWS
        assert again["ids"] == said["ids"]
        stored = self.stored()
        assert sorted(stored) == list(range(ROWS))
        for n, (point, vector) in stored.items():
            assert point == (n if self.ids == "given" else said["ids"][n])
            assert vector == pytest.approx([n / (n**2 + (n + 1) ** 2) ** 0.5, (n + 1) / (n**2 + (n + 1) ** 2) ** 0.5])


@pytest.fixture
def place(kind: str, ids: str, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    return Place(kind, ids, tmp_path, request)


@pytest.mark.parametrize("ids", IDS)
@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("point", POINTS)
def test_at_a_point(place: Place, caller: Caller, point: str) -> None:
    # The first save is before the first send.
    assert caller({**place.job, "point": point, "at": 5})["killed"]
    if point == "between temporary file and rename":
        assert place.path.with_name(f"{place.path.name}.tmp").exists()
    assert place.known() <= 4 * BATCH
    place.goes_on(caller)
    assert [file.name for file in place.path.parent.glob(f"{place.name}*")] == [place.path.name]


@pytest.mark.parametrize("ids", ["uuid4"])
@pytest.mark.parametrize(("kind", "point"), [("rest", POINTS[2]), ("grpc", POINTS[3])])
def test_with_worker_processes(place: Place, caller: Caller, point: str) -> None:
    """They outlive the process that is killed, and may still send what they have."""
    place.job["options"]["backend"] = "loky"
    assert caller({**place.job, "point": point, "at": 4})["killed"]
    assert 0 < place.known() <= 3 * BATCH
    place.goes_on(caller)


@pytest.mark.parametrize("ids", IDS)
@pytest.mark.parametrize("kind", TARGETS)
def test_at_the_first_batch(place: Place, caller: Caller) -> None:
    # Without the seed, which must be saved by then, random ids would double its rows.
    assert caller({**place.job, "point": "applied before the answer", "at": 1})["killed"]
    assert place.known() == 0
    place.goes_on(caller)


@pytest.mark.parametrize("kind", ["server", "embedded"])
def test_at_any_moment(kind: str, caller: Caller, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    draw = random.Random(kind)

    def place(turn: int) -> Place:
        wire = ("rest", "grpc")[turn % 2]
        return Place(wire if kind == "server" else kind, ("given", "uuid4")[turn // 2 % 2], tmp_path, request)

    killed = 0
    for turn in range(MOMENTS):
        here, heard = place(turn), draw.randrange(ROWS // BATCH)
        # A while after so many answers; where none is waited for, the call is still opening and creating.
        seconds = draw.uniform(0, 0.01 if heard else 0.2)
        killed += caller({**here.job, "heard": heard, "seconds": seconds})["killed"]
        assert here.known() >= (heard - 1) * BATCH
        here.goes_on(caller)
    assert killed > MOMENTS / 2
