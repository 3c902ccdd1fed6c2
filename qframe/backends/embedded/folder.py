"""A root folder that is open in this process: its lock, its catalog, and the shards that were opened so far.

It is opened once a process and real path, however many backends name it, because the engine refuses a second open even
there. It knows nothing of requests.
"""

from __future__ import annotations

import os
import shutil
import threading
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from qframe import locking
from qframe.backends.embedded import catalog, lock
from qframe.backends.embedded.catalog import Entry
from qframe.backends.embedded.configs import Layout, edge_config, layout
from qframe.backends.embedded.engine import attempt, edge
from qframe.backends.embedded.temporary import temporary_folder
from qframe.errors import ForkedProcessError, QframeError, TargetError
from qframe.model.outcome import Fault

MIN_FREE_BYTES = 150 * 1024 * 1024
"""A shard reserves 67–131 MB of sparse files, and the process dies of SIGBUS when the disk cannot back them."""

_LEFT_OVER = (".new", ".dropped")
_FORK = (
    "the embedded engine was opened before this process was forked: here it would hang or lose data. Start worker "
    "processes by 'spawn' or 'forkserver' and connect in them, or use threads"
)


class Shard:
    """An open collection: the engine's shard and what its vectors look like."""

    __slots__ = ("config", "engine", "layout", "path")

    def __init__(self, engine: Any, path: Path, config: Mapping[str, Any], layout_: Layout) -> None:
        self.engine = engine
        self.path = path
        self.config = config
        self.layout = layout_

    def payload_bytes(self) -> int:
        """What payload takes on the disk, places that are free again included."""
        found = (item.stat() for item in self.path.glob("segments/*/payload_storage/*"))
        # The files are as long as they may become; Windows does not say how much of them is there.
        return sum(512 * item.st_blocks if hasattr(item, "st_blocks") else item.st_size for item in found)


class Folder:
    """The state of one root folder. Every method may be called from several threads."""

    def __init__(self, root: Path, temporary: bool) -> None:
        self.root = root
        self.temporary = temporary
        self.pid = os.getpid()
        self.users = 0
        self._lock = threading.RLock()
        self._shards: dict[str, Shard] = {}
        self._descriptor = lock.acquire(root)
        try:
            self._entries = catalog.read(root)
            self._sweep()
        except BaseException:
            locking.release(self._descriptor)
            raise

    def _sweep(self) -> None:
        """Finish what a crash in the middle of a create or a drop has left."""
        for entry in self._entries.values():
            if (fresh := self.root / f"{entry.folder}.new").exists():
                fresh.rename(self.root / entry.folder)
        gone = [name for name, entry in self._entries.items() if (self.root / f"{entry.folder}.dropped").exists()]
        if gone:
            for name in gone:
                del self._entries[name]
            catalog.write(self.root, self._entries)
        for item in self.root.iterdir():
            if item.is_dir() and item.suffix in _LEFT_OVER and _is_hex(item.stem):
                shutil.rmtree(item)

    def forked(self) -> Fault | None:
        """A fault when this process is not the one that opened the folder."""
        if os.getpid() == self.pid:
            return None
        return Fault(kind="fatal", applied="no", message=_FORK, cause="fork")

    def names(self) -> list[str]:
        """Names of the collections, sorted."""
        with self._lock:
            return sorted(self._entries)

    def shard(self, name: str) -> Shard | Fault:
        """An open shard; opened on first use."""
        with self._lock:
            if name in self._shards:
                return self._shards[name]
            entry = self._entries.get(name)
            if entry is None:
                return missing(name)
            opened = self._load(self.root / entry.folder, entry.config)
            if not isinstance(opened, Fault):
                self._shards[name] = opened
            return opened

    def flush(self, name: str) -> Fault | None:
        """Make what is written to a collection outlast a power loss. Takes 5 to 100 ms."""
        with self._lock:
            shard = self._shards.get(name)
            # One that is not open was flushed when it was closed, or is read from its log when it opens.
            return None if shard is None else attempt(shard.engine.flush)

    def _load(self, path: Path, config: Mapping[str, Any]) -> Shard | Fault:
        settings = edge_config(config)
        if isinstance(settings, Fault):
            return settings
        engine = attempt(edge.EdgeShard.load, str(path), settings)
        return engine if isinstance(engine, Fault) else Shard(engine, path, config, layout(config))

    def create(self, name: str, config: Mapping[str, Any]) -> Fault | None:
        """Make a collection. The catalog decides: a crash before it is written leaves no trace of the collection, one
        afterwards all of it.
        """
        with self._lock:
            if name in self._entries:
                return Fault("refused", "no", f"Wrong input: Collection `{name}` already exists!", cause="exists")
            settings = edge_config(config)
            if isinstance(settings, Fault):
                return settings
            full = self.disk_full(0)
            if full is not None:
                return full
            entry = Entry(uuid.uuid4().hex, dict(config))
            fresh = self.root / f"{entry.folder}.new"
            fault = attempt(_make_shard, str(fresh), settings)
            if fault is not None:
                shutil.rmtree(fresh, ignore_errors=True)
                return fault
            entries = {**self._entries, name: entry}
            try:
                catalog.write(self.root, entries)
            except OSError as error:
                shutil.rmtree(fresh, ignore_errors=True)
                return Fault("fatal", "no", f"the catalog of {self.root} cannot be written: {error}")
            fresh.rename(self.root / entry.folder)
            self._entries = entries
            return None

    def drop(self, name: str) -> bool:
        """Remove a collection; False when there is none."""
        with self._lock:
            entry = self._entries.get(name)
            if entry is None:
                return False
            shard = self._shards.pop(name, None)
            if shard is not None:
                shard.engine.close()
            gone = self.root / f"{entry.folder}.dropped"
            (self.root / entry.folder).rename(gone)
            del self._entries[name]
            catalog.write(self.root, self._entries)
            shutil.rmtree(gone)
            return True

    def disk_full(self, nbytes: int) -> Fault | None:
        """A fault when the disk has less room than a write of `nbytes` may want. Costs 2 µs."""
        free = shutil.disk_usage(self.root).free
        if free >= MIN_FREE_BYTES + nbytes:
            return None
        needed = (MIN_FREE_BYTES + nbytes) >> 20
        return Fault(
            "fatal", "no", f"the disk of {self.root} has {free >> 20} MB free, the embedded engine needs {needed} MB"
        )

    def shut(self) -> None:
        """Flush and close everything. In a forked child nothing is touched: it all belongs to the parent."""
        if os.getpid() != self.pid:
            return
        with self._lock, ExitStack() as ending:  # all of it, whatever fails on the way
            if self.temporary:
                ending.callback(shutil.rmtree, self.root, ignore_errors=True)
            ending.callback(locking.release, self._descriptor)
            for shard in self._shards.values():
                ending.callback(shard.engine.close)
                ending.callback(shard.engine.flush)
            self._shards.clear()


