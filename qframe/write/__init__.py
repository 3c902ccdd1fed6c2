"""From a frame to a report, top to bottom."""
