"""Regular expressions as polars understands them (Rust's `regex`): what text must be in a value that matches.

Owns no polars; it stands with its translators because other libraries' patterns mean other things.
"""

from __future__ import annotations

from dataclasses import dataclass

from qframe.model.predicate import And, Column, Compare, HasText, Opaque, Or, Predicate

BEYOND = "a regular expression says more than a prefix, a substring or the whole text"
_SPECIAL = frozenset(r"\.+*?()|[]{}^$")


@dataclass(frozen=True, slots=True)
class _Read:
    """One alternative of a pattern.

    Parameters
    ----------
    runs : tuple of str
        Texts that must occur.
    starts, ends : bool
        Whether the first of them stands at the start of the text, and the last at its end.
    whole : bool
        Whether that, with one text, is all that the pattern says.
    """

    runs: tuple[str, ...]
    starts: bool
    ends: bool
    whole: bool


def matches(column: Column, pattern: str) -> Predicate:
    """Whether a pattern is found in a column of text.

    Returns
    -------
    Predicate
        Exactly that, or something that it implies together with an `Opaque`, or `Opaque`.
    """
    if "(?" in pattern.replace("(?:", "("):  # flags, which change what letters mean
        return Opaque(BEYOND)
    alternatives = [_read(one) for one in _alternatives(pattern)]
    parts = tuple(_implied(column, one) for one in alternatives)
    said = [part for part in parts if part is not None]
    if len(said) < len(parts):
        return Opaque(BEYOND)
    implied = said[0] if len(said) == 1 else Or(tuple(said))
    if all(one.whole for one in alternatives):
        return implied
    return And((implied, Opaque(BEYOND)))


def _implied(column: Column, one: _Read) -> Predicate | None:
    """What an alternative implies, which is all that it says if it is whole; None for nothing."""
    if one.whole and one.starts and one.ends:
        return Compare(column, "==", one.runs[0])
    tests = tuple(
        HasText(column, "prefix" if one.starts and index == 0 else "substring", run)
        for index, run in enumerate(one.runs)
        if run
    )
    if not tests:
        return None
    return tests[0] if len(tests) == 1 else And(tests)


def _alternatives(pattern: str) -> list[str]:
    """The pattern cut at those "|" that are in no group and no class."""
    cuts, depth, at = [-1], 0, 0
    while at < len(pattern):
        letter = pattern[at]
        if letter == "[":
            at = _end_of_class(pattern, at)
            continue
        depth += (letter == "(") - (letter == ")")
        if letter == "|" and not depth:
            cuts.append(at)
        at += 2 if letter == "\\" else 1
    return [pattern[start + 1 : end] for start, end in zip(cuts, [*cuts[1:], len(pattern)], strict=True)]


_NAMED = {"p": 1, "P": 1, "x": 2, "u": 4, "U": 8}
_GAP, _ANY, _ANYTHING, _MORE, _END = "gap", "any", "anything", "more", "end"
"""What stands between letters: something, ".", ".*", "+", and the end of the text."""


def _read(pattern: str) -> _Read:
    anchored = pattern.startswith("^")
    tokens = _tokens(pattern[anchored:])
    # A pattern is searched for, so what may be anything may be nothing at its ends.
    if tokens and tokens[-1] == _ANYTHING:
        tokens.pop()
    if tokens and tokens[0] == _ANYTHING and not anchored:
        tokens.pop(0)
    ends = bool(tokens) and tokens[-1] == _END
    if ends:
        tokens.pop()
    plain = all(len(token) == 1 for token in tokens)
    runs = "".join(token if len(token) == 1 else "\0" for token in tokens).split("\0")
    starts = anchored and (plain or len(tokens[0]) == 1)
    return _Read(tuple(runs) if starts else tuple(filter(None, runs)), starts, ends, plain and (anchored or not ends))


def _tokens(pattern: str) -> list[str]:
    """Letters, and the names of what is none."""
    found: list[str] = []
    at = 0
    while at < len(pattern):
        letter, after = _literal(pattern, at)
        sign = pattern[at]
        if letter is not None and letter != "\0":
            found.append(letter)
        elif sign in "*?{":
            _loosen(found, sign)
        elif sign == "+":
            found.extend([_MORE] if found[-1:] != [_MORE] else [])
        elif sign == ".":
            found.append(_ANY)
        else:
            found.append(_END if sign == "$" and after == len(pattern) else _GAP)
        at = after
    return found


def _loosen(found: list[str], sign: str) -> None:
    """Note that what stands before may be missing; also what stands before a "+", which may have a sign of its own."""
    if found[-1:] == [_MORE]:
        found.pop()
    if found:
        loose = found[-1] == _ANYTHING or (found[-1] == _ANY and sign == "*")
        found[-1] = _ANYTHING if loose else _GAP


def _literal(pattern: str, at: int) -> tuple[str | None, int]:
    """The letter that stands at a place, or None for something else; and where it ends."""
    letter = pattern[at]
    if letter not in _SPECIAL:
        return letter, at + 1
    if letter == "\\":
        escaped = pattern[at + 1 : at + 2]
        if escaped.isascii() and escaped and not escaped.isalnum() and escaped not in "<>":
            return escaped, at + 2
        # Classes and code points may have a name in braces, or so many letters.
        braced = pattern[at + 2 : at + 3] == "{"
        return None, pattern.find("}", at) + 1 if braced else at + 2 + _NAMED.get(escaped, 0)
    if letter == "[":
        return None, _end_of_class(pattern, at)
    if letter == "(":
        return None, _end_of_group(pattern, at)
    if letter == "{":
        return None, pattern.find("}", at) + 1 or len(pattern)
    return None, at + 1


def _end_of_class(pattern: str, at: int) -> int:
    """Where a class in brackets ends; they nest, and a "]" in the first place stands for itself."""
    depth = 0
    while at < len(pattern):
        if pattern[at] == "[":
            depth += 1
            at += 1
            at += pattern.startswith("^", at)
            at += pattern.startswith("]", at)
            continue
        if pattern[at] == "]":
            depth -= 1
            if not depth:
                return at + 1
        at += 2 if pattern[at] == "\\" else 1
    return len(pattern)


def _end_of_group(pattern: str, at: int) -> int:
    depth = 0
    while at < len(pattern):
        if pattern[at] == "[":
            at = _end_of_class(pattern, at)
            continue
        depth += (pattern[at] == "(") - (pattern[at] == ")")
        if not depth:
            return at + 1
        at += 2 if pattern[at] == "\\" else 1
    return len(pattern)
