"""What a regular expression implies, against polars' own matching."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qframe.frames.polars_predicates.regex import BEYOND, matches
from qframe.model.predicate import And, Column, Compare, HasText, Opaque, Or, Predicate
from tests.frames.polars_predicates.meaning import possible

S = Column(("s",))
BEYOND_THIS = Opaque(BEYOND)


def _starts(text: str) -> HasText:
    return HasText(S, "prefix", text)


def _has(text: str) -> HasText:
    return HasText(S, "substring", text)


@pytest.mark.parametrize(
    ("pattern", "meaning"),
    [
        ("google", _has("google")),
        ("^San ", _starts("San ")),
        ("^San .*", _starts("San ")),
        (".*green.*", _has("green")),
        (r"\.google\.", _has(".google.")),
        ("^a-b_c/d:e@f%g&h~i#j$", Compare(S, "==", "a-b_c/d:e@f%g&h~i#j")),
        ("a|b", Or((_has("a"), _has("b")))),
        ("^a|^b$", Or((_starts("a"), Compare(S, "==", "b")))),
        ("special.*requests", And((And((_has("special"), _has("requests"))), BEYOND_THIS))),
        (r"@example\.(com|org)$", And((_has("@example."), BEYOND_THIS))),
        ("BRASS$", And((_has("BRASS"), BEYOND_THIS))),
        ("colou?r", And((And((_has("colo"), _has("r"))), BEYOND_THIS))),
        ("^ab+", And((_starts("ab"), BEYOND_THIS))),
        ("^[ab]c", And((_has("c"), BEYOND_THIS))),
        ("a|[0-9]", BEYOND_THIS),
        ("(?i)berlin", BEYOND_THIS),
        (r"\d+", BEYOND_THIS),
        ("", BEYOND_THIS),
    ],
)
def test_patterns(pattern: str, meaning: Predicate) -> None:
    assert matches(S, pattern) == meaning


PIECES = [*"aabbcüB.-|*+?^$()[]{}\\10 &~#", "(?:", "(?i)", "(?P<n>", "[^", "[]", ".*", "{2}", "{0,1}"]
PIECES = [*PIECES, r"\b", r"\p{L}", r"\x{61}", r"\u0061", r"\pL"]
TEXTS = st.text("abcüB.-|1 \n\\&~#", max_size=8)


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join), st.lists(TEXTS, min_size=8, max_size=8))
def test_what_is_implied_is_so(pattern: str, texts: list[str]) -> None:
    frame = pl.DataFrame({"s": [*texts, "", "a", "ab", "abc", "ba", "aab", "b", "c", "bc", "a\nb"]})
    try:
        found = frame.select(pl.col("s").str.contains(pattern)).to_series().to_list()
    except pl.exceptions.PolarsError:
        assume(False)
    meaning = matches(S, pattern)
    for text, truth in zip(frame["s"], found, strict=True):
        assert truth in possible(meaning, {"s": text}), text
