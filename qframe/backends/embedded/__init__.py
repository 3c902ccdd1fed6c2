"""The contract on the embedded engine, qdrant-edge."""
