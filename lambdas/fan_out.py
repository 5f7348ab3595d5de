"""``fan_out``: opens a run and queues one message per unit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from lambdas import wiring
from lambdas.collecting.coverage import Found
from lambdas.collecting.units import finish_message, to_message
from lambdas.observability import logger, metrics
from lambdas.settings import comma_separated
from truffle.core.calls import Calls
from truffle.core.coverage import Coverage
from truffle.core.groups import Groups, assign_groups
from truffle.core.model import Scope
from truffle.core.runs import SCHEDULED, Run, new_run, run_id_of, to_retire
from truffle.core.times import parse_time
from truffle.ec2.regions import enabled_regions

PARALLEL_SENDS = 8

LONGEST_RUN_ID = 200
"""Bytes: a run's id is part of keys of the table and of the bucket, which are limited to 1,024."""


class NoRegions(Exception):
    """There is no region to collect."""


class InvalidRunId(ValueError):
    """A run cannot have this id."""


def _coverage(found: Found) -> tuple[Coverage, bool]:
    """The configured regions of each account, or all that are enabled for it and those in which it
    last held something; and whether that is complete.

    Raises NoRegions, or what DescribeRegions does.
    """
    parts = wiring.fan_out()
    configured = comma_separated(parts.settings.regions)
    if configured:
        everywhere = tuple(sorted(configured))
        return dict.fromkeys(found.accounts, everywhere), found.is_complete
    enabled = enabled_regions(parts.ec2)
    if not enabled:
        raise NoRegions("DescribeRegions returned no region that is enabled for this account.")
    held = _held()
    covered = parts.finder.coverage(found.accounts, enabled, held or (), wiring.now())
    return covered, found.is_complete and held is not None


def _held() -> frozenset[Scope] | None:
    """The scopes that hold reservations; None if the table cannot be read, which must not prevent a
    run."""
    try:
        return wiring.fan_out().scopes.held()
    except (ClientError, BotoCoreError):
        logger.exception("held scopes not read")
        return None


def run_name(event: Mapping[str, Any], request_id: str, moment: datetime) -> str:
    """The id of an invocation's run; a repeated delivery of the same invocation gets the same id.

    The schedule passes ``scheduled_at``, and may start two invocations for one moment; the sandbox
    and people may pass a ``run_id``. Raises InvalidRunId.
    """
    named = event.get("run_id")
    if named and (not isinstance(named, str) or len(named.encode()) > LONGEST_RUN_ID):
        raise InvalidRunId(f"run_id must be text of at most {LONGEST_RUN_ID} bytes in UTF-8")
    if named:
        return str(named)
    scheduled = event.get("scheduled_at", "")
    if scheduled[:1].isdigit():
        return run_id_of(parse_time(scheduled), SCHEDULED)
    return run_id_of(moment, request_id.replace("-", "")[:8])


def _groups(accounts: Collection[str]) -> Groups:
    """The groups of the accounts, including new accounts. Raises what DynamoDB does."""
    store = wiring.fan_out().scopes.groups
    while True:
        before = store.read()
        groups = assign_groups(accounts, before or {})
        if before is None:
            # Scopes that are already stored keep their state.
            store.known.update(groups)
            wiring.fan_out().scopes.adopt()
        if groups == before or store.write(before, groups):
            store.known.clear()
            store.known.update(groups)
            return groups


def send(bodies: Iterable[str]) -> None:
    """Put messages on the units' queue. Raises what SQS does; one sent twice does no harm."""
    queue, url = wiring.service("sqs"), wiring.fan_out().settings.queue_url

    def put(body: str) -> None:
        queue.send_message(QueueUrl=url, MessageBody=body)

    with ThreadPoolExecutor(PARALLEL_SENDS) as pool:
        list(pool.map(put, bodies))


def _send_retired(run: Run) -> None:
    """Queue the units that the run no longer covers: ``collect`` retires their scopes."""
    stored = wiring.fan_out().scopes.heartbeats.versions()
    send(map(to_message, to_retire(run, stored)))


def _send_lost(run: Run) -> None:
    """Queue the close of runs that lost a unit: ``collect`` closes them, since it has the time."""
    period = timedelta(minutes=float(wiring.fan_out().settings.schedule_minutes))
    lost = [
        it for it in wiring.fan_out().runs.lost(run.started_at, period) if it.run_id != run.run_id
    ]
    send(finish_message(it.run_id) for it in lost)


def _tidy_up(run: Run) -> None:
    """Finish what earlier runs left; an error here must not fail the start of the present run."""
    failed = 0
    for tidy in (_send_retired, _send_lost):
        try:
            tidy(run)
        except Exception:
            logger.exception("earlier runs not cleaned up")
            failed += 1
    if failed:
        metrics.add_metric("TidyingFailed", MetricUnit.Count, failed)
        metrics.flush_metrics()


def _count(found: Found) -> None:
    """Log how many accounts Organizations listed, and whether the request failed."""
    if found.directory is None:
        return
    metrics.add_metric("AccountsDiscovered", MetricUnit.Count, len(found.accounts))
    metrics.add_metric("DiscoveryFailed", MetricUnit.Count, not found.is_complete)
    metrics.flush_metrics()


def _open(run: Run) -> Run:
    """Store the run with the cost of its opening: the calls so far, the transaction that stores it,
    and the messages of its units."""
    opening = Calls({"dynamodb": 1, "sqs": len(run.units)}, items_written=2)
    return wiring.fan_out().runs.open(replace(run, calls=wiring.meter.take() + opening))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Open a run; a repeated delivery queues again the units without an attempt."""
    wiring.meter.take()
    started_at = wiring.now()
    name = run_name(event, context.aws_request_id, started_at)
    found = wiring.fan_out().finder.accounts(started_at)
    _count(found)
    coverage, is_complete = _coverage(found)
    planned = new_run(name, started_at, coverage, _groups(coverage), is_complete)
    wiring.fan_out().scopes.heartbeats.add_names(unit.name for unit in planned.units)
    run = _open(planned)
    pending = run.pending_units
    send(map(to_message, pending))
    logger.info("run opened", extra={"run_id": run.run_id, "units": len(pending)})
    _tidy_up(run)
    return {"run_id": run.run_id, "units": len(pending)}
