"""The file of a checkpoint: its format, read with every doubt spoken out, and written whole or not at all."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qframe import lasting
from qframe.errors import CheckpointError

VERSION = 1
BLOCK = 1024
"""Rows whose digests are kept as one sum."""

MARK = "qframe_checkpoint"
_SUM = "sum"


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """What a checkpoint says.

    Parameters
    ----------
    call : mapping of str to JSON value
        What the call is; another call finds here in what it differs.
    seed : int or None
        Of random ids.
    checks : numpy.ndarray
        `uint8`, one for each row up to the last that is written: 0 for one that is not, else what `check_bytes` makes
        of its digest.
    blocks : numpy.ndarray
        `uint64`, one for each `BLOCK` of these rows: the sum of the digests of those that are written.
    """

    call: Mapping[str, Any]
    seed: int | None
    checks: npt.NDArray[np.uint8]
    blocks: npt.NDArray[np.uint64]

    @property
    def written(self) -> int:
        """Rows that are written."""
        return int(np.count_nonzero(self.checks))


def check_bytes(digests: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
    """The highest byte of each digest, 1 for 0."""
    return np.maximum(digests >> np.uint64(56), np.uint64(1)).astype(np.uint8)


def read(path: Path) -> Saved | None:
    """The checkpoint in a file; None when there is no such file.

    Raises
    ------
    CheckpointError
        The file cannot be read, is not whole, is none of qframe's, or comes from a later version; or there is no
        folder to make it in.
    """
    # A device may be read for ever, and would be replaced.
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise CheckpointError(f"checkpoint={str(path)!r} cannot be used: it is there, and no file. Name another.")
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        if not path.parent.exists():
            raise CheckpointError(
                f"checkpoint={str(path)!r} cannot be written: the folder {str(path.parent)!r} does not exist. Make it, "
                "or name another file."
            ) from error
        return None
    except OSError as error:
        raise CheckpointError(f"checkpoint={str(path)!r} cannot be read: {error.strerror}.") from error
    try:
        content = json.loads(raw)
        version = content[MARK]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise _not_whole(path, "it is not a checkpoint, or only a part of one") from error
    if version != VERSION:
        raise CheckpointError(
            f"checkpoint={str(path)!r} has the format {version!r}, and this qframe knows {VERSION}. Go on with the "
            "version of qframe that wrote it, or name another file to write all rows again."
        )
    try:
        if content.pop(_SUM) != _sum(content):
            raise _not_whole(path, "its content has been changed")
        checks = np.frombuffer(_bytes(content["checks"]), dtype=np.uint8)
        blocks = np.frombuffer(_bytes(content["blocks"]), dtype="<u8").astype(np.uint64)
        seed = None if content["seed"] is None else int(content["seed"], 16)
        return Saved(content["call"], seed, checks, blocks)
    except (ValueError, LookupError, TypeError, binascii.Error) as error:
        raise _not_whole(path, "its content has been changed") from error


def write(path: Path, saved: Saved) -> None:
    """Put a checkpoint in the place of the one before: after a crash one of the two is there, whole.

    Raises
    ------
    OSError
        The file before is as it was, and no other is left.
    """
    content: dict[str, Any] = {
        MARK: VERSION,
        "call": saved.call,
        "seed": None if saved.seed is None else f"{saved.seed:x}",
        "written": saved.written,
        "checks": base64.b64encode(saved.checks.tobytes()).decode(),
        "blocks": base64.b64encode(saved.blocks.astype("<u8").tobytes()).decode(),
    }
    raw = json.dumps(content | {_SUM: _sum(content)}, indent=0).encode()
    try:
        lasting.put(path, raw, path.with_name(path.name + ".tmp"))
    except OSError as error:
        raise OSError(error.errno, f"checkpoint={str(path)!r} cannot be written: {error.strerror}") from error


def _sum(content: Mapping[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=8).hexdigest()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _not_whole(path: Path, why: str) -> CheckpointError:
    return CheckpointError(
        f"checkpoint={str(path)!r} cannot be used: {why}. Which rows are written can no longer be known from it. Name "
        "another file, or delete this one, to write all rows again."
    )
