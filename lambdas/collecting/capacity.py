"""Held capacity in the log of each closed run, and as metrics if the setting is on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from lambdas.observability import logger
from truffle.core.model import Reservation
from truffle.core.pricing import MICRO, PriceBook
from truffle.core.status import ScopeStatus
from truffle.report.quantities import QuantitySums, sums_by_accelerator


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Put held capacity in the log and, if ``has_metrics``, in metrics of CloudWatch.

    The log has a line for each accelerator, which the dashboard queries with CloudWatch Logs
    Insights. Metrics have the dimension ``accelerator`` beside the service. ``prices`` reads the
    known prices.
    """

    prices: Callable[[], PriceBook]
    has_metrics: bool
    name: str = "capacity"

    def publish(
        self, rows: Sequence[Reservation], statuses: Sequence[ScopeStatus], now: datetime
    ) -> None:
        costs = _idle_costs(rows, self.prices())
        for accelerator, sums in sums_by_accelerator(rows).items():
            cost = costs.get(accelerator)
            facts = {"held": sums.held, "used": sums.used, "idle": sums.idle, "coming": sums.coming}
            logger.info(
                "capacity",
                extra={"accelerator": accelerator, **facts, "idle_usd_per_hour": cost},
            )
            if self.has_metrics:
                _send(accelerator, sums, cost)


def _idle_costs(rows: Sequence[Reservation], prices: PriceBook) -> dict[str, float]:
    """US dollars per hour by accelerator; an accelerator without any price is omitted."""
    costs: dict[str, int] = {}
    for row in rows:
        cost = prices.idle_micro_usd(row) if row.state == "active" else None
        if row.accelerator is not None and cost is not None:
            costs[row.accelerator.name] = costs.get(row.accelerator.name, 0) + cost
    return {name: cost / MICRO for name, cost in costs.items()}


def _send(accelerator: str, sums: QuantitySums, cost: float | None) -> None:
    metrics = EphemeralMetrics()
    metrics.add_dimension("accelerator", accelerator)
    metrics.add_metric("AcceleratorsHeld", MetricUnit.Count, sums.held)
    metrics.add_metric("AcceleratorsUsed", MetricUnit.Count, sums.used)
    metrics.add_metric("AcceleratorsIdle", MetricUnit.Count, sums.idle)
    if cost is not None:
        metrics.add_metric("IdleUsdPerHour", MetricUnit.NoUnit, cost)
    metrics.flush_metrics()
