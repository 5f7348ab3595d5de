"""``fan_out``: opens a run and puts one message per unit on the queue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from lambdas import wiring
from lambdas.collecting.coverage import Found
from lambdas.collecting.units import finish_message, to_message
from lambdas.observability import logger, metrics
from lambdas.settings import comma_separated
from truffle.core.coverage import Coverage
from truffle.core.runs import Run, run_id_of, units
from truffle.core.status import ScopeStatus
from truffle.core.times import parse_time
from truffle.ec2.regions import enabled_regions

PARALLEL_SENDS = 8

LONGEST_RUN_ID = 200
"""Bytes: a run's id is part of keys of the table and of the bucket, which have at most 1,024."""


class NoRegions(Exception):
    """There is nothing to collect."""


class InvalidRunId(ValueError):
    """A run cannot be called so."""


def _coverage(accounts: Sequence[str], statuses: Sequence[ScopeStatus]) -> Coverage:
    """The configured regions of each account; or all that are enabled for it, and those in which
    something was held when they last were. Raises NoRegions, or what DescribeRegions does."""
    configured = comma_separated(wiring.fan_out().settings.regions)
    if configured:
        return {account_id: tuple(sorted(configured)) for account_id in accounts}
    enabled = enabled_regions(wiring.fan_out().ec2)
    if not enabled:
        raise NoRegions("DescribeRegions names no region that is enabled for this account.")
    held = [status.scope for status in statuses if status.reservations]
    return wiring.fan_out().finder.coverage(accounts, enabled, held, wiring.now())


def _statuses() -> Sequence[ScopeStatus] | None:
    """What is known of the scopes, which regions depend on unless they are configured; None where
    the table does not say, which must not keep a run from its start."""
    try:
        return wiring.fan_out().scopes.statuses()
    except (ClientError, BotoCoreError):
        logger.exception("statuses not read")
        return None


def new_run(
    event: Mapping[str, Any],
    request_id: str,
    accounts: Sequence[str],
    statuses: Sequence[ScopeStatus],
) -> Run:
    """The run of an invocation; a repeated delivery of the same one gets the same run id.

    The schedule gives ``scheduled_at``, and may start two invocations for one moment; the sandbox
    and people may give a ``run_id``. Raises NoRegions, InvalidRunId, or what DescribeRegions does.
    """
    named = event.get("run_id")
    if named and (not isinstance(named, str) or len(named.encode()) > LONGEST_RUN_ID):
        raise InvalidRunId(f"run_id must be text of at most {LONGEST_RUN_ID} bytes in UTF-8")
    coverage = _coverage(accounts, statuses)
    regions = tuple(sorted({region for regions in coverage.values() for region in regions}))
    started_at = wiring.now()
    scheduled = event.get("scheduled_at", "")
    if scheduled[:1].isdigit():
        run_id = run_id_of(parse_time(scheduled), "scheduled")
    else:
        run_id = run_id_of(started_at, request_id.replace("-", "")[:8])
    return Run(named or run_id, started_at, regions, tuple(coverage), frozenset(regions))


def send(bodies: Iterable[str]) -> None:
    """Put messages on the units' queue. Raises what SQS does; one sent twice does no harm."""
    queue, url = wiring.service("sqs"), wiring.fan_out().settings.queue_url

    def put(body: str) -> None:
        queue.send_message(QueueUrl=url, MessageBody=body)

    with ThreadPoolExecutor(PARALLEL_SENDS) as pool:
        list(pool.map(put, bodies))


def _retire(run: Run, statuses: Sequence[ScopeStatus] | None) -> None:
    """Take the scopes out of every answer that the runs do not cover any more."""
    if statuses is None:
        return
    wiring.fan_out().scopes.retire_others(frozenset(run.scopes), run.started_at, statuses)


def _send_lost(run: Run) -> None:
    """Have the runs closed that lost a unit: by ``collect``, which has the time for that."""
    period = timedelta(minutes=float(wiring.fan_out().settings.schedule_minutes))
    lost = [
        it for it in wiring.fan_out().runs.lost(run.started_at, period) if it.run_id != run.run_id
    ]
    send(finish_message(it.run_id) for it in lost)


def _tidy_up(run: Run, found: Found, statuses: Sequence[ScopeStatus] | None) -> None:
    """What earlier runs left; no fault of it may fail the start of the present one.

    Nothing is retired by a list of accounts that may be incomplete.
    """
    failed = 0
    tasks: Sequence[Callable[[], None]] = (
        *([partial(_retire, run, statuses)] if found.is_complete else []),
        partial(_send_lost, run),
    )
    for tidy in tasks:
        try:
            tidy()
        except Exception:
            logger.exception("earlier runs not tidied up")
            failed += 1
    if failed:
        metrics.add_metric("TidyingFailed", MetricUnit.Count, failed)
        metrics.flush_metrics()


def _count(found: Found) -> None:
    """How many accounts Organizations gave, and whether it could not be asked."""
    if found.directory is None:
        return
    metrics.add_metric("AccountsDiscovered", MetricUnit.Count, len(found.accounts))
    metrics.add_metric("DiscoveryFailed", MetricUnit.Count, not found.is_complete)
    metrics.flush_metrics()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Open a run; a repeated delivery sends again what has not been answered yet."""
    statuses, found = _statuses(), wiring.fan_out().finder.accounts(wiring.now())
    _count(found)
    run = wiring.fan_out().runs.open(
        new_run(event, context.aws_request_id, found.accounts, statuses or [])
    )
    pending = [unit for unit in units(run) if unit.region in run.pending]
    send(map(to_message, pending))
    logger.info("run opened", extra={"run_id": run.run_id, "units": len(pending)})
    _tidy_up(run, found, statuses)
    return {"run_id": run.run_id, "units": len(pending)}
