"""The states of scopes between requests: judged again only if that could change them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from truffle.core.expected import ExpectedDenials
from truffle.core.status import Judgement, ScopeStatus, judge_all


class Judge:
    """Judges all scopes by the allowed age of a listing, and by the expected denials."""

    def __init__(self, allowed_age: timedelta, expected: ExpectedDenials) -> None:
        self._allowed_age = allowed_age
        self._expected = expected
        self._judged: tuple[Sequence[ScopeStatus], Judgement] | None = None

    def of(self, statuses: Sequence[ScopeStatus], now: datetime) -> Judgement:
        """The states at a moment. An identical list means identical statuses."""
        if self._judged is not None:
            known, judgement = self._judged
            if known is statuses and judgement.is_valid(now):
                return judgement
        judgement = judge_all(statuses, now, self._allowed_age, self._expected)
        self._judged = statuses, judgement
        return judgement

    def at(self, statuses: Sequence[ScopeStatus], moment: datetime) -> Judgement:
        """The states at a past moment, which are not kept."""
        return judge_all(statuses, moment, self._allowed_age, self._expected)
