"""How often AWS was called, and how many items of DynamoDB that took: the cost of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

SERVICES = ("ec2", "sagemaker", "sts", "dynamodb", "s3", "sqs")
"""The services that are counted, by the names of botocore's service ids."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Requests sent to each service, and the items of DynamoDB that they read and wrote.

    Each attempt of a call that is retried is a request of its own. ``items_read`` are the items
    that came back, ``items_written`` those that were put, updated, or deleted. What AWS rounds up
    to its units of capacity is not in them.
    """

    ec2: int = 0
    sagemaker: int = 0
    sts: int = 0
    dynamodb: int = 0
    s3: int = 0
    sqs: int = 0
    items_read: int = 0
    items_written: int = 0

    def __add__(self, other: Calls) -> Calls:
        mine, others = asdict(self), asdict(other)
        return Calls(**{name: mine[name] + others[name] for name in mine})

    def to_counts(self) -> dict[str, int]:
        """The numbers that are not 0, by their names."""
        return {name: count for name, count in asdict(self).items() if count}

    @classmethod
    def from_counts(cls, counts: Mapping[str, int]) -> Self:
        """The inverse of ``to_counts``; other names are left out."""
        return cls(**{name: counts[name] for name in cls.__slots__ if name in counts})

    def to_json(self) -> dict[str, Any]:
        """``calls`` and ``dynamodb_items`` of a manifest."""
        return {
            "calls": {service: getattr(self, service) for service in SERVICES},
            "dynamodb_items": {"read": self.items_read, "written": self.items_written},
        }
