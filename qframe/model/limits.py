"""Qdrant's own limits, which a server checks in its API layer; what goes beyond them is refused before it is sent."""

from __future__ import annotations

LONGEST_COLLECTION_NAME = 255
"""Characters."""

LONGEST_VECTOR_NAME = 200
"""Bytes of UTF-8."""

FORBIDDEN_IN_NAMES = frozenset('<>:"/\\|?*\0\x1f')
"""In names of collections and vectors that are made; older servers may have collections with some of these."""

LARGEST_DIMENSION = 65_536
"""Numbers of a dense vector, or of each vector of a multivector."""

MULTIVECTOR_NUMBERS = 1_048_576
"""Numbers of one multivector: so many and more are refused (`MAX_MULTIVECTOR_FLATTENED_LEN`)."""
