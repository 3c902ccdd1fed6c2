"""What becomes of changes that the server has logged and did not apply in time: a look at its queue afterwards."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from qframe.administration import find
from qframe.connection import Connection
from qframe.delivery.ask import Patience
from qframe.errors import QframeError

log = logging.getLogger("qframe")

FIRST_LOOK = 0.05
"""Seconds until the queue is looked at again; doubled each time."""

LONGEST = 1.0
"""Seconds between two looks, at most."""


def drained(
    connection: Connection, collection: str, patience: Patience, sleep: Callable[[float], object] = time.sleep
) -> bool | None:
    """Whether the collection's update queue has become empty, waiting for it as long as a request may take.

    Parameters
    ----------
    connection : Connection
    collection : str
    patience : Patience
        That of the call.
    sleep : callable
        Waits so many seconds.

    Returns
    -------
    bool or None
        None where the server does not tell (before 1.17), is not heard of, or the call has no time to ask.
    """
    until = min(time.monotonic() + patience.timeout, patience.deadline)
    pause = FIRST_LOOK
    while time.monotonic() < until:
        try:
            info = find(connection, collection, patience)
        except QframeError as error:
            log.info("update queue not seen", extra={"collection": collection, "detail": str(error)})
            return None
        if info is None or info.queue is None:
            return None
        if info.queue == 0:
            return True
        if time.monotonic() + pause >= until:
            return False
        sleep(pause)
        pause = min(2 * pause, LONGEST)
    return None
