"""Numbers of rows and of bytes in words, as reports and errors say them. Pure."""

from __future__ import annotations


def in_rows(many: int) -> str:
    """So many rows, as "1 row" or "2,000 rows"."""
    return "1 row" if many == 1 else f"{many:,} rows"


def in_bytes(many: int) -> str:
    """So many bytes, as "512 bytes", "3.1 kB" or "40.2 MB", of 1,000 each."""
    if many < 1_000:
        return "1 byte" if many == 1 else f"{many} bytes"
    return f"{many / 1e3:,.1f} kB" if many < 100_000 else f"{many / 1e6:,.1f} MB"
