"""Names of collections, as far as every target agrees about them. Pure; imports no library."""

from __future__ import annotations

from qframe.errors import OptionError
from qframe.model.limits import LONGEST_COLLECTION_NAME


def check_collection(name: object) -> None:
    """Raise for a name that no collection has: over REST it would be an address of something else.

    Raises
    ------
    OptionError
    """
    if not isinstance(name, str):
        raise OptionError(f"a collection is named by text; this name is of type {type(name).__name__}.")
    if not 0 < len(name) <= LONGEST_COLLECTION_NAME or "/" in name:
        shown = name if len(name) <= LONGEST_COLLECTION_NAME else f"{name[:20]}…"
        raise OptionError(
            f"collection {shown!r}: a name has from 1 to {LONGEST_COLLECTION_NAME} characters and no slash."
        )
