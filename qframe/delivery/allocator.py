"""The C allocator's habits where batches come and go by the megabyte. Knows nothing of what is delivered."""

from __future__ import annotations

from functools import cache

import numpy as np

LARGEST = 16 * 2**20
"""Bytes; must stay below glibc's 32 MiB, above which it learns nothing."""


@cache
def keep_pages() -> None:
    """Let glibc keep freed memory for the next batch; once a process, and nothing to other allocators.

    A request lives twice for a moment, as encoded and as grpcio copies it, and both are freed at the end of the heap.
    glibc gives that end back to the system when it is larger than twice the largest block ever freed by itself, which
    is one batch: so every batch's pages were faulted in anew, a third of the CPU of a gRPC write (3.5 µs a row against
    2.5). Having seen a larger block freed, as after any large array, it keeps up to 32 MiB.
    """
    np.empty(LARGEST, dtype=np.uint8)  # freed at once, and no page of it touched
