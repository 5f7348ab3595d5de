"""The alarms and the dashboard."""

from __future__ import annotations

import json
import re
from typing import Any

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


def test_three_hours_without_a_completed_run_raise_an_alarm(stack: Synthesized) -> None:
    alarm = _alarms_on(stack, "RunsCompleted")["truffle"]
    assert alarm["Namespace"] == "truffle"
    assert alarm["Dimensions"] == [{"Name": "service", "Value": "truffle"}]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 3 * 3600


def test_every_alarm_tells_the_operators_twice(stack: Synthesized) -> None:
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
    assert len(set(names)) == len(names) == 10 + 10
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
    shown = {metric[1] for widget in widgets for metric in widget["properties"]["metrics"]}
    assert shown >= {"RunsCompleted", "ScopesFailed", "EventsRecorded", "Latency", "4xx", "5xx"}


def _widgets(stack: Synthesized) -> list[Any]:
    (dashboard,) = stack.of_type("CloudWatch::Dashboard")
    _, parts = dashboard["DashboardBody"]["Fn::Join"]
    body = json.loads("".join(part if isinstance(part, str) else target(part) for part in parts))
    widgets: list[Any] = body["widgets"]
    return widgets
