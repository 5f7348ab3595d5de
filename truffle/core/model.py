"""The vocabulary: reservations, scopes, and the results of listing a scope.

The field names and their order are an interface: the JSON of every output is derived from them.
Each kind's rows are in its file of ``truffle/core/kinds/``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from truffle.core.kinds.capacity_block import CapacityBlock
from truffle.core.kinds.kind import ReservationType
from truffle.core.kinds.odcr import Odcr
from truffle.core.kinds.parts import (
    STATES,
    TERMINAL_STATES,
    USABLE_STATES,
    Accelerator,
    Adjustment,
    BillingRequest,
    Commitment,
    Consumer,
    Health,
    InterruptibleAllocation,
    MarketType,
    Scope,
    block_hours,
    effective_end,
    used_of,
    utilization_of,
)
from truffle.core.kinds.registry import TYPES, Reservation
from truffle.core.kinds.training_plan import TrainingPlan

__all__ = [
    "BUDGET_EXCEEDED",
    "CLOSED_KINDS",
    "DEADLINE_EXCEEDED",
    "LONGEST_MESSAGE",
    "STATES",
    "TERMINAL_STATES",
    "TYPES",
    "USABLE_STATES",
    "Accelerator",
    "Adjustment",
    "BillingRequest",
    "CapacityBlock",
    "Commitment",
    "Consumer",
    "Failure",
    "FailureKind",
    "Health",
    "InterruptibleAllocation",
    "MarketType",
    "Odcr",
    "Reservation",
    "ReservationType",
    "Scope",
    "Snapshot",
    "TrainingPlan",
    "Unanswered",
    "block_hours",
    "effective_end",
    "used_of",
    "utilization_of",
]


class FailureKind(StrEnum):
    """The class of a failure: whether a retry could help.

    ``denied`` (IAM or an SCP) and ``disabled`` (a region that is not enabled) are definite, and
    last until someone changes them; an ``error`` justifies a retry, ``throttled`` one after a
    longer pause.
    """

    DENIED = "denied"
    DISABLED = "disabled"
    THROTTLED = "throttled"
    ERROR = "error"


DEADLINE_EXCEEDED: Final = "DeadlineExceeded"
"""truffle's own failure code: time ran out before AWS responded."""

BUDGET_EXCEEDED: Final = "BudgetExceeded"
"""truffle's own code of a request that was not sent, to leave the budget to other callers."""

CLOSED_KINDS = frozenset({FailureKind.DENIED, FailureKind.DISABLED})
"""The kinds that close a scope: it is not monitored, and nothing can run there."""

LONGEST_MESSAGE: Final = 1000
"""The maximum number of characters kept of a failure's message, and of a dead letter's reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A scope that could not be listed completely; its reservations are unknown.

    ``is_expected``: it matches the setting ``expected_denied``.
    """

    scope: Scope
    failed_at: datetime
    kind: FailureKind
    code: str
    message: str
    operation: str | None = None
    is_expected: bool = False

    @property
    def is_final(self) -> bool:
        """Whether a retry would soon have the same result."""
        return self.kind in CLOSED_KINDS

    @property
    def short_message(self) -> str:
        """The message as stored and published."""
        return self.message[:LONGEST_MESSAGE]

    def __str__(self) -> str:
        return f"{self.scope}: {self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Unanswered:
    """An enrichment that EC2 refused; its fields are None."""

    operation: str
    code: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The complete, successful listing of one scope at one moment, ordered by reservation id."""

    scope: Scope
    observed_at: datetime
    reservations: tuple[Reservation, ...]
    unanswered: tuple[Unanswered, ...] = ()
