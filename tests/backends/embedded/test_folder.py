"""A root folder: its lock, what a crash leaves, forks, temporary folders, full disks, what is not ours."""

import errno
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from collections import namedtuple
from pathlib import Path

import pytest

from qframe.backends import embedded
from qframe.backends.embedded import folder as folder_module
from qframe.backends.embedded.backend import EmbeddedBackend
from qframe.errors import FolderInUseError, ForkedProcessError, TargetError
from qframe.model.outcome import Fault
from qframe.model.requests import Create, Describe, Drop, Exists, ListCollections
from tests.backends.embedded.steps import CONFIG, TIMEOUT, count, created, numbers, points, stored, write

posix = pytest.mark.skipif(sys.platform == "win32", reason="fork and kill -9 are POSIX")


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Another process that runs `code` and can be talked to."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )


HOLDER = """
    import sys
    from qframe.backends import embedded
    backend = embedded.open(sys.argv[1])
    print("open", flush=True)
    sys.stdin.read()
"""


def test_another_process_is_told_who_has_the_folder(folder: Path) -> None:
    with python(HOLDER, str(folder)) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(FolderInUseError) as error:
            embedded.open(str(folder))
        assert str(folder) in str(error.value)
        assert f"process {holder.pid}" in str(error.value)
        holder.communicate("")
    embedded.open(str(folder)).close()


def test_one_process_may_open_it_twice_under_two_names(folder: Path, tmp_path: Path) -> None:
    first = embedded.open(str(folder))
    link = tmp_path / "link"
    link.symlink_to(folder)
    second = embedded.open(str(link))
    created(first)
    stored(second, points(numbers(1)))
    second.close()
    assert count(first) == 1
    first.close()
    first.close()
    third = embedded.open(str(folder))
    assert count(third) == 1
    third.close()


def test_a_closed_backend_says_so(folder: Path) -> None:
    backend = embedded.open(str(folder))
    backend.close()
    answer = backend.admin(ListCollections(), TIMEOUT)
    assert isinstance(answer, Fault)
    assert answer.kind == "fatal"
    assert "closed" in answer.message


def test_a_forgotten_backend_lets_go(folder: Path) -> None:
    embedded.open(str(folder))
    with python(HOLDER, str(folder)) as other:
        assert other.communicate("")[0] == "open\n"


