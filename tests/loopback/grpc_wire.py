"""The gRPC wire: methods, keys, codes, trailing metadata, faults. What a message means is `grpc_operations`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from .access import Access
from .engine import Engine
from .errors import ApiError, ValidationError, service_error
from .faults import Board, Call, Rule
from .grpc_operations import MANAGE, METHODS, READ
from .operations import Work
from .proto_show import STATUSES

LOST = ApiError("Connection reset by peer", code=grpc.StatusCode.UNAVAILABLE)


@dataclass
class Handlers(grpc.GenericRpcHandler):
    """All methods, on raw bytes, so that decoding and its errors are this server's."""

    engine: Engine
    board: Board
    access: Access

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method
        if method not in METHODS:
            return None

        async def answer(request: bytes, context: Any) -> bytes:
            try:
                return await self.answer(method, request, context)
            except ApiError as error:
                refusal = error
            except ValidationError as error:
                refusal = ApiError(f"Validation error in body: [{error}]")
            except DecodeError as error:
                refusal = ApiError(f"failed to decode Protobuf message: {error}", code=grpc.StatusCode.INTERNAL)
            except Exception as error:  # noqa: BLE001  # a bug here is the client's 500, as on any server
                refusal = service_error(f"{type(error).__name__}: {error}")
            trailing = () if refusal.retry_after is None else (("retry-after", str(refusal.retry_after)),)
            await context.abort(refusal.code, refusal.message, trailing)
            raise AssertionError("abort returned")

        return grpc.unary_unary_rpc_method_handler(answer)

    async def answer(self, method: str, request: bytes, context: Any) -> bytes:
        operation, needs, kind, decode = METHODS[method]
        metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        message = kind.FromString(request)
        collection = getattr(message, "collection_name", None)
        if operation != "health":
            self.access.check(metadata, writes=needs != READ, collection=collection)
        call = Call("grpc", operation, collection, len(request))
        try:
            _refuse_unknown_fields(message)
            work = decode(self.engine, message)
            if needs != MANAGE and "timeout" in kind.DESCRIPTOR.fields_by_name and message.HasField("timeout"):
                if message.timeout < 1:
                    raise ValidationError("timeout: value 0 invalid, must be 1 or larger")
                self.engine.get(collection).strict.check_timeout(message.timeout)
        except (ApiError, ValidationError):
            self.board.arrived(call)
            raise
        call = replace(call, points=work.points, ids=frozenset(work.ids), asked=work.asked)
        rule = self.board.arrived(call)
        with self.board.under_way(call):
            return await self.run(work, rule, call)

    async def run(self, work: Work, rule: Rule | None, call: Call) -> bytes:
        """Answer, with the fault that a rule asks for."""
        action = rule.action if rule else None
        if rule and (error := rule.error(call)):
            raise error
        if action == "drop":
            raise LOST
        if action == "silence":
            await asyncio.Event().wait()
        if rule and action == "delay":
            await asyncio.sleep(rule.seconds)
        response = work.run()
        if action in ("drop_after", "half"):
            raise LOST
        if action == "wait_timeout":
            results = response.result if call.operation == "batch" else [response.result]
            for result in results:
                result.status = STATUSES["wait_timeout"]
        if rule and action == "backlog":
            response.result.update_queue.length = rule.length
        return response.SerializeToString()


def _refuse_unknown_fields(message: Any) -> None:
    """Stricter than the server, which passes over fields that it does not know: none is sent to it on purpose."""
    size = message.ByteSize()
    message.DiscardUnknownFields()
    if message.ByteSize() != size:
        raise ApiError(f"{type(message).__name__} has fields that no server knows")
