"""A Qdrant server for tests: REST and gRPC over the embedded engine, in a process of its own.

It is the second party of the tests and so must not know qframe: requests are decoded by the official
models and stubs, stored by the engine that the real server shares, and refused in the real server's words.
Started by `process.Server`; `python -m tests.loopback` runs one by hand.
"""
