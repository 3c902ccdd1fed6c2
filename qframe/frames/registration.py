"""`.qdrant` on every frame: registered with polars and pandas when they are imported, before or after this.

Imports neither of them, nor the accessor, which is imported when it is first used. Light: `import qframe` pays for it.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import _bootstrap
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_lock = threading.RLock()

# Waits for a thread that is importing a library just now and looked for it before our finder was there; without that,
# one import in some thousands goes unseen. There is no public way to wait without importing.
_importing: Any = vars(_bootstrap)["_ModuleLockManager"]


class Namespace:
    """A descriptor that makes a new accessor at each access.

    polars' own keeps the accessor on the frame, a reference cycle: 40 frames of 20 MB in a loop peaked at 806 MB
    instead of 26 MB.
    """

    def __init__(self, accessor: str) -> None:
        self._accessor = accessor

    def _class(self) -> Any:
        module, name = self._accessor.split(":")
        return getattr(importlib.import_module(module), name)

    def __get__(self, frame: object | None, owner: type | None = None) -> Any:
        accessor = self._class()
        return accessor if frame is None else accessor(frame)


def install(accessor: str, name: str = "qdrant", *, lazy: str | None = None) -> None:
    """Give frames a namespace. Libraries that are imported have it at once, others as soon as they are.

    Parameters
    ----------
    accessor : str
        "module:Class" of the accessor, called with the frame; for `pl.DataFrame.qdrant` the class itself.
    name : str
        Name of the namespace.
    lazy : str, optional
        The accessor of polars LazyFrames, where it is another.
    """
    finder = _Finder(accessor, lazy or accessor, name)
    with _lock:
        # That of an earlier call, or of an earlier import of this module, makes room: a reload leaves one behind.
        sys.meta_path[:] = [old for old in sys.meta_path if not _is_ours(old)]
        sys.meta_path.insert(0, finder)
    for library in _REGISTER:
        with _importing(library):
            module = sys.modules.get(library)
        if module is not None and hasattr(module, "DataFrame"):
            finder.register(module)


def _is_ours(finder: object) -> bool:
    kind = type(finder)
    return (kind.__module__, kind.__qualname__) == (__name__, _Finder.__qualname__)


def _register_polars(polars: Any, namespace: Namespace, lazy: Namespace, name: str) -> None:
    _register(polars.DataFrame, polars.api.register_dataframe_namespace, namespace, name)
    _register(polars.LazyFrame, polars.api.register_lazyframe_namespace, lazy, name)


def _register_pandas(pandas: Any, namespace: Namespace, _: Namespace, name: str) -> None:
    _register(pandas.DataFrame, pandas.api.extensions.register_dataframe_accessor, namespace, name)


def _register(frame: type, announce: Callable[[str], Callable[[type], Any]], namespace: Namespace, name: str) -> None:
    """Announce the name (completion lists it then, and another's is warned of), and put our descriptor there."""
    if type(vars(frame).get(name)).__qualname__ != Namespace.__qualname__:
        announce(name)(Namespace)
    setattr(frame, name, namespace)


_REGISTER: dict[str, Callable[[Any, Namespace, Namespace, str], None]] = {
    "polars": _register_polars,
    "pandas": _register_pandas,
}


class _Finder:
    """Lets the other finders find polars and pandas, and has them registered once they are executed."""

    def __init__(self, accessor: str, lazy: str, namespace: str) -> None:
        self.namespace = namespace
        self._descriptor, self._lazy = Namespace(accessor), Namespace(lazy)
        self._asking = threading.local()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        # Asked again while it asks: by another finder that works like this one.
        if name not in _REGISTER or getattr(self._asking, "on", False):
            return None
        self._asking.on = True
        try:
            spec = self._find(name, path, target)
        finally:
            self._asking.on = False
        if spec is not None and spec.loader is not None:
            loader: Any = _Loader(spec.loader, self)
            spec.loader = loader
        return spec

    def _find(self, name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        found = (
            finder.find_spec(name, path, target)
            for finder in sys.meta_path
            if finder is not self and hasattr(finder, "find_spec")
        )
        return next((spec for spec in found if spec is not None), None)

    def register(self, module: ModuleType) -> None:
        with _lock:
            _REGISTER[module.__name__](module, self._descriptor, self._lazy, self.namespace)


class _Loader:
    """A loader that registers after the module is executed, and takes itself out of the way before."""

    def __init__(self, loader: Any, finder: _Finder) -> None:
        self._loader = loader
        self._finder = finder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._finder.register(module)
