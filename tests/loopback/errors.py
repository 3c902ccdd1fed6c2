"""Errors in the server's own words, each with its HTTP status and its gRPC code.

Knows nothing of how they are sent; `rest` and `grpc_wire` do that.
"""

from __future__ import annotations

from dataclasses import dataclass

from grpc import StatusCode


@dataclass
class ApiError(Exception):
    """A refusal: the text, the status of either wire, and what goes beside it."""

    message: str
    http: int = 400
    code: StatusCode = StatusCode.INVALID_ARGUMENT
    retry_after: int | None = None
    close: bool = False
    plain: bool = False
    """The real server answers failed authentication with plain text, all else in its JSON envelope."""


class ValidationError(Exception):
    """A body that is well formed and against the rules; the two wires frame the same detail differently."""


def wrong_input(message: str) -> ApiError:
    return ApiError(f"Wrong input: {message}")


def bad_request(message: str) -> ApiError:
    return ApiError(f"Bad request: {message}")


def not_found(message: str) -> ApiError:
    return ApiError(f"Not found: {message}", 404, StatusCode.NOT_FOUND)


def already_exists(collection: str) -> ApiError:
    message = f"Wrong input: Collection `{collection}` already exists!"
    return ApiError(message, 409, StatusCode.ALREADY_EXISTS)


def service_error(message: str) -> ApiError:
    return ApiError(f"Service internal error: {message}", 500, StatusCode.INTERNAL)


def rate_limited(message: str, retry_after: int | None) -> ApiError:
    message = f"Rate limiting exceeded: {message}"
    return ApiError(message, 429, StatusCode.RESOURCE_EXHAUSTED, retry_after=retry_after)


def not_served(what: str) -> ApiError:
    """What the real server has and this one does not: never an answer that could pass for a real one."""
    return ApiError(f"The loopback test server does not serve {what}", 501, StatusCode.UNIMPLEMENTED)


def from_engine(error: BaseException) -> ApiError:
    """Map the engine's texts, which are the server's without its prefixes."""
    text = str(error).split("\nwhile processing")[0]
    if text.startswith("No point with id"):
        return not_found(f"{text} found")
    if type(error).__name__ == "PanicException" or text.startswith("Service runtime error"):
        return service_error(text)
    return wrong_input(text)