@posix
def test_after_a_fork_every_call_says_so(backend: EmbeddedBackend, folder: Path) -> None:
    created(backend)
    stored(backend, points(numbers(1)))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        causes = [write(backend, points(numbers(2))), count(backend), backend.admin(Exists("places"), TIMEOUT)]
        try:
            embedded.open(str(folder))
        except ForkedProcessError as error:
            causes.append(Fault("fatal", "no", str(error), cause="raised"))
        backend.close()
        os.write(writer, json.dumps([getattr(item, "cause", str(item)) for item in causes]).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        assert json.load(pipe) == ["fork", "fork", "fork", "raised"]
    stored(backend, points(numbers(3)))
    assert count(backend) == 2


@posix
def test_a_child_keeps_collections_from_being_opened_again(backend: EmbeddedBackend, folder: Path) -> None:
    created(backend)
    stored(backend, points(numbers(1)))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    backend.close()
    again = embedded.open(str(folder))
    answer = count(again)
    assert isinstance(answer, Fault)
    assert (answer.kind, answer.cause) == ("fatal", "in_use")
    os.close(writer)
    os.waitpid(child, 0)
    assert count(again) == 1
    again.close()


@posix
def test_a_child_that_ends_leaves_a_temporary_folder_to_its_parent() -> None:
    with python(
        """
        import os, sys
        from qframe.backends import embedded
        backend = embedded.open(None)
        if os.fork() == 0:
            sys.exit(0)
        os.wait()
        print(backend.path, os.path.exists(backend.path))
        """
    ) as parent:
        path, there = parent.communicate()[0].split()
    assert there == "True"
    assert not Path(path).exists()


@posix
def test_kill_9_loses_nothing_acknowledged(folder: Path) -> None:
    with python(
        """
        import sys
        from qframe.backends import embedded
        from tests.backends.embedded.steps import created, numbers, points, stored
        backend = embedded.open(sys.argv[1])
        created(backend)
        at = 0
        while True:
            stored(backend, points(numbers(*range(at, at + 50))))
            at += 50
            print(at, flush=True)
        """,
        str(folder),
    ) as writer:
        assert writer.stdout is not None
        acknowledged = 0
        while acknowledged < 1000:
            acknowledged = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split()  # what has been read ahead too, which `communicate` does not see
    acknowledged = max(acknowledged, *(int(line) for line in rest), 0)
    backend = embedded.open(str(folder))
    assert count(backend) in (acknowledged, acknowledged + 50)
    assert count(backend, {"must": {"has_id": list(range(acknowledged))}}) == acknowledged
    backend.close()


def test_a_temporary_folder_goes_with_its_backend() -> None:
    backend = embedded.open(None)
    other = embedded.open(None)
    path = Path(backend.path)
    created(backend)
    assert path.is_dir()
    assert other.admin(Exists("places"), TIMEOUT) is False
    backend.close()
    other.close()
    assert not path.exists()


def test_a_temporary_folder_goes_with_its_process() -> None:
    with python("from qframe.backends import embedded; b = embedded.open(None); print(b.path)") as other:
        path = other.communicate()[0].strip()
    assert path
    assert not Path(path).exists()


def test_a_store_may_be_collected_while_another_folder_opens(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Cycle:
        pass

    lost = Cycle()
    lost.itself, lost.backend = lost, embedded.open(None)
    path = Path(lost.backend.path)
    acquire = folder_module.lock.acquire

    def collecting(root: Path) -> int:
        gc.collect()
        return acquire(root)

    monkeypatch.setattr(folder_module.lock, "acquire", collecting)
    del lost
    opening = threading.Thread(target=lambda: embedded.open(str(folder)).close(), daemon=True)
    opening.start()
    opening.join(20)
    assert not opening.is_alive(), "it waits for itself"
    assert not path.exists()


def test_collections_last(backend: EmbeddedBackend, folder: Path) -> None:
    for name in ("b", "a"):
        created(backend, name=name)
    stored(backend, points(numbers(1, 2)), name="a")
    backend.close()
    again = embedded.open(str(folder))
    assert again.admin(ListCollections(), TIMEOUT) == ["a", "b"]
    assert count(again, name="a") == 2
    assert [item.name for item in again.admin(Describe("a"), TIMEOUT).vectors] == ["", "multi", "sparse"]
    assert again.admin(Drop("a"), TIMEOUT) is True
    again.close()
    last = embedded.open(str(folder))
    assert last.admin(ListCollections(), TIMEOUT) == ["b"]
    assert len([item for item in folder.iterdir() if item.is_dir()]) == 1
    last.close()


def test_what_a_crash_left_is_tidied_up(backend: EmbeddedBackend, folder: Path) -> None:
    created(backend)
    created(backend, name="half dropped")
    backend.close()
    catalog = json.loads((folder / "collections.json").read_text())
    names = {name: item["folder"] for name, item in catalog["collections"].items()}
    (folder / names["half dropped"]).rename(folder / (names["half dropped"] + ".dropped"))
    (folder / ("0" * 32 + ".new")).mkdir()
    (folder / "notes.new").mkdir()
    again = embedded.open(str(folder))
    assert again.admin(ListCollections(), TIMEOUT) == ["places"]
    assert sorted(item.name for item in folder.iterdir() if item.is_dir()) == sorted([names["places"], "notes.new"])
    again.close()


def test_a_crash_at_the_end_of_a_create_leaves_the_collection(backend: EmbeddedBackend, folder: Path) -> None:
    created(backend)
    backend.close()
    (home,) = (item for item in folder.iterdir() if item.is_dir())
    home.rename(folder / f"{home.name}.new")
    again = embedded.open(str(folder))
    stored(again, points(numbers(1)))
    assert count(again) == 1
    again.close()


def test_a_collection_that_the_catalog_could_not_take_is_not_there(
    backend: EmbeddedBackend, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        answer = backend.admin(Create("places", CONFIG), TIMEOUT)
    assert isinstance(answer, Fault)
    assert (answer.kind, answer.applied) == ("fatal", "no")
    assert "No space left" in answer.message
    assert backend.admin(ListCollections(), TIMEOUT) == []
    assert [item for item in folder.iterdir() if item.is_dir()] == []
    created(backend)
    stored(backend, points(numbers(1)))
    backend.close()
    again = embedded.open(str(folder))
    assert count(again) == 1
    again.close()


def test_what_one_collection_cannot_flush_keeps_no_other_from_it(backend: EmbeddedBackend, folder: Path) -> None:
    class Broken:
        def flush(self) -> None:
            raise RuntimeError("no room")

        def close(self) -> None:
            pass

    for name in ("a", "b", "c"):
        created(backend, name=name)
        stored(backend, points(numbers(1)), name=name)
    shards = backend._folder._shards
    ends = [shards["a"].engine, shards["c"].engine]
    broken, shards["b"].engine = shards["b"].engine, Broken()
    with pytest.raises(RuntimeError, match="no room"):
        backend.close()
    broken.close()
    for engine in ends:
        with pytest.raises(Exception, match="not initialized"):
            engine.flush()
    again = embedded.open(str(folder))
    assert [count(again, name=name) for name in ("a", "b", "c")] == [1, 1, 1]
    again.close()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("meta.json", "{}", "qdrant_client's local mode"),
        ("thesis.tex", "", "not empty ('thesis.tex' is in it)"),
        ("collections.json", "{", "not a catalog"),
        ("collections.json", '{"format": 1}', "not a catalog"),
        ("collections.json", "[]", "not a catalog"),
        ("collections.json", '{"format": 2, "collections": {}}', "format 2"),
    ],
)
def test_a_folder_that_is_not_ours_is_left_alone(folder: Path, name: str, content: str, message: str) -> None:
    folder.mkdir()
    (folder / name).write_text(content)
    with pytest.raises(TargetError) as error:
        embedded.open(str(folder))
    assert message in str(error.value)
    assert (folder / name).read_text() == content
    (folder / name).unlink()
    embedded.open(str(folder)).close()


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(TargetError, match="needs a folder"):
            embedded.open(str(path))


@pytest.mark.skipif(sys.platform != "linux", reason="a file system that nobody can write to")
def test_a_folder_that_cannot_be_written_to() -> None:
    for path in ("/proc/places", "/proc/self"):
        with pytest.raises(TargetError, match=f"the embedded folder {path} cannot be used: .*No such file"):
            embedded.open(path)


def test_a_full_disk_is_noticed_before_the_engine_dies_of_it(
    backend: EmbeddedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    created(backend)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, 100 << 20))
    for answer in (write(backend, points(numbers(1))), backend.admin(Create("another", CONFIG), TIMEOUT)):
        assert isinstance(answer, Fault)
        assert (answer.kind, answer.applied) == ("fatal", "no")
        assert "100 MB free" in answer.message
    assert count(backend) == 0
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, folder_module.MIN_FREE_BYTES + (1 << 20)))
    stored(backend, points(numbers(1)))


def test_without_the_engine_the_error_says_what_is_missing() -> None:
    with python(
        """
        import sys
        sys.modules["qdrant_edge"] = None
        from qframe.backends import embedded
        try:
            embedded.open(None)
        except Exception as error:
            print(type(error).__name__, error)
        """
    ) as other:
        text = other.communicate()[0]
    assert text.startswith("UnsupportedError")
    assert "qdrant-edge-py" in text
