"""One-time schedules of EventBridge that put a unit on its queue at a given minute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2s
from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.clients import session
from lambdas.collecting.units import to_message
from lambdas.observability import logger
from truffle.core.runs import Unit

if TYPE_CHECKING:
    from types_boto3_scheduler.client import EventBridgeSchedulerClient

# Collecting has priority: a Scheduler that hangs must not use up the function's time.
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=2, read_timeout=3
)
_LATE_BY_AT_MOST = 300
"""Seconds after which a recheck that could not be queued is useless: EventBridge Scheduler requires
at least a minute (API reference, RetryPolicy)."""


def make_client() -> EventBridgeSchedulerClient:
    """Create a client of EventBridge Scheduler that gives up soon."""
    client: EventBridgeSchedulerClient = session().client("scheduler", config=_CONFIG)
    return client


@dataclass(frozen=True, slots=True)
class Planner:
    """Creates the schedules in a group of their own; each deletes itself once it has run.

    ``role_arn`` is what EventBridge Scheduler uses to send to ``queue_arn``.
    """

    client: EventBridgeSchedulerClient
    group: str
    queue_arn: str
    role_arn: str

    def plan(self, units: Mapping[datetime, Unit]) -> int:
        """Schedule collections of units at full minutes; return how many could not be scheduled.

        An existing schedule stays as it is. After the first refusal no others are tried; the next
        run schedules again.
        """
        for number, (moment, unit) in enumerate(units.items()):
            try:
                self._create(unit, moment.astimezone(UTC))
            except (ClientError, BotoCoreError) as error:
                left = len(units) - number
                facts = {"region": unit.region, "checks": left, "error": str(error)}
                logger.warning("rechecks not scheduled", extra=facts)
                return left
        return 0

    def _create(self, unit: Unit, at: datetime) -> None:
        try:
            self.client.create_schedule(
                GroupName=self.group,
                Name=_name(unit, at),
                ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={
                    "Arn": self.queue_arn,
                    "RoleArn": self.role_arn,
                    "Input": to_message(unit),
                    "RetryPolicy": {
                        "MaximumEventAgeInSeconds": _LATE_BY_AT_MOST,
                        "MaximumRetryAttempts": 5,
                    },
                },
            )
        except self.client.exceptions.ConflictException:
            return


def _name(unit: Unit, at: datetime) -> str:
    """The same name for the same accounts, region and minute. EventBridge Scheduler requires unique
    names in a group, of at most 64 characters (API reference, CreateSchedule)."""
    accounts = blake2s(",".join(sorted(unit.accounts)).encode(), digest_size=8).hexdigest()
    return f"{unit.region}-{at:%Y%m%dT%H%MZ}-{accounts}"
