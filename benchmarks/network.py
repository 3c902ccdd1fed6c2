"""Bytes that went over the network interface, both ways, as the system counts them: requests, answers and headers."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path

COUNTERS = Path("/proc/net/dev")


def transferred(host: str) -> int:
    """Since the machine started, whoever sent them; of the loopback for a host on it. 0 where nobody counts them."""
    if not COUNTERS.exists():
        return 0
    local = ipaddress.ip_address(socket.gethostbyname(host)).is_loopback
    total = 0
    for line in COUNTERS.read_text().splitlines()[2:]:
        name, counters = line.split(":", 1)
        received, sent = (int(counters.split()[column]) for column in (0, 8))
        if (name.strip() == "lo") == local:
            total += received if local else received + sent  # the loopback receives all that it sends
    return total
