"""``collect``: receives units from the queue and collects them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.collecting.collector import ScopeOutcome
from lambdas.collecting.retries import delivery_of, is_retry
from lambdas.collecting.units import read_message
from lambdas.observability import batch_logger, logger, metrics
from truffle.core.model import Snapshot
from truffle.core.rechecks import next_checks
from truffle.core.runs import Finish, Unit, WriteLatest

RESERVE = timedelta(seconds=50)
"""The time left for one call that hangs, and for the writes, when listing must end."""

PERIODS_PLANNED = 2
"""Rechecks are planned this many periods of the schedule ahead, so a late run misses none."""

_processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False, logger=batch_logger)


def _count(outcomes: list[ScopeOutcome]) -> None:
    snapshots = [outcome.result for outcome in outcomes if isinstance(outcome.result, Snapshot)]
    failures = [outcome.failure for outcome in outcomes if outcome.failure]
    listed = sum(len(snapshot.reservations) for snapshot in snapshots)
    failed = sum(not failure.is_expected for failure in failures)
    events = sum(outcome.events for outcome in outcomes)
    metrics.add_metric("ScopesSucceeded", MetricUnit.Count, len(snapshots))
    metrics.add_metric("ScopesFailed", MetricUnit.Count, failed)
    metrics.add_metric("ReservationsListed", MetricUnit.Count, listed)
    metrics.add_metric("EventsRecorded", MetricUnit.Count, events)


def _plan_checks(unit: Unit, outcomes: list[ScopeOutcome]) -> None:
    """Schedule collections of the accounts in which something is due before the run after the next
    one."""
    snapshots = [outcome.result for outcome in outcomes if isinstance(outcome.result, Snapshot)]
    ahead = PERIODS_PLANNED * timedelta(minutes=int(wiring.collect().settings.schedule_minutes))
    present, thresholds = wiring.now(), wiring.collect().alert_settings.thresholds
    checks = next_checks(snapshots, thresholds, present, present + ahead)
    units = {at: replace(unit, run_id=None, accounts=them) for at, them in checks.items()}
    failed = wiring.collect().planner.plan(units) if units else 0
    if failed:
        metrics.add_metric("ChecksFailed", MetricUnit.Count, failed)


def _find_stranded(unit: Unit, outcomes: list[ScopeOutcome], deadline: datetime) -> None:
    """List the instances beside idle capacity, once in each run."""
    finder = wiring.collect().stranded
    if finder is None or unit.run_id is None:
        return
    snapshots = [outcome.result for outcome in outcomes if isinstance(outcome.result, Snapshot)]
    finder.find(unit.region, snapshots, deadline)


def _completed(is_first: bool) -> None:
    if is_first:
        metrics.add_metric("RunsCompleted", MetricUnit.Count, 1)


def _write_latest(record: SQSRecord, message: WriteLatest) -> None:
    """Write what is made from the whole inventory; what fails is tried again soon."""
    try:
        wiring.collect().latest_files.write(message)
    except Exception:
        wiring.collect().retrier.return_soon(record)
        raise


def _regions_of(accounts: Sequence[str]) -> dict[str, Any]:
    """The enabled regions of each account, and the cost of the requests. ``fan_out`` asks once a
    day, hence the late import."""
    from lambdas.collecting.discovery import regions_of

    wiring.meter.take()
    answers = regions_of(accounts, wiring.collect().ec2_at_home)
    unknown = sum("error" in answer for answer in answers.values())
    metrics.add_metric("AccountsWithoutRegions", MetricUnit.Count, unknown)
    return {"regions": answers, "calls": wiring.meter.take().to_counts()}


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Collect each unit; only failed ones stay on the queue. A retry lists only the scopes not
    observed since the unit was first requested. ``fan_out`` asks for regions."""
    if "regions_of" in event:
        return _regions_of(event["regions_of"])
    deadline = (
        wiring.now() + timedelta(milliseconds=context.get_remaining_time_in_millis()) - RESERVE
    )

    def collect(record: SQSRecord) -> None:
        # The remaining calls belong to no run: those after the last recorded attempt, or after a
        # hint.
        wiring.meter.take()
        message = read_message(record.body)
        if isinstance(message, Finish):
            _completed(wiring.collect().closer.finish(message))
            return
        if isinstance(message, WriteLatest):
            _write_latest(record, message)
            return
        unit, delivery = message, delivery_of(record)
        left, observed_at = unit, None
        if is_retry(record):
            left, observed_at = wiring.collect().collector.left_of(unit, delivery)
        outcomes = wiring.collect().collector.collect(left, deadline, delivery)
        _count(outcomes)
        _plan_checks(unit, outcomes)
        _find_stranded(unit, outcomes, deadline)
        has_changes = any(outcome.has_changes for outcome in outcomes)
        _completed(wiring.collect().closer.record_attempt(unit, has_changes, observed_at))
        failures = [outcome.failure for outcome in outcomes if outcome.failure]
        wiring.collect().retrier.retry(record, unit, failures)

    return process_partial_response(event, collect, _processor, context)
