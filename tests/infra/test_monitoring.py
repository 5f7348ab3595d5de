"""The alarms and the dashboard."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra.asset import ROOT
from infra.schedule import Window, overdue_window
from tests.infra.synthesized import NAMES, Resource, Synthesized, target

ONE_DAY, SEVEN_DAYS = 24 * 60, 7 * 24 * 60


def _alarms_on(stack: Synthesized, metric: str) -> dict[str, Resource]:
    """Alarms on a metric, by the resource that they watch."""
    found = {}
    for alarm in stack.of_type("CloudWatch::Alarm"):
        if alarm["MetricName"] == metric:
            (dimension,) = alarm["Dimensions"]
            value = dimension["Value"]
            found[value if isinstance(value, str) else target(value)] = alarm
    assert found
    return found


def test_every_dead_letter_queue_has_an_alarm_on_its_first_message(stack: Synthesized) -> None:
    alarms = _alarms_on(stack, "ApproximateNumberOfMessagesVisible")
    mappings = [stack.mapping("collect"), *stack.mappings("deliver")]
    working = {target(mapping["EventSourceArn"]) for mapping in mappings}
    queues = {queue.logical_id for queue in stack.of_type("SQS::Queue")}
    assert set(alarms) == queues - working
    for alarm in alarms.values():
        assert (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["Period"]) == (0, 1, 300)
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold"


def test_every_function_has_an_alarm_on_its_first_error(stack: Synthesized) -> None:
    alarms = _alarms_on(stack, "Errors")
    assert set(alarms) == {stack.function(name).logical_id for name in NAMES}
    for alarm in alarms.values():
        assert (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["Period"]) == (0, 1, 300)
        assert alarm["Statistic"] == "Sum"


WITHOUT_ALARM = {
    "ScopesSucceeded": "an amount, not a fault",
    "ReservationsListed": "an amount, not a fault",
    "DaysClosed": "an amount, not a fault",
    "EventsRecorded": "an amount, not a fault",
    "AlertsPublished": "an amount, not a fault",
    "AlertsDelivered": "an amount, not a fault",
    "AccountsDiscovered": "an amount, not a fault",
    "AccountsWithoutRegions": "asked again by the next run; the regions last known are collected",
    "AcceleratorsHeld": "an amount, not a fault",
    "AcceleratorsUsed": "an amount, not a fault",
    "AcceleratorsIdle": "an amount; the event idle reports a reservation",
    "IdleUsdPerHour": "an amount; the event idle reports a reservation",
    "DiscoveryFailed": "its alarm is in stacks of an organization only",
    "ScopesFailed": "the event scope_failing reports a scope; if all fail, no run is completed",
    "WatchesAnswered": "an amount, not a fault",
    "WatchesFailed": "asked again ten minutes later; /status shows the region and its error",
    "DeliveriesFailed": "retried for a day, and then a dead letter, which has its alarm",
}
"""The metrics of the functions that need no alarm, and why."""


def emitted(file: Path) -> set[str]:
    """The names of the metrics that a module emits, each of which has to be a literal."""
    calls = [
        node
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("add_metric", "single_metric")
    ]
    names = [ast.literal_eval(call.args[0]) for call in calls]
    assert all(isinstance(name, str) for name in names), file
    return set(names)


def test_every_metric_that_is_emitted_has_an_alarm_or_a_reason_for_none(
    stack: Synthesized,
) -> None:
    names = set().union(*(emitted(file) for file in sorted((ROOT / "lambdas").rglob("*.py"))))
    own = [one for one in stack.of_type("CloudWatch::Alarm") if one["Namespace"] == "truffle"]
    watched = {alarm["MetricName"] for alarm in own}
    assert watched | WITHOUT_ALARM.keys() == names
    assert watched.isdisjoint(WITHOUT_ALARM)


@pytest.mark.parametrize("metric", ["TidyingFailed", "ChecksFailed"])
def test_what_a_function_survives_and_counts_raises_an_alarm_at_once(
    stack: Synthesized, metric: str
) -> None:
    alarm = _alarms_on(stack, metric)["truffle"]
    assert (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["Period"]) == (0, 1, 300)
    assert (alarm["ComparisonOperator"], alarm["Statistic"]) == ("GreaterThanThreshold", "Sum")
    assert alarm["TreatMissingData"] == "notBreaching"


def test_three_hours_without_a_completed_run_raise_an_alarm(stack: Synthesized) -> None:
    alarm = _alarms_on(stack, "RunsCompleted")["truffle"]
    assert alarm["Namespace"] == "truffle"
    assert alarm["Dimensions"] == [{"Name": "service", "Value": "truffle"}]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 3 * 3600


def test_every_alarm_notifies_the_operators_twice(stack: Synthesized) -> None:
    """When it begins, and when it is over."""
    for alarm in stack.of_type("CloudWatch::Alarm"):
        (topic,) = alarm["AlarmActions"]
        assert stack.get(target(topic)).body["Type"] == "AWS::SNS::Topic"
        assert alarm["OKActions"] == [topic]


def test_every_alarm_names_a_section_of_the_operations_manual(stack: Synthesized) -> None:
    manual = (ROOT / "docs" / "operations.md").read_text("utf-8")
    sections = set(re.findall(r"^## (.+)$", manual, re.MULTILINE))
    for alarm in stack.of_type("CloudWatch::Alarm"):
        described = re.fullmatch(r'[A-Z].+: see "(.+)" in docs/operations\.md\.', _text(alarm))
        assert described, alarm.logical_id
        assert described[1] in sections, alarm.logical_id


def _text(alarm: Resource) -> str:
    text: str = alarm["AlarmDescription"]
    return text


def test_the_alarms_names_begin_with_the_stacks(stack: Synthesized) -> None:
    names = [alarm["AlarmName"] for alarm in stack.of_type("CloudWatch::Alarm")]
    assert len(set(names)) == len(names) == 16 + 10
    assert all(re.fullmatch(r"truffle-[a-z-]+", name) for name in names)


def test_a_window_covers_the_time_within_cloudwatchs_limits() -> None:
    for minutes in (1, 3, 60, 61, 180, ONE_DAY, ONE_DAY + 1, 5000, SEVEN_DAYS):
        window = overdue_window(minutes)
        length = window.period_minutes * window.periods
        assert minutes <= length < minutes + window.period_minutes
        assert length <= (SEVEN_DAYS if window.period_minutes >= 60 else ONE_DAY)
    assert overdue_window(180) == Window(period_minutes=5, periods=36)


def test_the_dashboard_shows_the_whole_flow(stack: Synthesized) -> None:
    widgets = _widgets(stack)
    titles = {widget["properties"]["title"] for widget in widgets}
    assert titles == {
        "Accelerators held",
        "Accelerators in use",
        "Accelerators idle",
        "Idle, USD per hour",
        "Runs completed",
        "Scopes",
        "Reservations listed",
        "Events and alerts",
        "Queues",
        "Dead letters",
        "Function errors",
        "Function duration",
        "API requests",
        "API latency",
        "API client errors",
        "API server errors",
    }
    metrics = [metric for widget in widgets for metric in widget["properties"]["metrics"]]
    shown = {metric[1] for metric in metrics if len(metric) > 1}
    assert shown >= {"RunsCompleted", "ScopesFailed", "EventsRecorded", "Latency", "4xx", "5xx"}


def test_the_dashboard_finds_the_capacity_of_every_accelerator(stack: Synthesized) -> None:
    found = [
        metric[0]["expression"]
        for widget in _widgets(stack)
        for metric in widget["properties"].get("metrics", [])
        if isinstance(metric[0], dict) and "expression" in metric[0]
    ]
    assert len(found) == 4
    assert found[2] == (
        "SEARCH('{truffle,accelerator,service} MetricName=\"AcceleratorsIdle\"', 'Maximum', 3600)"
    )


def test_without_metrics_the_dashboard_asks_the_log_for_the_capacity(plain: Synthesized) -> None:
    (widget,) = [it for it in _widgets(plain) if it["type"] == "log"]
    assert 'filter message = "capacity"' in widget["properties"]["query"]
    assert "AcceleratorsHeld" not in str(_widgets(plain))


def _widgets(stack: Synthesized) -> list[Any]:
    (dashboard,) = stack.of_type("CloudWatch::Dashboard")
    _, parts = dashboard["DashboardBody"]["Fn::Join"]
    body = json.loads("".join(part if isinstance(part, str) else target(part) for part in parts))
    widgets: list[Any] = body["widgets"]
    return widgets
