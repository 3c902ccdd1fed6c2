"""The rules of the house that a machine can hold: what imports what, what is heavy, how long files are."""

from __future__ import annotations

import ast
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import qframe as qf
import qframe.errors
from qframe.reading.options import ReadSettings
from qframe.verbs.options import (
    CreateOptions,
    IterOptions,
    ReadOptions,
    RetrieveOptions,
    ScanOptions,
    SearchOptions,
    UpsertOptions,
)

ROOT = Path(qf.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

LAYERS = (
    ("errors",),
    ("model",),
    ("columns",),
    ("targets", "temporary"),
    ("credentials",),
    ("clients",),
    ("connection",),
    ("keyless",),
    ("frames", "backends"),
    ("delivery",),
    ("report", "administration", "filtering"),
    ("write", "reading"),
    ("verbs",),
    ("__init__",),
)
"""Each may import those above it and itself; those on one line do not know each other."""

HOMES = {
    "httpx": {"backends/rest/pipe.py"},
    "grpc": {"backends/grpc/pipe.py"},
    "joblib": {"delivery/jobs.py"},
    "qdrant_edge": {"backends/embedded/engine.py"},
    "tqdm": {"write/progress.py"},
}

HEAVY = ("polars", "pandas", "numpy", "pyarrow", "grpc", "httpx", "joblib", "orjson", "tqdm", "qdrant_edge")


def _place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _imports(path: Path) -> set[str]:
    """Full names of the modules a file imports when it runs (not those for type checkers only)."""
    found = set()
    skipped = set()
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            skipped.update(id(inner) for inner in ast.walk(node))
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def _layer(part: str) -> int:
    return next(level for level, names in enumerate(LAYERS) if part in names)


@pytest.mark.parametrize("path", MODULES, ids=_place)
def test_imports_go_one_way(path: Path) -> None:
    here = path.relative_to(ROOT).parts[0].removesuffix(".py")
    for module in _imports(path):
        parts = module.split(".")
        if parts[0] != "qframe" or len(parts) == 1 or parts[1] == here:
            continue
        assert _layer(parts[1]) < _layer(here), f"{_place(path)} imports {module}"


@pytest.mark.parametrize("library", sorted(HOMES))
def test_libraries_have_one_home(library: str) -> None:
    users = {_place(path) for path in MODULES if any(name.split(".")[0] == library for name in _imports(path))}
    assert users == HOMES[library]


def test_frame_libraries_stay_in_their_files() -> None:
    for path in MODULES:
        names = {name.split(".")[0] for name in _imports(path)}
        place = _place(path)
        if "pandas" in names:
            assert place.startswith("frames/pandas"), place
        if "polars" in names:
            assert place.startswith(("frames/polars", "backends/rest/")), place


def test_import_is_light() -> None:
    code = f"import sys, qframe; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", MODULES, ids=_place)
def test_files_are_short_and_say_what_they_own(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    assert ast.get_docstring(ast.parse(text)), "a module's docstring says what it owns"
    assert path.stem not in ("utils", "helpers", "common", "base", "manager")


def test_public_names_are_sorted_documented_and_there() -> None:
    assert qf.__all__ == sorted(qf.__all__)
    for name in qf.__all__:
        assert inspect.getdoc(getattr(qf, name)), name
    assert set(qf.__all__) <= set(dir(qf))
    assert set(qf._HOME) == set(qf.__all__)


def test_public_methods_are_documented() -> None:
    for kind in (qf.Collection, qf.Connection, qf.WriteReport):
        for name, member in inspect.getmembers(kind):
            # Attributes are documented by their class.
            if not name.startswith("_") and not inspect.ismemberdescriptor(member):
                assert inspect.getdoc(member), f"{kind.__name__}.{name}"


def _all_errors(kind: type[BaseException]) -> list[type[BaseException]]:
    return [kind, *(deeper for direct in kind.__subclasses__() for deeper in _all_errors(direct))]


@pytest.mark.parametrize("kind", _all_errors(qframe.errors.QframeError), ids=lambda kind: kind.__name__)
def test_errors_pickle_with_what_they_carry(kind: type[qframe.errors.QframeError]) -> None:
    error = kind.__new__(kind)
    Exception.__init__(error, "what happened")
    error.__dict__.update(column="price", row=3)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == "what happened"
    assert again.__dict__ == {"column": "price", "row": 3}


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        ("upsert", UpsertOptions),
        ("create_collection", CreateOptions),
        ("scan", ScanOptions),
        ("read", ReadOptions),
        ("iter_frames", IterOptions),
        ("retrieve", RetrieveOptions),
        ("search", SearchOptions),
    ],
)
def test_options_as_types_are_those_of_their_verb(verb: str, options: type) -> None:
    parameters = inspect.signature(getattr(qf.Collection, verb)).parameters.values()
    documented = {item.name: item.annotation for item in parameters if item.kind is inspect.Parameter.KEYWORD_ONLY}
    documented.pop("frame", None)  # which overloads name
    typed = {name: kind.__forward_arg__ for name, kind in options.__annotations__.items()}
    assert typed == documented


@pytest.mark.parametrize("verb", ["scan", "read", "iter_frames", "retrieve", "search"])
def test_options_of_reads_reach_their_settings(verb: str) -> None:
    """Each is a setting of its own name, with the setting's default but for `vectors`."""
    parameters = inspect.signature(getattr(qf.Collection, verb)).parameters
    settings = inspect.signature(ReadSettings).parameters
    for name in set(parameters) & set(settings) - {"limit", "vectors"}:
        assert parameters[name].default == settings[name].default, name
