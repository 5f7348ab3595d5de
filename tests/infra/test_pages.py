"""The statements of the pages about settings, permissions and costs are correct."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra.asset import ROOT
from infra.context import Context, parse_context
from infra.context_values import PARSERS
from infra.ec2_model import OPERATIONS, STRANDED_ACTIONS
from tests.infra.synthesized import ALERTS, Synthesized

PAGES = "".join((ROOT / "docs" / name).read_text("utf-8") for name in ("deploying.md", "api.md"))
CDK_JSON: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"]
WITHOUT_DEFAULT = {"overdue_after_minutes"}
"""Settings whose default follows from others."""


def section(title: str) -> str:
    (found,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^##? |\Z)", PAGES, re.M | re.S)
    return str(found)


def rows(text: str) -> Iterator[list[str]]:
    """The cells of the rows of a section's table, without its head."""
    for line in text.splitlines():
        if line.startswith("|") and not set(line) <= set("|-"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def settings() -> Iterator[tuple[str, str]]:
    """Each setting of the table with its default, as it stands there."""
    head, *others = rows(section("Settings"))
    assert head == ["key", "default", "meaning"]
    for keys, default, _ in others:
        names = re.findall(r"`(\w+)`", keys)
        defaults = default.split(", ") if len(names) > 1 else [default]
        yield from zip(names, defaults, strict=True)


def json_blocks(text: str) -> list[Any]:
    return [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", text, re.M | re.S)]


# --- settings ------------------------------------------------------------------------------------


def test_the_table_has_every_setting_once() -> None:
    names = [name for name, _ in settings()]
    assert sorted(names) == sorted(PARSERS)


def test_cdk_json_has_every_setting_with_its_default() -> None:
    assert set(CDK_JSON) == set(PARSERS) - WITHOUT_DEFAULT
    assert parse_context(CDK_JSON) == Context()


@pytest.mark.parametrize(("name", "default"), list(settings()))
def test_a_default_of_the_table_is_that_of_cdk_json(name: str, default: str) -> None:
    actual = CDK_JSON.get(name)
    if isinstance(actual, str | int):
        shown = actual if isinstance(actual, str) else json.dumps(actual)
        assert default.strip("`") == shown
    else:
        assert not re.fullmatch(r"`.*`|\d+", default), "a value that cdk.json does not have"


# --- rights --------------------------------------------------------------------------------------


def test_the_readers_rights_are_those_of_the_collecting_function(stack: Synthesized) -> None:
    """The template's own are held by test_organization."""
    (listing,) = [
        one for one in stack.statements(stack.role_of("collect")) if "ec2:" in str(one["Action"])
    ]
    used = (*OPERATIONS, *STRANDED_ACTIONS)
    assert sorted(listing["Action"]) == sorted(f"ec2:{action}" for action in used)


def test_the_callers_policy_reads_alone(stack: Synthesized) -> None:
    """ARNs of routes: API Gateway Developer Guide, "Control access to HTTP APIs with IAM"."""
    (policy,) = json_blocks(section("Permissions of callers"))
    (statement,) = policy["Statement"]
    (stage,) = stack.of_type("ApiGatewayV2::Stage")
    assert statement["Action"] == "execute-api:Invoke"
    assert statement["Resource"].endswith(f"/{stage['StageName']}/GET/*")


# --- costs ---------------------------------------------------------------------------------------


def own_metrics(stack: Synthesized) -> set[str]:
    """The metrics of the stack's own on its dashboard."""
    (dashboard,) = stack.of_type("CloudWatch::Dashboard")
    parts = dashboard["DashboardBody"]["Fn::Join"][1]
    body = json.loads("".join(part if isinstance(part, str) else "~" for part in parts))
    namespace = stack.stack
    return {
        metric[1]
        for widget in body["widgets"]
        for metric in widget["properties"].get("metrics", [])
        if metric[0] == namespace
    }


def test_the_table_of_costs_counts_what_the_template_has(plain: Synthesized) -> None:
    costs = section("What it costs")
    (counted,) = re.findall(r"CloudWatch: (\d+) alarms, (\d+) metrics", costs)
    alarms = len(plain.of_type("CloudWatch::Alarm"))
    of_destinations = {"AlertsDelivered", "DeliveriesFailed"}
    assert counted == (str(alarms), str(len(own_metrics(plain) - of_destinations)))
    assert f"{alarms} × 0.10" in costs


def test_each_destination_adds_an_alarm_and_all_of_them_one_more(
    stack: Synthesized, plain: Synthesized
) -> None:
    assert "adds an alarm (0.10 USD)" in section("What it costs")
    added = len(stack.of_type("CloudWatch::Alarm")) - len(plain.of_type("CloudWatch::Alarm"))
    deliver_and_watch = 2
    assert added == len(ALERTS["destinations"]) + len(["slack"]) + deliver_and_watch


def _numbers(cell: str) -> tuple[str, str]:
    """An unchanged hour's number and, in brackets, that of an hour with changes."""
    found = re.findall(r"\d+(?:\.\d+)?", cell)
    return found[0], found[-1]


@pytest.mark.parametrize("column", range(1, 5))
@pytest.mark.parametrize("changes", [0, 1])
def test_the_sums_are_those_of_the_table(column: int, changes: int) -> None:
    table = list(rows(section("What it costs")))
    names = [row[0] for row in table]
    parts = table[names.index("reservations") + 1 : names.index("**total**")]
    assert len(parts) == 5
    total = sum(float(_numbers(row[column])[changes]) for row in parts)
    result = _numbers(table[names.index("**total**")][column])[changes]
    assert result == f"{total:.{len(result.partition('.')[2])}f}"
