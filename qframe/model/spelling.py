"""Names as errors speak of them: what there is, which one was probably meant, what is a slip. Pure; light to import."""

from __future__ import annotations

import re
from collections.abc import Iterable

SHOWN_NAMES = 20
"""How many names an error lists."""


def listed(names: Iterable[object]) -> str:
    """Names, or keys of another kind, as an error lists them."""
    every = [repr(name) for name in names]
    rest = len(every) - SHOWN_NAMES
    text = ", ".join(every[:SHOWN_NAMES])
    return text + (f" and {rest} more" if rest > 0 else "")


def similar(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant, in whatever case."""
    import difflib

    lower = {other.lower(): other for other in names}
    found = difflib.get_close_matches(name.lower(), lower, n=1)
    return lower[found[0]] if found else None


def hint(name: str, names: Iterable[str]) -> str:
    """` Did you mean …?`, to stand behind a sentence; nothing where no name is near."""
    meant = similar(name, names)
    return f" Did you mean {meant!r}?" if meant else ""


def near_miss(name: str, existing: Iterable[str]) -> str | None:
    """The existing name that `name` is probably a slip of: at most two letters apart. None when it exists itself.

    Taken as meant are names that differ in nothing but digits (``docs_v1`` and ``docs_v2``), and those of which one is
    the other and a suffix: digits, an underscore with something behind it (``places_b``), or one letter behind a digit
    (``docs_v2b``). In names of fewer than five letters one letter may differ, in those of fewer than three none: such
    names are near each other anyway.
    """
    found: list[tuple[int, str]] = []
    for other in existing:
        apart = min(2, (min(len(name), len(other)) - 1) // 2)
        if other == name:
            return None
        if abs(len(other) - len(name)) > apart or _meant(name, other):
            continue
        distance = _letters_apart(name, other)
        if distance <= apart:
            found.append((distance, other))
    return min(found)[1] if found else None


def _meant(one: str, other: str) -> bool:
    """Whether two names are of a kind that is given on purpose."""
    short, long = sorted((one, other), key=len)
    suffix = long.removeprefix(short)
    behind = r"_.+|[A-Za-z]" if short[-1:].isdigit() else r"_.+"
    extended = long.startswith(short) and re.fullmatch(behind, suffix) is not None
    return extended or _without_digits(one) == _without_digits(other)


def _without_digits(name: str) -> str:
    return re.sub(r"\d+", "", name)


def _letters_apart(one: str, other: str) -> int:
    """Levenshtein's: letters to insert, delete or replace."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        before, row[0] = row[0], i
        for j, found in enumerate(other, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (letter != found))
    return row[-1]
