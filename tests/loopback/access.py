"""Keys: who may do what, in the server's words for either wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from grpc import StatusCode

from .errors import ApiError

NO_KEY = "Must provide an API key or an Authorization bearer token"
WRONG_KEY = "Invalid API key or JWT"


@dataclass(frozen=True)
class Access:
    """The keys of a server; without any, everything is open."""

    api_key: str | None = None
    read_only_api_key: str | None = None

    def check(self, headers: Mapping[str, str], *, writes: bool, collection: str | None) -> None:
        """Refuse a request by its `api-key` or bearer token; `headers` have lower-case names."""
        if self.api_key is None and self.read_only_api_key is None:
            return
        given = headers.get("api-key")
        if given is None and headers.get("authorization", "").startswith("Bearer "):
            given = headers["authorization"].removeprefix("Bearer ")
        if given is None:
            raise ApiError(NO_KEY, 401, StatusCode.UNAUTHENTICATED, plain=True)
        if given == self.api_key:
            return
        if given != self.read_only_api_key:
            raise ApiError(WRONG_KEY, 401, StatusCode.UNAUTHENTICATED, plain=True)
        if writes:
            what = f"Write access to collection `{collection}`" if collection else "Global manage access"
            raise ApiError(f"Forbidden: {what} is required", 403, StatusCode.PERMISSION_DENIED)
