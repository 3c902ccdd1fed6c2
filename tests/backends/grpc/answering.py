"""A gRPC server in this process that answers any method with what a function says, in raw bytes."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc


class _Any(grpc.GenericRpcHandler):
    def __init__(self, answer: Callable[[str, bytes, grpc.ServicerContext], bytes]) -> None:
        self._answer = answer

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(
            lambda content, context: self._answer(details.method, content, context)
        )


@contextmanager
def answering(answer, *, port=0, credentials=None, compression=None) -> Iterator[int]:
    """The port of a server on 127.0.0.1; `answer(method, content, context)` gives the bytes, or aborts."""
    server = grpc.server(
        ThreadPoolExecutor(4),
        [_Any(answer)],
        options=[("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)],
        compression=compression,
    )
    address = f"127.0.0.1:{port}"
    bound = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    server.start()
    try:
        yield bound
    finally:
        server.stop(None).wait()
