"""The vocabulary: reservations, scopes, and what listing a scope gives.

The field names and their order are the interface: the JSON of every output is made from them.
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
    Market,
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
    "Market",
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

    ``denied`` (IAM or an SCP) and ``disabled`` (a region that is not enabled) are answers, and stay
    as they are until someone changes them; an ``error`` is worth another try, and ``throttled`` one
    that waits longer.
    """

    DENIED = "denied"
    DISABLED = "disabled"
    THROTTLED = "throttled"
    ERROR = "error"


DEADLINE_EXCEEDED: Final = "DeadlineExceeded"
"""The code of a failure that is truffle's own: time ran out before AWS answered."""

BUDGET_EXCEEDED: Final = "BudgetExceeded"
"""The code of a request that truffle did not send, to leave the budget to other callers."""

CLOSED_KINDS = frozenset({FailureKind.DENIED, FailureKind.DISABLED})
"""Those that close a scope: it is not monitored, and nothing can run there."""

LONGEST_MESSAGE: Final = 1000
"""Characters of a failure's message that are kept."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A scope that could not be listed completely; its reservations are unknown.

    ``is_expected``: the setting ``expected_denied`` expects it.
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
        """Whether asking again soon would only get the same answer."""
        return self.kind in CLOSED_KINDS

    @property
    def short_message(self) -> str:
        """The message as it is stored and published."""
        return self.message[:LONGEST_MESSAGE]

    def __str__(self) -> str:
        return f"{self.scope}: {self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Unanswered:
    """An enrichment that EC2 refused: the fields that it would have filled are None."""

    operation: str
    code: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The complete, successful listing of one scope at one moment, ordered by reservation id."""

    scope: Scope
    observed_at: datetime
    reservations: tuple[Reservation, ...]
    unanswered: tuple[Unanswered, ...] = ()
