"""The story of the demo: steps that change the bundled organization, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from sandbox.ec2.control import Control
from sandbox.ec2.faults import FaultKind
from sandbox.ec2.organization import cb, cr


class Action(Protocol):
    """An action on the simulated EC2."""

    def apply(self, control: Control) -> None: ...


@dataclass(frozen=True, slots=True)
class Pass:
    """Time passes."""

    distance: timedelta

    def apply(self, control: Control) -> None:
        control.advance(self.distance)


@dataclass(frozen=True, slots=True)
class Break:
    """Calls in a region fail until it is mended."""

    region: str
    kind: FaultKind

    def apply(self, control: Control) -> None:
        control.break_calls(self.kind, self.region)


@dataclass(frozen=True, slots=True)
class Mend:
    region: str

    def apply(self, control: Control) -> None:
        control.mend(self.region)


@dataclass(frozen=True, slots=True)
class Impair:
    """A block's health changes."""

    region: str
    block_id: str
    status: Mapping[str, Any]

    def apply(self, control: Control) -> None:
        control.set_block_status(self.region, self.block_id, **self.status)


@dataclass(frozen=True, slots=True)
class Remove:
    """A reservation is no longer listed."""

    reservation_id: str

    def apply(self, control: Control) -> None:
        control.remove(self.reservation_id)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its text, its actions, and its subject.

    After the next run there are alerts about ``reservation_id`` or about the scope in ``region``.
    """

    title: str
    action: Action
    region: str
    reservation_id: str | None = None

    def apply(self, control: Control) -> None:
        """Apply the action. Raises ControlError, or OSError without a simulator."""
        self.action.apply(control)


_IMPAIRED = {"InterconnectStatus": "impaired", "TotalUnavailableCapacity": 2}

STORY: tuple[Step, ...] = (
    Step(
        "Two hours pass: the capacity block llm-pretrain-08 starts.",
        Pass(timedelta(hours=2, minutes=1)),
        "us-east-1",
        cr("llm-pretrain-08"),
    ),
    Step(
        "Half an hour later, the payment for the block asr-train-05 fails.",
        Pass(timedelta(minutes=30)),
        "us-east-1",
        cr("asr-train-05"),
    ),
    Step(
        "The network between the instances of llm-pretrain-07 degrades.",
        Impair("us-east-1", cb("llm-pretrain-07"), _IMPAIRED),
        "us-east-1",
        cr("llm-pretrain-07"),
    ),
    Step(
        "A user cancels the reservation chat-api-31.",
        Remove(cr("chat-api-31")),
        "us-west-2",
        cr("chat-api-31"),
    ),
    Step(
        "EC2 in eu-central-1 returns only errors.",
        Break("eu-central-1", FaultKind.INTERNAL),
        "eu-central-1",
    ),
    Step("EC2 in eu-central-1 works again.", Mend("eu-central-1"), "eu-central-1"),
)
