"""Qdrant over gRPC: codec and pipe, without generated stubs."""
