"""Requests of several operations: a server does one after the other, and what is done stays when one is turned down."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qframe.backends.wording import never_fits
from qframe.columns.null_keys import null_keys
from qframe.model.batch import Batch
from qframe.model.operations import Matching, Operation, OverwritePayload, SetPayload
from qframe.model.outcome import Ack, Fault

_AT_ONCE = ("Format error in", "Validation error in")
"""How refusals begin that are made before the first operation, of the request as a whole."""


def several(batch: Batch) -> bool:
    """Whether a batch is more than one operation on the wire: each run of equal payload is one, and so is the deletion
    of the keys that a run is to lose.
    """
    operation, *others = batch.operations
    if others or not isinstance(operation, SetPayload | OverwritePayload):
        return bool(others)
    runs = 1 if isinstance(operation.target, Matching) else len(operation.runs) - 1
    return runs > 1 or null_keys(operation, operation.run_payload) is not None


def points_named(batch: Batch) -> int:
    """How many points the operations of a batch name on the wire: those of a run that is to lose keys twice. It is what
    a rate limiter charges, but for what filters select.
    """
    return sum(len(operation.rows) + _losing(operation) for operation in batch.operations)


def _losing(operation: Operation) -> int:
    if not isinstance(operation, SetPayload) or isinstance(operation.target, Matching):
        return 0
    lost = null_keys(operation, operation.run_payload)
    return 0 if lost is None else int(np.diff(operation.runs)[lost.some].sum())


def in_doubt(answer: Ack | Fault) -> Ack | Fault:
    """What the answer to several operations says, which does not tell the one that it is about."""
    if isinstance(answer, Ack) or answer.applied != "no":
        return answer
    limited = answer.kind == "throttled" or (answer.kind == "too_large" and never_fits(answer.message))
    refused = answer.kind == "refused" and not answer.message.startswith(_AT_ONCE)
    return replace(answer, applied="some") if limited or refused else answer
