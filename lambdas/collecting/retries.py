"""Returning failed units to their queue."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from lambdas.collecting.units import postponed_message, read_postponed
from lambdas.observability import logger
from truffle.core.model import Failure
from truffle.core.runs import Unit
from truffle.core.throttling import is_throttled, postpone

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

FIRST_RETRY_SECONDS = 15
LONGEST_RETRY_SECONDS = 30


class UnitFailed(Exception):
    """Scopes of a unit failed in a way that justifies a retry."""


def delivery_of(record: SQSRecord) -> str:
    """A short name of the message that first asked for a unit: heartbeats have it, and are billed
    by their size."""
    postponed = read_postponed(record.body)
    first = postponed.delivery if postponed else record.message_id
    return b64encode(sha256(first.encode()).digest()[:6]).decode()


def is_retry(record: SQSRecord) -> bool:
    """Whether a unit may have had an attempt before."""
    receives = int(record.attributes.approximate_receive_count)
    return receives > 1 or read_postponed(record.body) is not None


@dataclass(frozen=True, slots=True)
class Retrier:
    """Returns units to the queue. ``period`` is that of the schedule."""

    client: SQSClient
    queue_url: str
    max_receives: int
    period: timedelta
    clock: Callable[[], datetime]

    def retry(self, record: SQSRecord, unit: Unit, failures: Sequence[Failure]) -> None:
        """Retry a unit whose scopes failed in a way that justifies it.

        Raises UnitFailed if the message stays on the queue, which uses up a receive. Throttling
        alone uses up none: a new message with a delay replaces this one.
        """
        if all(failure.is_final for failure in failures):
            return
        if is_throttled(failures):
            self._postpone(record, unit)
            return
        self.return_soon(record)
        raise UnitFailed("; ".join(map(str, failures)))

    def _postpone(self, record: SQSRecord, unit: Unit) -> None:
        before = read_postponed(record.body)
        after = postpone(record.message_id, before, self.clock(), self.period)
        facts = {"run_id": unit.run_id, "region": unit.region}
        if after is None:
            logger.warning("throttled unit left for the next run", extra=facts)
            return
        delay = ceil(after.pause.total_seconds())
        self.client.send_message(
            QueueUrl=self.queue_url,
            MessageBody=postponed_message(unit, after),
            DelaySeconds=delay,
        )
        logger.warning("unit throttled", extra={**facts, "delay": delay, "times": after.times})

    def return_soon(self, record: SQSRecord) -> None:
        """Return a message after 15 s, then 30 s, instead of the queue's own timeout."""
        tries = int(record.attributes.approximate_receive_count)
        is_last = tries >= self.max_receives
        pause = min(FIRST_RETRY_SECONDS * 2 ** (tries - 1), LONGEST_RETRY_SECONDS)
        self.client.change_message_visibility(
            QueueUrl=self.queue_url,
            ReceiptHandle=record.receipt_handle,
            VisibilityTimeout=0 if is_last else pause,
        )
