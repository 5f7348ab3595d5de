"""``fan_out``: opens a run and puts one message per unit on the queue."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.archive import Archive
from lambdas.clients import now, service, session
from lambdas.collecting.closing import Closer
from lambdas.collecting.units import to_message
from lambdas.settings import FanOutSettings, comma_separated
from lambdas.store.runs import RunStore
from lambdas.store.scopes import ScopeStore
from lambdas.telemetry import logger
from truffle.core.runs import Run, Unit, run_id_of, units
from truffle.core.times import parse_time
from truffle.ec2.listing import client_config
from truffle.ec2.regions import enabled_regions

PARALLEL_SENDS = 8


class NoRegions(Exception):
    """There is nothing to collect."""


@cache
def _settings() -> FanOutSettings:
    return FanOutSettings.from_env(os.environ)


@cache
def _scopes() -> ScopeStore:
    return ScopeStore(service("dynamodb"), _settings().table)


@cache
def _runs() -> RunStore:
    return RunStore(service("dynamodb"), _settings().table)


def _regions() -> tuple[str, ...]:
    """The configured regions; or all that are enabled, and those in which something was held when
    they last were. Raises NoRegions, or what DescribeRegions does."""
    configured = comma_separated(_settings().regions)
    if configured:
        return tuple(sorted(configured))
    enabled = enabled_regions(session().client("ec2", config=client_config()))
    if not enabled:
        raise NoRegions("DescribeRegions names no region that is enabled for this account.")
    held = {
        status.scope.region
        for status in _scopes().statuses()
        if status.reservations and status.scope.account_id in _accounts()
    }
    return tuple(sorted(held.union(enabled)))


def _accounts() -> tuple[str, ...]:
    return tuple(sorted(comma_separated(_settings().accounts) or [_settings().account_id]))


def new_run(event: Mapping[str, Any], request_id: str) -> Run:
    """The run of an invocation; a repeated delivery of the same one gets the same run id.

    The schedule gives ``scheduled_at``, and may start two invocations for one moment; the sandbox
    and people may give a ``run_id``. Raises NoRegions, or what DescribeRegions does.
    """
    regions = _regions()
    started_at = now()
    scheduled = event.get("scheduled_at", "")
    if scheduled[:1].isdigit():
        run_id = run_id_of(parse_time(scheduled), "scheduled")
    else:
        run_id = run_id_of(started_at, request_id.replace("-", "")[:8])
    return Run(
        event.get("run_id") or run_id,
        started_at,
        regions,
        _accounts(),
        frozenset(regions),
    )


def send(pending: Iterable[Unit]) -> None:
    """Put units on the queue. Raises what SQS does; a unit that is sent twice does no harm."""
    queue, url = service("sqs"), _settings().queue_url

    def put(unit: Unit) -> None:
        queue.send_message(QueueUrl=url, MessageBody=to_message(unit))

    with ThreadPoolExecutor(PARALLEL_SENDS) as pool:
        list(pool.map(put, pending))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Open a run; a repeated delivery sends again what has not been answered yet."""
    Closer(_scopes(), _runs(), Archive(service("s3"), _settings().bucket), now).close_lost()
    run = _runs().open(new_run(event, context.aws_request_id))
    _scopes().retire_others(frozenset(run.scopes), run.started_at)
    pending = [unit for unit in units(run) if unit.region in run.pending]
    send(pending)
    logger.info("run opened", extra={"run_id": run.run_id, "units": len(pending)})
    return {"run_id": run.run_id, "units": len(pending)}
