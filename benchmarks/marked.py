"""Parts of a page of the documentation that a program writes: what stands between two marks."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def renew(page: str, name: str, text: str) -> Path:
    """Put a text between the marks of a name.

    Raises
    ------
    ValueError
        The page has no such marks.
    """
    path = DOCS / page
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, begun, rest = path.read_text().partition(begin)
    _, ended, after = rest.partition(end)
    if not (begun and ended):
        raise ValueError(f"{page} has no marks {begin} … {end}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")
    return path
