"""Qdrant over HTTP and JSON: codec and pipe."""
