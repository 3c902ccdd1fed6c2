"""Small values and pure validation that every other package speaks in; no I/O, no frames, no wires."""
