"""Three truth values made two: predicates with null as true, or as false."""

from __future__ import annotations

import dataclasses

from qframe.frames.polars_predicates.serialized import UntranslatedError
from qframe.model.predicate import Always, And, IsNull, Not, Opaque, Or, Predicate, Xor


def filled(predicate: Predicate, *, value: bool) -> Predicate:
    """The predicate where it is true or false, and `value` where it is null.

    Raises
    ------
    UntranslatedError
        Where that cannot be said of its parts: not of "one or the other", and nothing is true of what is not known.
    """
    if isinstance(predicate, Not):
        return Not(filled(predicate.inner, value=not value))
    if isinstance(predicate, And | Or):
        # Both are null only where what has decided nothing is null.
        return type(predicate)(tuple(filled(part, value=value) for part in predicate.parts))
    if isinstance(predicate, Always):
        return Always(value if predicate.value is None else predicate.value)
    if isinstance(predicate, IsNull):
        return predicate
    if isinstance(predicate, Xor):
        raise UntranslatedError("nulls of xor are filled")
    if isinstance(predicate, Opaque):
        if value:
            raise UntranslatedError(predicate.reason)
        return predicate
    if predicate.of_null != "null":
        return predicate
    return dataclasses.replace(predicate, of_null="true" if value else "false")
