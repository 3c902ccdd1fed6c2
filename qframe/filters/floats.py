"""Float64 in payload, where the server's own reading of its JSON moves the last digits of some values.

Qdrant keeps payload as JSON text and reads numbers with a parser that rounds twice. So the value that is read, and that
a filter without an index compares, is `reread(written)`; a float index holds `written`. Of 4,000 random doubles 632
came back changed, all of them as `reread` foretells, and of 1,500 points 229 were not found by `x == <as read>` once
there was an index. Bounds of filters go through the same parser in a REST request.

Which doubles are moved is known. So a constant is safe when no value near it crosses it on its way through the parser;
else its bound is moved outwards as far as needed, which makes a superset. Of constants of one to four decimals, 15 to
20 % are not safe for a comparison with a float index; without one all are that have up to 15 digits.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

_POWERS = tuple(float(f"1e{exponent}") for exponent in range(309))
_GREATEST = sys.float_info.max
"""It is read as itself, and no finite text as an infinite number (of 103,000 great doubles)."""

_STEP = 2
"""Doubles that one reading moves a value by, at most."""

_WINDOW = 8
"""Doubles on each side of a constant that are looked at. A value from farther away that is moved past the constant,
reading by reading, passes through here."""

_FAR = 2.0**-40
"""How far a bound is moved, of its value, where values come from outside the window. The longest way of 200,000 doubles
of any exponent was 90 doubles; with exponents of 22 and less none was longer than 2."""


def reread(value: float) -> float:
    """What the server's parser makes of a finite double's shortest text: digits as an integer, times a power of ten."""
    mantissa, _, power = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    exponent = int(power or 0) - len(fraction)
    found = float(int(whole + fraction))
    while exponent < -308:
        found /= 1e308
        exponent += 308
    found = found * _POWERS[exponent] if exponent >= 0 else found / _POWERS[-exponent]
    return math.copysign(found, value)


def lower(value: float, strict: bool, indexed: bool) -> tuple[float, bool]:
    """A bound below values.

    Parameters
    ----------
    value : float
        The constant.
    strict : bool
        Values above it are meant, else values from it on.
    indexed : bool
        A float index answers.

    Returns
    -------
    float
        What to compare with.
    bool
        Whether that is the constant itself and no value is mistaken for one on its other side. Else values from the
        bound on, itself among them, include all that are meant.
    """
    near = list(_near(value))
    sides = {one: [_meant(read, value, strict) for read in (_readings(one) if indexed else (one,))] for one in near}
    if reread(value) == value and all(all(side) == any(side) for side in sides.values()):
        return value, True
    least = min((one for one, side in sides.items() if any(side)), default=near[-1])
    if least in near[:_STEP]:
        least = max(least - abs(value) * _FAR, -_GREATEST)
    bound = least
    while reread(bound) > least and bound > -_GREATEST:
        bound = math.nextafter(bound, -math.inf)
    return bound, False


def upper(value: float, strict: bool, indexed: bool) -> tuple[float, bool]:
    """A bound above values; `lower` on the other side of zero."""
    bound, exact = lower(-value, strict, indexed)
    return -bound, exact


def _meant(read: float, value: float, strict: bool) -> bool:
    return read > value if strict else read >= value


def _near(value: float) -> Iterator[float]:
    """The constant and its neighbours, ascending."""
    one = value
    for _ in range(_WINDOW):
        one = math.nextafter(one, -math.inf)
    for _ in range(2 * _WINDOW + 1):
        if math.isfinite(one):
            yield one
        one = math.nextafter(one, math.inf)


def _readings(value: float) -> list[float]:
    """What a written value may be read as: payload is written again when a point is changed or moved."""
    found = [value]
    while (following := reread(found[-1])) not in found and math.isfinite(following):
        found.append(following)
    return found