def _make_shard(path: str, settings: Any) -> None:
    engine = edge.EdgeShard.create(path, settings)
    engine.flush()
    engine.close()


def missing(name: str) -> Fault:
    """The fault for a collection that is not there, in the server's words."""
    return Fault("fatal", "no", f"Not found: Collection `{name}` doesn't exist!", cause="collection")


_open: dict[str, Folder] = {}
# Reentrant, since a backend may be collected, and its folder so given back, by the garbage collection of an opening.
_guard = threading.RLock()


def _renew_guard() -> None:
    """Another thread may have held it when the process was forked."""
    global _guard
    _guard = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_guard)


def borrow(folder: str | None) -> Folder:
    """The open folder of a path, opened if need be; to be given back with `give_back`.

    Raises
    ------
    FolderInUseError
        Another process has it open.
    ForkedProcessError
        It was opened before this process was forked.
    TargetError
        The path is a file, or a folder that holds something else or cannot be written to.
    """
    if folder is None:
        return _opened(temporary_folder(), temporary=True)
    root = Path(folder).expanduser()
    try:
        root.mkdir(parents=True, exist_ok=True)
        return _opened(root.resolve(), temporary=False)
    except (FileExistsError, NotADirectoryError) as error:
        raise TargetError(f"{root} is a file; the embedded engine needs a folder") from error
    except QframeError:  # of which one is an OSError too
        raise
    except OSError as error:
        raise TargetError(f"the embedded folder {root} cannot be used: {error}. Name one that is yours") from error


def _opened(root: Path, temporary: bool) -> Folder:
    key = os.path.normcase(root)
    with _guard:
        found = _open.get(key)
        if found is None:
            found = _open[key] = Folder(root, temporary)
        elif found.pid != os.getpid():
            raise ForkedProcessError(_FORK)
        found.users += 1
        return found


def give_back(folder: Folder) -> None:
    """End one use of a folder; the last one closes it."""
    if os.getpid() != folder.pid:
        return
    with _guard:
        folder.users -= 1
        if folder.users == 0:
            del _open[os.path.normcase(folder.root)]
            folder.shut()


def _is_hex(text: str) -> bool:
    return len(text) == 32 and set(text) <= set("0123456789abcdef")
