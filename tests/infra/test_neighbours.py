"""Two stacks in one account and region: nothing that has a name is the same in both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.infra.synthesized import NAMES, Resource, Synthesized

NOT_OURS = ("AWS/",)
"""How the namespaces of AWS's own metrics begin."""

NAMES_INSIDE = {"RoutePolicyName", "AttributeName", "IndexName", "PolicyName", "StageName"}
"""Names that only have to differ within the resource or the API that they belong to."""


def names(stack: Synthesized) -> dict[tuple[str, str], str]:
    """The names that the template gives to resources, by the resource and its property."""
    found = {
        (one.logical_id, key): value
        for one in stack.all()
        for key, value in one.properties.items()
        if (key.endswith("Name") or key in ("Name", "StatementId"))
        and isinstance(value, str)
        and key not in NAMES_INSIDE
        and not _is_about_aws(one, key)
    }
    assert found
    return found


def _is_about_aws(one: Resource, key: str) -> bool:
    """The name of a metric is what is measured, its namespace and dimensions are whose."""
    return key == "MetricName"


def own_metrics(value: Any) -> Iterator[str]:
    """Namespace, name and dimensions of every metric of the stack's own, wherever it stands."""
    if isinstance(value, dict):
        if "MetricName" in value and not value["Namespace"].startswith(NOT_OURS):
            yield json.dumps([value["Namespace"], value["MetricName"], value["Dimensions"]])
        for item in value.values():
            yield from own_metrics(item)
    elif isinstance(value, list):
        if len(value) > 1 and all(isinstance(item, str) for item in value[:2]):
            yield json.dumps(value[:4])
        for item in value:
            yield from own_metrics(item)


def metrics_of(stack: Synthesized) -> set[str]:
    alarms = {found for one in stack.all() for found in own_metrics({**one.properties})}
    return {metric for metric in alarms if "RunsCompleted" in metric}


def widgets(stack: Synthesized) -> list[Any]:
    """The metrics on the dashboard that are the stack's own, by namespace and dimensions."""
    (dashboard,) = stack.of_type("CloudWatch::Dashboard")
    parts = dashboard["DashboardBody"]["Fn::Join"][1]
    body = json.loads("".join(part if isinstance(part, str) else "~" for part in parts))
    found = [
        metric[:4]
        for widget in body["widgets"]
        for metric in widget["properties"]["metrics"]
        if isinstance(metric[0], dict) or not metric[0].startswith(NOT_OURS)
    ]
    assert found
    return found


def test_no_name_is_in_both(stack: Synthesized, neighbour: Synthesized) -> None:
    ours, theirs = names(stack), names(neighbour)
    assert ours.keys() == theirs.keys()
    assert {key: name for key, name in ours.items() if theirs[key] == name} == {}


def test_no_metric_is_in_both(stack: Synthesized, neighbour: Synthesized) -> None:
    assert metrics_of(stack)
    assert metrics_of(stack).isdisjoint(metrics_of(neighbour))
    assert not [metric for metric in widgets(stack) if metric in widgets(neighbour)]


@pytest.mark.parametrize("name", NAMES)
def test_a_function_measures_under_its_stacks_name(neighbour: Synthesized, name: str) -> None:
    variables = neighbour.function(name)["Environment"]["Variables"]
    assert variables["POWERTOOLS_SERVICE_NAME"] == "gpu-b"
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "gpu-b"


def test_the_alarm_on_runs_watches_its_own_stack(neighbour: Synthesized) -> None:
    (alarm,) = [
        one
        for one in neighbour.of_type("CloudWatch::Alarm")
        if one.properties.get("MetricName") == "RunsCompleted"
    ]
    assert alarm["AlarmName"] == "gpu-b-runs-overdue"
    assert alarm["Namespace"] == "gpu-b"
    assert alarm["Dimensions"] == [{"Name": "service", "Value": "gpu-b"}]
