"""The REST wire: routes, keys, body limit, compression, envelopes, faults.

What a request means is `rest_operations`.
"""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from . import version as versions
from .access import Access
from .engine import Engine
from .errors import ApiError, ValidationError, service_error
from .faults import LIMIT, Board, Call, Rule, too_large
from .json_points import load
from .json_show import dump
from .operations import Work
from .rest_operations import MANAGE, OPERATIONS, READ, Asked

Endpoint = Callable[[Request], Awaitable[Response]]


class Protocol(H11Protocol):
    """uvicorn's protocol, which also lets a request cut its own connection."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Cut(Response):
    """No answer, or half of one, and the end of the connection."""

    def __init__(self, answer: Response | None = None) -> None:
        super().__init__()
        self.answer = answer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.answer is not None:
            await send({"type": "http.response.start", "status": 200, "headers": self.answer.raw_headers})
            half = self.answer.body[: len(self.answer.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
            await asyncio.sleep(0.05)  # the half must leave before the connection goes
        scope["state"]["transport"].abort()


@dataclass
class Rest:
    """The REST application of one server."""

    engine: Engine
    board: Board
    access: Access

    def app(self) -> Starlette:
        routes = [
            Route("/", self.version),
            *(Route(path, self.healthz) for path in ("/healthz", "/livez", "/readyz")),
            Route("/__faults", self.faults, methods=["GET", "POST", "DELETE"]),
            Route("/__requests", self.requests),
            *(Route(path, self.endpoint(*rest), methods=[method]) for method, path, *rest in OPERATIONS),
        ]
        handlers: dict[Any, Any] = {404: _empty_404, 405: _empty_404}
        return Starlette(routes=routes, exception_handlers=handlers)

    async def version(self, request: Request) -> Response:
        """The root route: no key, no envelope; its operation is `health`, as over gRPC."""
        body = {"title": versions.TITLE, "version": self.engine.version.text, "commit": versions.COMMIT}
        accept = request.headers.get("accept-encoding")
        call = Call(wire="rest", operation="health", collection=None, bytes=0, accept_encoding=accept)
        rule = self.board.arrived(call)
        return await self.refusing(request, self.run(request, Work(lambda: body), rule, call))

    async def healthz(self, request: Request) -> Response:
        return Response("healthz check passed", media_type="text/plain")

    async def faults(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                self.board.add(orjson.loads(await request.body()))
            except (ApiError, TypeError, orjson.JSONDecodeError) as error:
                return Response(str(error), 400)
        elif request.method == "DELETE":
            self.board.clear()
        return Response(dump(self.board.fired()), media_type="application/json")

    async def requests(self, request: Request) -> Response:
        return Response(dump(self.board.requests()), media_type="application/json")

    def endpoint(self, operation: str, needs: str, decode: Callable[[Asked], Work]) -> Endpoint:
        async def answer(request: Request) -> Response:
            return await self.refusing(request, self.answer(request, operation, needs, decode))

        return answer

    async def refusing(self, request: Request, answer: Awaitable[Response]) -> Response:
        """An answer, or the refusal that its error is."""
        started = time.perf_counter()
        try:
            return await answer
        except ApiError as error:
            return _refusal(request, error, started)
        except ValidationError as error:
            return _refusal(request, ApiError(f"Validation error in JSON body: [{error}]", 422), started)
        except Exception as error:  # noqa: BLE001  # a bug here is the client's 500, as on any server
            return _refusal(request, service_error(f"{type(error).__name__}: {error}"), started)

    async def answer(self, request: Request, operation: str, needs: str, decode: Callable[[Asked], Work]) -> Response:
        collection = request.path_params.get("collection")
        self.access.check(request.headers, writes=needs != READ, collection=collection)
        body, size = await _body(request)
        call = Call(
            wire="rest",
            operation=operation,
            collection=collection,
            bytes=size,
            accept_encoding=request.headers.get("accept-encoding"),
            content_encoding=request.headers.get("content-encoding"),
        )
        try:
            work = self.decoded(request, body, decode)
            if needs != MANAGE and "timeout" in request.query_params:
                self.engine.get(collection).strict.check_timeout(int(request.query_params["timeout"]))
        except (ApiError, ValidationError):
            self.board.arrived(call)
            raise
        call = replace(call, points=work.points, ids=frozenset(work.ids), asked=work.asked)
        rule = self.board.arrived(call)
        with self.board.under_way(call):
            return await self.run(request, work, rule, call)

    def decoded(self, request: Request, body: bytes, decode: Callable[[Asked], Work]) -> Work:
        asked = Asked(self.engine, request.path_params, dict(request.query_params), None)
        asked.check_parameters()
        if request.method in ("POST", "PUT", "PATCH"):
            asked = Asked(self.engine, asked.path, asked.query, load(body))
        return decode(asked)

    async def run(self, request: Request, work: Work, rule: Rule | None, call: Call) -> Response:
        """Answer, with the fault that a rule asks for."""
        action = rule.action if rule else None
        if rule and (error := rule.error(call)):
            raise error
        if action == "drop":
            return Cut()
        if action == "silence":
            while not await request.is_disconnected():
                await asyncio.sleep(0.05)
            return Cut()
        if rule and action == "delay":
            await asyncio.sleep(rule.seconds)
        started = time.perf_counter()
        result = work.run()
        if action == "wait_timeout":
            for one in result if isinstance(result, list) else [result]:
                one["status"] = "wait_timeout"
        if rule and action == "backlog":
            result["update_queue"] = {"length": rule.length}
        envelope = {"result": result, "status": "ok", "time": time.perf_counter() - started}
        answer = _json(request, result if call.operation == "health" else envelope)
        return Cut(answer if action == "half" else None) if action in ("half", "drop_after") else answer


async def _body(request: Request) -> tuple[bytes, int]:
    """The body, unzipped, and its size on the wire; over the limit it is read to its end and then refused."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        parts.append(part if size <= LIMIT else b"")
    if size > LIMIT:
        raise too_large(size)
    body = b"".join(parts)
    if request.headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
        if len(body) > LIMIT:
            raise too_large(len(body))
    return body, size


async def _empty_404(request: Request, error: Exception) -> Response:
    return Response(status_code=404)


def _refusal(request: Request, error: ApiError, started: float) -> Response:
    if error.plain:
        answer = Response(error.message, error.http)
    else:
        envelope = {"status": {"error": error.message}, "time": time.perf_counter() - started}
        answer = _json(request, envelope, error.http)
    if error.retry_after is not None:
        answer.headers["retry-after"] = str(error.retry_after)
    if error.close:
        answer.headers["connection"] = "close"
    return answer


def _json(request: Request, value: Any, status: int = 200) -> Response:
    """A JSON answer, zipped wherever the client says that it takes gzip."""
    body = dump(value)
    answer = Response(body, status, media_type="application/json")
    if "gzip" in request.headers.get("accept-encoding", ""):
        answer = Response(gzip.compress(body, 1), status, media_type="application/json")
        answer.headers["content-encoding"] = "gzip"
    return answer
