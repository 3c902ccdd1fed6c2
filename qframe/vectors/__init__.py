"""Vectors of a frame: which columns they are, whether they fit the collection, and their rows, every value checked."""
