"""What older servers do not know: over REST they refuse it, over gRPC they drop the unknown field."""

from __future__ import annotations

from typing import Any

from qdrant_client import grpc as proto

from .errors import ApiError

COMMIT = "0000000000000000000000000000000000000000"
TITLE = "qdrant - vector search engine"
MATCH_SINCE = {"substring": (1, 20), "prefix": (1, 19), "text_any": (1, 16), "phrase": (1, 15)}
CONDITION_SINCE = {"slice": (1, 19), "has_vector": (1, 13)}


class Version:
    """The version that the server pretends to be."""

    def __init__(self, text: str) -> None:
        self.text = text
        major, minor, *_ = text.split(".")
        self.number = (int(major), int(minor))

    def knows(self, since: tuple[int, int]) -> bool:
        return self.number >= since

    def check_filter(self, body: Any) -> None:
        """Refuse what this version's REST does not know, wherever in the body it stands."""
        if isinstance(body, list):
            for value in body:
                self.check_filter(value)
        elif isinstance(body, dict):
            for kind, since in MATCH_SINCE.items():
                match = body.get("match")
                if isinstance(match, dict) and kind in match and not self.knows(since):
                    raise ApiError(
                        "Format error in JSON body: data did not match any variant of untagged enum MatchInterface"
                    )
            for kind, since in CONDITION_SINCE.items():
                if kind in body and not self.knows(since):
                    raise ApiError(
                        "Format error in JSON body: data did not match any variant of untagged enum Condition"
                    )
            for key, value in body.items():
                if key != "payload":
                    self.check_filter(value)

    def cut_filter(self, message: proto.Filter) -> None:
        """Drop the conditions that this version's gRPC does not know; an unknown match is refused."""
        for clause in (message.must, message.should, message.must_not, message.min_should.conditions):
            for condition in list(clause):
                kind = condition.WhichOneof("condition_one_of")
                if kind is None or not self.knows(CONDITION_SINCE.get(kind, (0, 0))):
                    clause.remove(condition)
                elif kind == "filter":
                    self.cut_filter(condition.filter)
                elif kind == "nested":
                    self.cut_filter(condition.nested.filter)
                elif kind == "field" and condition.field.HasField("match"):
                    match = condition.field.match.WhichOneof("match_value")
                    if match is None or not self.knows(MATCH_SINCE.get(match, (0, 0))):
                        raise ApiError("Malformed Match condition")
