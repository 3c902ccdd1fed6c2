"""The limit of writing over REST when vectors are still to be encoded: orjson makes their text, all else is ready."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import orjson

from benchmarks.bare import senders, share
from benchmarks.data import Job, batches, ids, matrix, payloads

Request = tuple[bytes, np.ndarray[Any, np.dtype[np.float32]], bytes]
"""What stands before the vectors, the vectors, and what stands after them."""


def prepare(job: Job) -> Callable[[], int]:
    requests = [_request(part) for part in batches(job.rows())]
    through = senders(job, "upsert")

    def run() -> int:
        share(through, requests, _encoded)
        return job.count

    return run


def _request(frame: Any) -> Request:
    head = b'{"batch":{"ids":' + orjson.dumps(ids(frame)) + b',"vectors":'
    return head, matrix(frame), b',"payloads":' + orjson.dumps(payloads(frame)) + b"}}"


def _encoded(request: Request) -> bytes:
    head, vectors, tail = request
    return b"".join([head, orjson.dumps(vectors, option=orjson.OPT_SERIALIZE_NUMPY), tail])
