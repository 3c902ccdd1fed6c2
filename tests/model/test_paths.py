"""Payload paths as callers write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qframe as qf
from qframe.model.paths import as_path, payload_path, steps


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("price", "price"),
        ("a-b_1", "a-b_1"),
        ("address.city", "address.city"),
        ("stops[].name", "stops[].name"),
        ("stops[0][1].name", "stops[0][1].name"),
        ('"a.b"', '"a.b"'),
        ('"a.b"[].c', '"a.b"[].c'),
        ("a b", '"a b"'),
        ("Größe", '"Größe"'),
    ],
)
def test_paths(given: str, path: str) -> None:
    assert as_path(given, "keys=") == path


@pytest.mark.parametrize(
    "given", ["", None, 3, "a.", ".a", "a..b", "a[", "a]", "a[x]", '"', 'a"b"', "a\\b", '""', "a b.c"]
)
def test_no_paths(given: object) -> None:
    with pytest.raises(qf.OptionError, match="keys=: "):
        as_path(given, "keys=")


@given(st.text(max_size=8))
def test_the_path_of_a_key_is_a_path(key: str) -> None:
    path = payload_path(key)
    if path is not None:
        assert as_path(path, "keys=") == path


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("price", [("price", 0)]),
        ("address.city", [("address", 0), ("city", 0)]),
        ("stops[][1].name", [("stops", 2), ("name", 0)]),
        ('"a.b[]"[].c-d', [("a.b[]", 1), ("c-d", 0)]),
        ("a[", None),
        ("", None),
    ],
)
def test_steps(path: str, found: list[tuple[str, int]] | None) -> None:
    assert steps(path) == found
