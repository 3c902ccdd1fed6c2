"""A gRPC channel for raw bytes, with or without gzip."""

from __future__ import annotations

import grpc

from benchmarks.data import Job


def raw_channel(job: Job) -> grpc.Channel:
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    if not job.gzip:
        options.append(("grpc.compression_enabled_algorithms_bitset", 1))
    return grpc.insecure_channel(f"{job.host}:{job.grpc_port}", options)
