"""Counts of AWS calls and of DynamoDB items: the cost of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

SERVICES = ("ec2", "sts", "dynamodb", "s3", "sqs")
"""The services that a manifest always names, even without calls."""

_ITEMS = ("items_read", "items_written")


@dataclass(frozen=True, slots=True)
class Calls:
    """Requests sent to each service, and the DynamoDB items that they read and wrote.

    ``services`` has botocore's names of services, with hyphens (botocore/model.py, ServiceId). Each
    attempt of a retried call is a separate request. ``items_read`` counts the items returned,
    ``items_written`` those put, updated, or deleted, without AWS's rounding to units of capacity.
    """

    services: Mapping[str, int] = field(default_factory=dict)
    items_read: int = 0
    items_written: int = 0

    def __add__(self, other: Calls) -> Calls:
        return Calls(
            dict(Counter(self.services) + Counter(other.services)),
            self.items_read + other.items_read,
            self.items_written + other.items_written,
        )

    def to_counts(self) -> dict[str, int]:
        """The numbers that are not 0, by their names."""
        items = {name: getattr(self, name) for name in _ITEMS}
        return {name: count for name, count in {**self.services, **items}.items() if count}

    @classmethod
    def from_counts(cls, counts: Mapping[str, int]) -> Self:
        """The inverse of ``to_counts``."""
        services = {name: count for name, count in counts.items() if name not in _ITEMS}
        return cls(services, **{name: counts[name] for name in _ITEMS if name in counts})

    def to_json(self) -> dict[str, Any]:
        """``calls`` and ``dynamodb_items`` of a manifest."""
        return {
            "calls": {**dict.fromkeys(SERVICES, 0), **dict(sorted(self.services.items()))},
            "dynamodb_items": {"read": self.items_read, "written": self.items_written},
        }
