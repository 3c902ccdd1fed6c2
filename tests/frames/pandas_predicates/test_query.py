"""Query strings: what they say, whose variables they see, and where they are wrong."""

from __future__ import annotations

import types
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from qframe.errors import OptionError
from qframe.frames.pandas_filter import expression
from qframe.frames.pandas_predicates.query import Query, capture

TABLE = pa.table(
    {
        "id": [1, 2, 3, 4],
        "a": [1, 2, 3, None],
        "b": [4.0, 3.0, 2.0, 1.0],
        "flag": [True, False, True, None],
        "name": ["Ann", "Bob", "a'b\"c", None],
        "two words": [1, 2, 3, 4],
        "_c0": [1, 2, 3, 4],
    }
)
everywhere = 3


def ids(query: Query) -> list[int]:
    return list(expression(query, TABLE.schema, {}, "numpy_nullable").keep(TABLE)["id"].to_pylist())


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a > 1", [2, 3]),
        ("a > 1 & b > 2.5", [2]),
        ("a == 1 | b == 1", [1, 4]),
        ("a == 1 or a == 2 and b > 100", [1]),
        ("not a == 1", [2, 3]),
        ("~(a == 1)", [2, 3]),
        ("~flag", [2]),
        ("flag == True", [1, 3]),
        ("1 < a <= 3", [2, 3]),
        ("-2 < -a", [1]),
        ("a in [1, 3]", [1, 3]),
        ("a not in (1, 3)", [2, 4]),
        ("a == [1, 3]", [1, 3]),
        ("[1, 3] != a", [2, 4]),
        ("name == 'Ann'", [1]),
        ('name == "Ann"', [1]),
        (r"name == 'a\'b\"c'", [3]),
        ("name.str.startswith('B')", [2]),
        ("name.str.contains('b', case=False)", [2, 3]),
        ("a.isna()", [4]),
        ("a.notnull() and b < 4", [2, 3]),
        ("`two words` >= 3", [3, 4]),
        ("_c0 > 1 and `two words` < 4", [2, 3]),
        ("a + b * 2 > 8", [1]),
        ("a ** 2 == 4", [2]),
        ("a // 2 == 1", [2, 3]),
        ("sqrt(b) >= 2", [1]),
        ("abs(-a) == 2", [2]),
        ("name.str[0] == 'A'", [1]),
        ("name.str[:2] == 'An'", [1]),
        ("a > @everywhere - 2", [2, 3]),
        ("\n  a > 1\n  and b < 3\n", [3]),
        ("a == 1.0e0", [1]),
        ("a > 1_0 / 5", [3]),
    ],
)
def test_what_queries_say(text: str, rows: list[int]) -> None:
    assert ids(capture(text)) == rows


def test_variables_are_those_of_the_caller() -> None:
    low, bounds, settings = 1, {"high": [2, 3]}, types.SimpleNamespace(low=2)
    chosen = pd.Series([1, 3])
    assert ids(capture("a > @low")) == [2, 3]
    assert ids(capture("a < @bounds['high'][1]")) == [1, 2]
    assert ids(capture("a == @settings.low")) == [2]
    assert ids(capture("a in @chosen")) == ids(capture("a == @chosen")) == [1, 3]
    assert (low, bounds, settings, chosen) is not None


def test_a_local_variable_comes_before_a_global_one() -> None:
    everywhere = 1
    assert ids(capture("a == @everywhere")) == [1]
    assert everywhere


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a >", "at its end: invalid syntax"),
        ("", "at its end"),
        ("a > 1 ? 2", "at character 7, '[?] 2': '[?]' is not understood"),
        ("a > 1)", "at character 6"),
        ("`two words` > 1 b", "at character 17, 'b'"),
        ("a = 1", "at character 3"),
        ("a > 1; b", "at character 6"),
        ("a > 1 and city = 'x'", "at character 16, .*: invalid syntax; write =="),
        ("(city = 'x') | (a > 1)", "invalid syntax; write =="),
        ("a == 1 AND b == 2", "at character 8, 'AND b == 2': invalid syntax; write and, or, not and in in small"),
        ("(a == 1) OR (b == 2)", "small letters"),
        ("NOT a == 1", "small letters"),
        ("a NOT IN (1, 2)", "small letters"),
        ("a <> 1", "write !="),
        ("a > 1 && b > 1", "write & or |"),
        ("city IS NULL", r"write name.isna\(\)"),
        ("city is null", r"write isna\(\)"),
        ("city LIKE 'x%'", "str.startswith"),
        ("a BETWEEN 1 AND 3", "low <= name <= high"),
        ("a b", "invalid syntax[.]$"),
        ("a & b > @nothing", "at character 9, '@nothing': there is no variable 'nothing'"),
        ("`two words` > 1 and a.__class__ > 1", "at character 21, 'a.__class__ > 1': '__class__' is private"),
        ("[x for x in a]", "no such expression"),
        ("lambda: a", "no such expression"),
        ("(lambda: a)()", "no such expression|only methods"),
        ("a if flag else b", "no such expression"),
        ("a is None", r"write isna\(\) or =="),
        ("a << 2 > 1", "at character"),
        ("print(a)", "only methods of columns"),
        ("@everything.pop() > a", "only methods of columns"),
        ("index > 2", "pages have no index"),
        ("nam == 'Ann'", "no column 'nam'.*Did you mean 'name'"),
        ("1 + 'a' > a", "at character 1.*unsupported operand"),
        ("'A' in name", "`in` asks whether a column is one of a list"),
        ("1 == 1", "Answer with a mask"),
        ("name.str.startswith(*a)", "at character"),
        ("name.str.startswith(**a)", "at character"),
    ],
)
def test_what_is_wrong_is_shown(text: str, words: str) -> None:
    everything: list[Any] = [1]
    with pytest.raises(OptionError, match=words):
        ids(capture(text))
    assert everything == [1]
