"""A region's answer to a watch, and its form in the bucket.

An object ``offerings/dt=<day>/hour=<hour>/<region>-<HHMMSS>-<digest>.json.gz`` has a line of JSON
for each answer, with the question as of then. Of the five outcomes, only ``offered``, ``none`` and
``unknown-type`` show what the region sells.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from truffle.core.codec import Json
from truffle.core.market.watches import Question
from truffle.core.offerings import Offering, offering_from_json
from truffle.core.times import format_time, parse_time

OFFERINGS_PREFIX = "offerings"

SCHEMA_VERSION = 1
"""The schema version of the lines of an object; a reader rejects an unknown version."""


class Outcome(StrEnum):
    """How a region answered a watch. ``not-asked``: the request budget allowed no call in time;
    ``failed``: the call failed. Neither shows what is for sale."""

    OFFERED = "offered"
    NONE = "none"
    UNKNOWN_TYPE = "unknown-type"
    NOT_ASKED = "not-asked"
    FAILED = "failed"

    @property
    def is_known(self) -> bool:
        """Whether the answer shows what the region sells."""
        return self in (Outcome.OFFERED, Outcome.NONE, Outcome.UNKNOWN_TYPE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A region's answer to a watch. ``code`` and ``message`` are EC2's if it refused.

    ``offerings`` are all that EC2 returned, those above the watch's price limit included.
    """

    watch: str
    region: str
    account_id: str
    question: Question
    outcome: Outcome
    observed_at: datetime
    offerings: tuple[Offering, ...] = ()
    code: str | None = None
    message: str | None = None

    def to_json(self) -> Json:
        return {
            "schema_version": SCHEMA_VERSION,
            "watch": self.watch,
            "region": self.region,
            "account_id": self.account_id,
            "outcome": self.outcome.value,
            "observed_at": format_time(self.observed_at),
            "code": self.code,
            "message": self.message,
            **self.question.to_json(),
            "offerings": [_offering_to_json(self.question, it) for it in self.offerings],
        }

    @classmethod
    def from_json(cls, data: Json) -> Answer:
        """Raises ValueError, KeyError or TypeError for an object that is not an answer."""
        if data["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema_version {data['schema_version']} is not {SCHEMA_VERSION}")
        return cls(
            watch=data["watch"],
            region=data["region"],
            account_id=data["account_id"],
            question=Question.from_json(data),
            outcome=Outcome(data["outcome"]),
            observed_at=parse_time(data["observed_at"]),
            offerings=tuple(offering_from_json(it) for it in data["offerings"]),
            code=data["code"],
            message=data["message"],
        )


def _offering_to_json(question: Question, offering: Offering) -> Json:
    """An offering with its identity, and whether it costs at most the watch's limit."""
    within = question.is_within_limit(offering)
    return {"identity": offering.identity, "is_within_limit": within, **offering.to_json()}


def answers_to_lines(answers: Iterable[Answer]) -> bytes:
    """The content of an object, before compression."""
    lines = (json.dumps(answer.to_json(), ensure_ascii=False) for answer in answers)
    return "".join(f"{line}\n" for line in lines).encode()


def answers_of_lines(content: bytes) -> list[Answer]:
    """Raises ValueError, KeyError or TypeError for content that is damaged."""
    return [Answer.from_json(json.loads(line)) for line in content.splitlines()]


def answers_key(region: str, at: datetime, content: bytes) -> str:
    """The key of an object, partitioned by day and hour like snapshots. The same content has the
    same key."""
    name = f"{region}-{at:%H%M%S}-{sha256(content).hexdigest()[:8]}.json.gz"
    return f"{OFFERINGS_PREFIX}/dt={at:%Y-%m-%d}/hour={at:%H}/{name}"
