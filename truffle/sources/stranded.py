"""Instances beside idle capacity, from the deployed stack's ``GET /stranded``."""

from __future__ import annotations

from dataclasses import dataclass

from truffle.core.codec import Json
from truffle.core.stranded import Stranded, from_json
from truffle.results import Results
from truffle.sources.api import Api, Parameters
from truffle.sources.status import collection_failures


@dataclass(frozen=True, slots=True)
class Finding:
    """Instances that run On-Demand beside one idle reservation: their number, the reason, the
    remedy.

    ``usd_per_hour`` is their cost, None if no price is known.
    """

    stranded: Stranded
    why: str
    fix: str
    usd_per_hour: float | None


class StrandedSpend(Results[Finding]):
    """The findings, the most expensive first.

    ``usd_per_hour`` is the sum of all known prices, None if there are none; ``unpriced_instances``
    counts the instances without one. ``unanswered`` has scopes with idle capacity whose request
    failed: their instances are unknown.
    """

    def __init__(self, answer: Json) -> None:
        super().__init__(
            Finding(from_json(it), it["why"], it["fix"], it["usd_per_hour"])
            for it in answer["items"]
        )
        self.items: list[Json] = list(answer["items"])
        self.usd_per_hour: float | None = answer["usd_per_hour"]
        self.unpriced_instances: int = answer["unpriced_instances"]
        self.unanswered: list[Json] = list(answer["unanswered"])
        self.warnings: list[str] = list(answer["warnings"])
        self.failures = collection_failures(answer["collection"])


def read_stranded(api: Api, query: Parameters) -> StrandedSpend:
    """Read the findings. Raises ApiError, and TruffleNotFoundError if the stack does not collect
    them."""
    answer = api.get("/stranded", "unanswered", query)
    with api.understood():
        return StrandedSpend(answer)
