"""All checks, each in an environment of its own made from the project's files; `nox -l` lists them."""

import os

import nox

nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests", "lint", "types", "docs", "notebooks"]


@nox.session
def tests(session: nox.Session) -> None:
    """The test suite, on the installed package; against a real server with QFRAME_TEST_URL=http://host:6333."""
    session.install(".[tests,demo,dask,notebooks]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Random predicates, and random writes with and without faults, ten times as many as the suite has.

    QFRAME_TEST_PREDICATES says how many predicates, QFRAME_TEST_CALLS how many times as many writes as in the suite;
    `-- -k grpc`, or another QFRAME_TEST_SEED, for others.
    """
    session.install(".[tests]")
    many = {"QFRAME_TEST_PREDICATES": "20000", "QFRAME_TEST_CALLS": "10"}
    paths = ["tests/pushdown/test_soundness.py", "tests/pushdown/test_soundness_pandas.py"]
    paths += ["tests/test_model.py", "tests/test_model_faults.py"]
    asked = {name: os.environ.get(name, value) for name, value in many.items()}
    session.run("python", "-m", "pytest", "-s", *paths, *session.posargs, env=asked)


@nox.session
def lint(session: nox.Session) -> None:
    """Style."""
    session.install("ruff>=0.8")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Types of the package, and of code that uses it."""
    session.install(".[lint]")
    session.run("mypy")
    session.run("mypy", "--no-incremental", "tests/typing/api.py")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation, warnings as errors."""
    session.install(".[docs]")
    session.run("sphinx-build", "-W", "-n", "-q", "-b", "html", "docs", "docs/_build/html")


@nox.session
def notebooks(session: nox.Session) -> None:
    """Every notebook, from top to bottom."""
    session.install(".[notebooks]")
    session.run("python", "notebooks/run.py", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Speed against qdrant-client and against the limit of the wire; `-- --quick` for a first look."""
    session.install(".[bench]")
    session.run("python", "-m", "benchmarks", *session.posargs)
