"""Whether the next batch is worth sending after what came of the last ones; the same rules in a lane and in a call."""

from __future__ import annotations

from dataclasses import dataclass

from qframe.model.outcome import Outcome

LOST_IN_A_ROW = 3
"""Batches that used up their retries one after the other before it ends: the target is gone, not busy."""

HOPELESS_IN_A_ROW = 2
"""Batches that were refused whole one after the other before it ends: the reason is in none of their rows."""


@dataclass(slots=True)
class Streak:
    """Batches heard of, one after the other.

    Parameters
    ----------
    strict : bool
        Whether the first refused row is enough.
    """

    strict: bool
    _lost: int = 0
    _hopeless: int = 0

    def verdict(self, outcome: Outcome) -> str | None:
        """Why no batch is to follow this one, or None. Batches that were not sent say nothing."""
        spans = [span for span in outcome.spans if span.state != "unsent"]
        if outcome.fatal is not None:
            return outcome.fatal.message
        if not spans:
            return None
        failed = [span for span in spans if span.state == "failed"]
        if failed and self.strict:
            return failed[0].message
        lost = [span for span in spans if span.error in ("lost", "throttled")]
        self._lost = self._lost + 1 if lost else 0
        self._hopeless = self._hopeless + 1 if outcome.hopeless else 0
        if self._lost >= LOST_IN_A_ROW:
            return f"{self._lost} batches in a row were not confirmed: {lost[0].message}"
        if self._hopeless >= HOPELESS_IN_A_ROW:
            return f"{self._hopeless} batches in a row were refused whole: {(failed or lost)[0].message}"
        return None
