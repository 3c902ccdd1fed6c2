"""How fast qframe writes and reads, beside qdrant-client and beside the limit of the wire: `python -m benchmarks`.

Nothing here is a test: figures depend on the machine and on what else runs on it, ratios of interleaved runs less so.
"""
