"""The rules of the house that a machine can hold: what imports what, what is heavy, how long files are."""

from __future__ import annotations

import ast
import inspect
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import qframe as qf
import qframe.errors
from qframe.planning.options import ReadSettings
from qframe.verbs.accessor import QdrantNamespace
from qframe.verbs.delivery import delivery
from qframe.verbs.options import (
    BatchOptions,
    ChangeOptions,
    CheckOptions,
    CountOptions,
    CreateOptions,
    DeleteOptions,
    DeliveryOptions,
    FacetOptions,
    IterOptions,
    JoinOptions,
    OverwritePayloadOptions,
    ReadOptions,
    ScanOptions,
    SearchOptions,
    SetPayloadOptions,
    UpdateVectorsOptions,
    UpsertOptions,
)
from qframe.write.options import WriteSettings

ROOT = Path(qf.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

LAYERS = (
    ("errors",),
    ("model",),
    ("columns", "filters"),
    ("targets", "temporary", "shutdown", "locking", "lasting"),
    ("credentials",),
    ("clients",),
    ("connection",),
    ("keyless",),
    ("frames", "backends"),
    ("delivery", "vectors"),
    ("report_text",),
    ("report", "administration", "explanation"),
    ("planning",),
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
    for kind in (qf.Collection, qf.Connection, qf.Explanation, qf.FrameCheck, qf.WriteBatch, qf.WriteReport):
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


BY_FILTER = ("filter", "schema_overrides")


@pytest.mark.parametrize(
    ("verb", "options", "beside"),
    [
        ("upsert", UpsertOptions, ()),
        ("update_vectors", UpdateVectorsOptions, ()),
        ("set_payload", SetPayloadOptions, BY_FILTER),
        ("overwrite_payload", OverwritePayloadOptions, BY_FILTER),
        ("delete_payload", ChangeOptions, (*BY_FILTER, "keys")),
        ("clear_payload", ChangeOptions, BY_FILTER),
        ("delete_vectors", ChangeOptions, (*BY_FILTER, "vectors")),
        ("delete", DeleteOptions, BY_FILTER),
        ("check", CheckOptions, ()),
        ("batch", BatchOptions, ()),
        ("create_collection", CreateOptions, ()),
        ("scan", ScanOptions, ()),
        ("read", ReadOptions, ("frame",)),
        ("iter_frames", IterOptions, ("frame",)),
        ("retrieve", JoinOptions, ("frame", "data")),
        ("count", CountOptions, ()),
        ("facet", FacetOptions, ("frame",)),
        ("search", SearchOptions, ("frame", "data")),
    ],
)
def test_options_as_types_are_those_of_their_verb(verb: str, options: type, beside: tuple[str, ...]) -> None:
    documented = _keywords(getattr(qf.Collection, verb))
    for name in beside:  # which forwarding functions name themselves, or do not take
        documented.pop(name)
    assert _typed(options) == documented


def _keywords(function: Callable[..., Any]) -> dict[str, str]:
    parameters = inspect.signature(function).parameters.values()
    return {item.name: item.annotation for item in parameters if item.kind is inspect.Parameter.KEYWORD_ONLY}


def _typed(options: type) -> dict[str, str]:
    return {name: kind.__forward_arg__ for name, kind in options.__annotations__.items()}


WRITES = (
    "upsert",
    "update_vectors",
    "set_payload",
    "overwrite_payload",
    "delete_payload",
    "clear_payload",
    "delete_vectors",
    "delete",
)


def test_options_of_delivery_reach_their_settings() -> None:
    """Each is typed, documented, and a setting of its own name and default."""
    assert _typed(DeliveryOptions) == _keywords(delivery)
    settings = inspect.signature(WriteSettings).parameters
    shown = inspect.signature(delivery).parameters
    assert set(settings) - set(shown) == {"missing"}
    for name, parameter in shown.items():
        assert parameter.default == settings[name].default, name


@pytest.mark.parametrize("owner", [qf.Collection, QdrantNamespace])
@pytest.mark.parametrize("verb", WRITES)
def test_every_option_of_a_write_is_shown_and_documented(verb: str, owner: type) -> None:
    function = getattr(owner, verb)
    shown = inspect.signature(function).parameters
    documented = _documented_parameters(inspect.getdoc(function))
    assert documented == set(shown) - {"self"}
    assert set(inspect.signature(delivery).parameters) < documented
    assert not any(item.kind is inspect.Parameter.VAR_KEYWORD for item in shown.values())
    assert ("filter" in shown) is (owner is qf.Collection and verb not in ("upsert", "update_vectors"))


def _documented_parameters(text: str | None) -> set[str]:
    """The names of a docstring's section of parameters."""
    assert text is not None
    section = text.split("Parameters\n----------\n")[1].split("\n\n")[0]
    heads = [line.split(" :")[0] for line in section.splitlines() if not line.startswith(" ")]
    return {name for head in heads for name in head.split(", ")}


def test_a_misspelt_option_of_a_write_is_refused_with_the_right_one() -> None:
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'n_job'. Did you mean 'n_jobs'\?"):
        qf.Collection.delete(None, n_job=3)  # type: ignore[arg-type, call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'missing'"):
        qf.Collection.upsert(None, None, missing="skip")  # type: ignore[arg-type, call-arg]


@pytest.mark.parametrize("verb", ["scan", "read", "iter_frames", "retrieve", "count", "facet", "search"])
def test_options_of_reads_reach_their_settings(verb: str) -> None:
    """Each is a setting of its own name, with the setting's default but for `vectors`."""
    parameters = inspect.signature(getattr(qf.Collection, verb)).parameters
    settings = inspect.signature(ReadSettings).parameters
    for name in set(parameters) & set(settings) - {"limit", "vectors"}:
        assert parameters[name].default == settings[name].default, name
