"""`collections.json`: which collections a root folder holds, where each of them lives and how it was configured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qframe import lasting
from qframe.backends.embedded.lock import LOCK_NAME
from qframe.errors import TargetError

CATALOG_NAME = "collections.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A collection of a root folder.

    Parameters
    ----------
    folder : str
        Name of its subfolder, 32 hex digits: collection names may hold what file names may not.
    config : mapping
        The body it was created with, as the REST API spells it.
    """

    folder: str
    config: Mapping[str, Any]


def read(root: Path) -> dict[str, Entry]:
    """The collections of a root folder by name; empty for a new folder.

    Raises
    ------
    TargetError
        The folder holds something else, or the catalog cannot be understood.
    """
    path = root / CATALOG_NAME
    if not path.exists():
        _refuse_foreign(root)
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] == FORMAT:
            return {name: Entry(item["folder"], item["config"]) for name, item in content["collections"].items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise TargetError(f"{path} is not a catalog of collections that qframe wrote: {error!r}") from error
    raise TargetError(
        f"{path} has format {content['format']!r}, this version of qframe reads format {FORMAT}: a newer one wrote it"
    )


def write(root: Path, entries: Mapping[str, Entry]) -> None:
    """Replace the catalog whole: a crash leaves the old one or the new one."""
    content = {
        "format": FORMAT,
        "collections": {name: {"folder": item.folder, "config": item.config} for name, item in entries.items()},
    }
    raw = json.dumps(content, ensure_ascii=False, indent=1).encode()
    lasting.put(root / CATALOG_NAME, raw, root / (CATALOG_NAME + ".new"))


def _refuse_foreign(root: Path) -> None:
    others = sorted(
        item.name
        for item in root.iterdir()
        if item.name not in (LOCK_NAME, CATALOG_NAME + ".new") and item.name[0] != "."
    )
    if not others:
        return
    what = "a folder of qdrant_client's local mode" if "meta.json" in others else f"not empty ({others[0]!r} is in it)"
    raise TargetError(
        f"{root} is {what} and has no {CATALOG_NAME}: name a new or an empty folder for the embedded engine"
    )
