"""The alerts of a context: a file, a secret, a filter, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.context import ContextError, parse_context
from tests.infra.contexts import problems_of
from tests.infra.synthesized import SECRET_ARN
from truffle.alerts.routing import DEFAULT_POLICY, subscription_filter
from truffle.alerts.settings import EVERYTHING, AlertSettings, Destination, DestinationKind, Route
from truffle.alerts.settings_parser import parse_settings

ALERTS_YAML = """
destinations: {oncall: {kind: slack, secret: truffle/oncall}}
routes: [{name: all, to: [oncall]}]
"""


def test_an_alerts_file_is_read_beside_cdk_json(tmp_path: Path) -> None:
    (tmp_path / "alerts.yaml").write_text(ALERTS_YAML)
    context = parse_context({"alerts_file": "alerts.yaml"}, tmp_path)
    assert context.alerts == parse_settings(
        {
            "destinations": {"oncall": {"kind": "slack", "secret": "truffle/oncall"}},
            "routes": [{"name": "all", "to": ["oncall"]}],
        }
    )


@pytest.mark.parametrize("nothing", [None, "", "null"])
def test_without_an_alerts_file_there_is_no_destination(nothing: object) -> None:
    assert parse_context({"alerts_file": nothing}).alerts == AlertSettings()


def test_a_secret_makes_a_destination_that_gets_what_people_get() -> None:
    alerts = parse_context({"slack_secret_arn": SECRET_ARN}).alerts
    assert alerts.destinations == (
        Destination(name="slack", kind=DestinationKind.SLACK, secret=SECRET_ARN),
    )
    assert alerts.routes == (Route("slack", ("slack",)),)


def test_with_a_filter_of_ones_own_it_gets_whatever_that_passes() -> None:
    policy = {"severity": ["critical"]}
    raw = {"slack_secret_arn": SECRET_ARN, "alert_filter_policy": policy}
    assert parse_context(raw).alerts.routes == (Route("slack", ("slack",), EVERYTHING),)


def test_the_default_filter_is_what_people_get_by_default() -> None:
    settings = parse_context({"slack_secret_arn": SECRET_ARN}).alerts
    assert subscription_filter(settings, settings.destination("slack")) == DEFAULT_POLICY


def test_the_secrets_destination_stands_beside_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "alerts.yaml").write_text(ALERTS_YAML.replace("name: all", "name: slack"))
    raw = {"alerts_file": "alerts.yaml", "slack_secret_arn": SECRET_ARN}
    alerts = parse_context(raw, tmp_path).alerts
    assert [destination.name for destination in alerts.destinations] == ["oncall", "slack"]
    assert [route.name for route in alerts.routes] == ["slack", "slack-2"]


def test_a_destination_of_the_secrets_name_is_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "alerts.yaml").write_text(ALERTS_YAML.replace("oncall", "slack"))
    with pytest.raises(ContextError, match="slack_secret_arn already creates a destination"):
        parse_context({"alerts_file": "alerts.yaml", "slack_secret_arn": SECRET_ARN}, tmp_path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, 'alerts_file = "alerts.yaml": No such file or directory'),
        ("routes: [", 'alerts_file = "alerts.yaml": the file is not valid YAML: line 1'),
        (
            "route: []",
            'alerts_file = "alerts.yaml": route: the file has no such key; did you mean routes?',
        ),
    ],
)
def test_a_wrong_alerts_file_is_named_with_what_is_wrong(
    tmp_path: Path, content: str | None, complaint: str
) -> None:
    if content is not None:
        (tmp_path / "alerts.yaml").write_text(content)
    with pytest.raises(ContextError) as caught:
        parse_context({"alerts_file": "alerts.yaml", "log_level": "loud"}, tmp_path)
    file, level = caught.value.problems
    assert file.startswith(complaint)
    assert level.startswith("log_level")


def test_the_path_of_an_alerts_file_is_text() -> None:
    (problem,) = problems_of({"alerts_file": ["alerts.yaml"]})
    assert problem.endswith("use null, or the path of a YAML file, relative to cdk.json")
