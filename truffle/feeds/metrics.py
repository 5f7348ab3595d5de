"""Held capacity as OpenMetrics text (OpenMetrics 1.0), formatted by the official client.

Names follow Prometheus' conventions: base units, and no labels with unbounded values. The ids of
reservations are labels only on request.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from truffle.core.idle import unused
from truffle.core.model import Reservation
from truffle.core.organization import NO_LABELS
from truffle.core.pricing import MICRO
from truffle.feeds.inputs import MetricsInput, ScopeState

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

LABELS = ("type", "state", "instance_type", "accelerator", "region", "account_id")


class _Sum(NamedTuple):
    """A metric that sums a value over reservations; an unknown value is None."""

    name: str
    help: str
    value: Callable[[Reservation], float | None]


def _accelerators(
    instances: Callable[[Reservation], int | None],
) -> Callable[[Reservation], float | None]:
    def value(row: Reservation) -> float | None:
        return 0 if row.accelerator is None else row.accelerator.on(instances(row))

    return value


def _size(row: Reservation) -> int | None:
    return row.size


def _used(row: Reservation) -> int | None:
    return row.used_capacity if row.state == "active" else 0


def _idle_instances(row: Reservation) -> int | None:
    return unused(row)


SUMS = (
    _Sum("truffle_reservations", "Reservations.", lambda row: 1),
    _Sum(
        "truffle_reservations_of_unknown_size",
        "Reservations with an unknown number of instances, which no sum includes.",
        lambda row: int(row.size is None),
    ),
    _Sum(
        "truffle_reservation_instances",
        "Reserved instances, including those before their start.",
        _size,
    ),
    _Sum("truffle_reservation_used_instances", "Instances in use.", _used),
    _Sum("truffle_reservation_idle_instances", "Active instances not in use.", _idle_instances),
    _Sum("truffle_reservation_accelerators", "Reserved accelerators.", _accelerators(_size)),
    _Sum("truffle_reservation_used_accelerators", "Accelerators in use.", _accelerators(_used)),
    _Sum(
        "truffle_reservation_idle_accelerators",
        "Active accelerators not in use.",
        _accelerators(_idle_instances),
    ),
)
IDLE_COST = "truffle_reservation_idle_usd_per_hour"
UNPRICED = "truffle_reservation_idle_unpriced_instances"
EFFECTIVE_END = "truffle_block_effective_end_timestamp_seconds"
UNHEALTHY = "truffle_block_unhealthy"
SCOPE_AGE = "truffle_scope_data_age_seconds"
SCOPE_SUCCESS = "truffle_scope_success"
ACCOUNT = "truffle_account_info"

NAMES = frozenset(
    {each.name for each in SUMS}
    | {IDLE_COST, UNPRICED, EFFECTIVE_END, UNHEALTHY, SCOPE_AGE, SCOPE_SUCCESS, ACCOUNT}
)
"""Every metric."""


def metrics(held: MetricsInput) -> bytes:
    """The exposition, which ends with ``# EOF``; an unknown value has no sample."""
    registry = CollectorRegistry()
    registry.register(_Held(held))
    return bytes(generate_latest(registry))  # type: ignore[no-untyped-call]


class _Held(Collector):
    def __init__(self, held: MetricsInput) -> None:
        self._held = held

    def collect(self) -> Iterator[Metric]:
        held = self._held
        rows = list(held.rows)
        labels = (*LABELS, "reservation_id") if held.by_reservation else LABELS
        for each in SUMS:
            yield _family(each.name, each.help, labels, _added_up(rows, labels, each.value))
        idle = [row for row in rows if row.state == "active"]
        micro = _added_up(idle, labels, held.prices.idle_micro_usd)
        costs = {key: amount / MICRO for key, amount in micro.items()}
        yield _family(IDLE_COST, "Cost of idle instances with a known price.", labels, costs)
        unpriced = [row for row in idle if held.prices.idle_micro_usd(row) is None]
        counts = _added_up(unpriced, labels, unused)
        yield _family(UNPRICED, "Idle instances without a known price.", labels, counts)
        yield from _of_blocks(rows, labels, held.by_reservation)
        scopes = list(held.scopes)
        yield from _of_scopes(scopes, held.now)
        yield _of_accounts(scopes)


Values = Mapping[tuple[str, ...], float]


def _added_up(
    rows: Iterable[Reservation],
    labels: tuple[str, ...],
    value: Callable[[Reservation], float | None],
) -> Values:
    """The sums of known values; labels without any known value are omitted."""
    sums: dict[tuple[str, ...], float] = defaultdict(float)
    for row in rows:
        amount = value(row)
        if amount is not None:
            sums[_labels_of(row, labels)] += amount
    return sums


def _labels_of(row: Reservation, labels: tuple[str, ...]) -> tuple[str, ...]:
    carried = row.accelerator.name if row.accelerator else ""
    values = {"accelerator": carried}
    return tuple(values.get(name) or str(getattr(row, name, None) or "") for name in labels)


def _of_blocks(
    rows: list[Reservation], labels: tuple[str, ...], by_reservation: bool
) -> Iterator[Metric]:
    blocks = [row for row in rows if row.kind.is_prepaid]
    unhealthy = _added_up(blocks, labels, lambda row: int(_is_unhealthy(row)))
    yield _family(UNHEALTHY, "Unhealthy blocks.", labels, unhealthy)
    if by_reservation:
        ends = {
            _labels_of(row, labels): row.effective_end.timestamp()
            for row in blocks
            if row.effective_end is not None
        }
        yield _family(EFFECTIVE_END, "When AWS terminates a block's instances.", labels, ends)


def _is_unhealthy(row: Reservation) -> bool:
    return row.health is not None and row.health.is_bad


def _of_scopes(scopes: Iterable[ScopeState], now: datetime) -> Iterator[Metric]:
    listed = sorted(scopes, key=lambda scope: (scope.account_id, scope.region))
    names = ("account_id", "region")
    ages: Values = {
        (scope.account_id, scope.region): max(0.0, (now - scope.last_success).total_seconds())
        for scope in listed
        if scope.last_success is not None
    }
    successes: Values = {
        (scope.account_id, scope.region): float(scope.is_listed) for scope in listed
    }
    yield _family(SCOPE_AGE, "Age of the data of a scope.", names, ages)
    yield _family(
        SCOPE_SUCCESS, "Whether the latest attempt to list a scope succeeded.", names, successes
    )


def _of_accounts(scopes: Iterable[ScopeState]) -> Metric:
    """The names of accounts apart from other metrics, which a renamed account must not restart."""
    named: Values = {
        (
            scope.account_id,
            scope.labels.account_name or "",
            scope.labels.organizational_unit or "",
        ): 1.0
        for scope in scopes
        if scope.labels != NO_LABELS
    }
    labels = ("account_id", "account_name", "organizational_unit")
    return _family(ACCOUNT, "The names of an account; the value is 1.", labels, named)


def _family(name: str, help_: str, labels: tuple[str, ...], values: Values) -> Metric:
    family = GaugeMetricFamily(name, help_, labels=labels)
    for key in sorted(values):
        family.add_metric(key, values[key])
    return family
