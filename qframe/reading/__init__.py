"""From a collection to a frame, top to bottom."""
