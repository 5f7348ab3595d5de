"""The context of cdk.json: its values, and the errors of invalid ones."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest

from infra.asset import ROOT
from infra.context import Context, ContextError, merge_context, parse_context
from infra.context_values import LOG_RETENTION_DAYS
from tests.infra.contexts import problems_of
from tests.infra.synthesized import KEY_ARN, SECRET_ARN

CDK_JSON = (ROOT / "cdk.json").read_text("utf-8")


def test_nothing_said_is_the_default() -> None:
    assert parse_context({}) == Context()


def test_cdk_json_shows_every_default() -> None:
    shown = json.loads(CDK_JSON)["context"]
    assert parse_context(shown) == Context()
    known = {field.name for field in fields(Context)}
    assert set(shown) == known - {"overdue_after_minutes", "alerts"} | {"alerts_file"}


@pytest.mark.parametrize(
    ("key", "value", "parsed"),
    [
        ("stack_name", "truffle-test", "truffle-test"),
        ("schedule_time_zone", "Europe/Berlin", "Europe/Berlin"),
        ("overdue_after_minutes", 90, 90),
        ("overdue_after_minutes", "90", 90),
        ("regions", ["us-east-1", "us-gov-west-1"], ("us-east-1", "us-gov-west-1")),
        ("regions", ["eusc-de-east-1", "us-east-3"], ("eusc-de-east-1", "us-east-3")),
        ("regions", "us-east-1, us-west-2", ("us-east-1", "us-west-2")),
        ("regions", '["us-east-1"]', ("us-east-1",)),
        ("regions", ["us-east-1", "us-east-1"], ("us-east-1",)),
        ("regions", "", ()),
        ("accounts", ["012345678901"], ("012345678901",)),
        ("accounts", "organization", "organization"),
        ("excluded_accounts", "012345678901", ("012345678901",)),
        ("organization_stack", "true", True),
        ("organization_stack", False, False),
        ("external_id", "a:b/c", "a:b/c"),
        ("expected_denied", ["*/ap-*"], ("*/ap-*",)),
        ("expected_denied", "*/ap-*,111122223333/us-west-2", ("*/ap-*", "111122223333/us-west-2")),
        ("accounts", "111122223333,444455556666", ("111122223333", "444455556666")),
        ("home_region", "us-east-1", "us-east-1"),
        ("home_region", None, None),
        ("home_region", "", None),
        ("role_name", "ops+truffle@read", "ops+truffle@read"),
        ("collect_concurrency", "2", 2),
        ("collect_concurrency", 1000, 1000),
        ("alert_emails", "a@example.com,b@example.com", ("a@example.com", "b@example.com")),
        ("slack_secret_arn", SECRET_ARN, SECRET_ARN),
        ("kms_key_arns", [KEY_ARN], (KEY_ARN,)),
        ("kms_key_arns", KEY_ARN, (KEY_ARN,)),
        ("slack_secret_arn", None, None),
        ("slack_secret_arn", "", None),
        ("slack_secret_arn", "null", None),
        ("alert_filter_policy", {}, {}),
        ("alert_filter_policy", {"severity": ["critical"]}, {"severity": ["critical"]}),
        ("alert_filter_policy", '{"region": [{"prefix": "us-"}]}', {"region": [{"prefix": "us-"}]}),
        ("alarm_emails", ["ops@example.com"], ("ops@example.com",)),
        ("event_retention_days", 1, 1),
        ("snapshot_retention_days", "3650", 3650),
        ("log_retention_days", "365", 365),
        ("log_level", "DEBUG", "DEBUG"),
        ("removal_policy", "destroy", "destroy"),
    ],
)
def test_a_value_may_be_json_or_the_text_of_the_command_line(
    key: str, value: object, parsed: object
) -> None:
    assert getattr(parse_context({key: value}), key) == parsed


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("stack_name", "1st", "letters, digits and hyphens"),
        ("stack_name", "a_b", "letters, digits and hyphens"),
        ("accounts", "organisation", 'use "organization", or a list of account ids'),
        ("accounts", ["organization"], "account ids of 12 digits"),
        ("accounts", "123", "account ids of 12 digits"),
        ("organizational_units", ["research"], "ids of roots (r-…)"),
        ("organization_role_arn", "reader", "the ARN of a role"),
        ("external_id", "x", "2 to 1,224"),
        ("organization_stack", "yes", "use true or false"),
        ("organization_stack", 1, "use true or false"),
        ("home_region", "Ohio", "region names such as us-east-1"),
        ("home_region", ["us-east-1"], "region names such as us-east-1"),
        ("home_account", "me", "account ids of 12 digits"),
        ("home_account", 999988887777, "account ids of 12 digits"),
        ("schedule", "hourly", "use rate(1 hour)"),
        ("schedule", 60, "a string such as rate(1 hour)"),
        ("schedule_time_zone", "Mars/Olympus", "an IANA time zone"),
        ("schedule_time_zone", "Europe/Berln", "did you mean Europe/Berlin?"),
        ("schedule_time_zone", "../etc/passwd", "an IANA time zone"),
        ("schedule_time_zone", "", "an IANA time zone"),
        ("schedule_time_zone", None, "an IANA time zone"),
        ("overdue_after_minutes", 0, "from 1 to 10080"),
        ("overdue_after_minutes", 10081, "from 1 to 10080"),
        ("overdue_after_minutes", 1.5, "whole number"),
        ("overdue_after_minutes", True, "whole number"),
        ("overdue_after_minutes", "soon", "whole number"),
        ("overdue_after_minutes", 60, "more than the schedule's 60 minutes"),
        ("regions", ["somewhere"], "region names such as us-east-1"),
        ("regions", "us-east-1a", "did you mean us-east-1?"),
        ("regions", ["us-east-1", "us-wset-2"], "did you mean us-west-2?"),
        ("regions", '["us-east-1"', "not JSON"),
        ("regions", {"us-east-1": True}, "use a list"),
        ("accounts", ["12345678901"], "12 digits"),
        ("expected_denied", ["ap-*"], "account/region"),
        ("expected_denied", [7], "account/region"),
        ("accounts", [123456789012], "12 digits, in quotes"),
        ("role_name", "path/role", "without a path"),
        ("role_name", "", "name of an IAM role"),
        ("collect_concurrency", 1, "from 2 to 1000"),
        ("collect_concurrency", 1001, "from 2 to 1000"),
        ("alert_emails", ["nobody"], "e-mail addresses"),
        ("kms_key_arns", [KEY_ARN.replace("key/", "alias/")], "not of aliases"),
        ("slack_secret_arn", "https://hooks.slack.com/services/T/B/x", "ARN of a secret"),
        ("slack_secret_arn", SECRET_ARN.removesuffix("-AbCdEf"), "six characters"),
        ("alarm_emails", "ops@", "e-mail addresses"),
        ("event_retention_days", 0, "from 1 to 3650"),
        ("snapshot_retention_days", -1, "from 1 to 3650"),
        ("log_retention_days", 31, "use one of 1, 3, 5, 7, 14, 30,"),
        ("log_level", "debug", "DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ("removal_policy", "snapshot", "retain, destroy"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(key: str, value: object, allowed: str) -> None:
    (problem,) = problems_of({key: value})
    assert problem.startswith(key)
    assert allowed in problem


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("log_level", "loud", 'log_level = "loud": '),
        ("collect_concurrency", "1", "collect_concurrency = 1: "),
        ("regions", {"us-east-1": True}, 'regions = {"us-east-1": true}: '),
        ("regions", ["us-east-1", "us-wset-2"], 'regions[1] = "us-wset-2": '),
        ("alarm_emails", "a@example.com,b", 'alarm_emails[1] = "b": '),
        ("slack_secret_arn", "https://hooks.slack.com/T/B/x", 'slack_secret_arn = "https://…": '),
    ],
)
def test_a_problem_shows_the_value_and_where_it_stands(key: str, value: object, shown: str) -> None:
    (problem,) = problems_of({key: value})
    assert problem.startswith(shown)


@pytest.mark.parametrize(
    ("policy", "complaint"),
    [
        ("critical", "not JSON"),
        (["critical"], "use a JSON object"),
        ({"level": ["critical"]}, "level is not an attribute of an alert: use type, severity,"),
        ({"severity": "critical"}, "severity must be a list of values"),
        ({"severity": []}, "severity must be a list of values"),
        ({"severity": ["fatal"]}, "severity cannot be fatal: use info, good, warning, critical"),
        ({"type": ["gone"]}, "type cannot be gone: use discovered,"),
        ({"reservation_type": ["block"]}, "cannot be block: use odcr, capacity-block"),
        ({"$or": {"severity": ["critical"]}}, "$or must be a list of two or more"),
        ({"$or": [{"severity": ["critical"]}]}, "$or must be a list of two or more"),
        ({"$or": [{"severity": ["critical"]}, {}]}, "each policy of $or"),
        ({"$or": [{"severity": ["critical"]}, {"level": [1]}]}, "level is not an attribute"),
        (
            {name: ["x"] for name in ("state", "region", "account_id", "instance_type")}
            | {"severity": ["good"], "type": ["idle"]},
            "at most 5 attribute names",
        ),
        (
            {"state": list("abcdefghijklm"), "region": list("abcdefghijklm")},
            "at most 150 combinations",
        ),
    ],
)
def test_a_filter_policy_that_would_let_nothing_pass_is_refused(
    policy: object, complaint: str
) -> None:
    (problem,) = problems_of({"alert_filter_policy": policy})
    assert problem.startswith("alert_filter_policy = ")
    assert complaint in problem


def test_operators_of_sns_are_left_to_sns() -> None:
    policy = {"severity": [{"anything-but": ["info"]}], "state": [{"exists": False}]}
    assert parse_context({"alert_filter_policy": policy}).alert_filter_policy == policy


def test_an_unknown_key_is_an_error_that_offers_the_nearest() -> None:
    assert problems_of({"shedule": "rate(1 hour)"}) == (
        "shedule: the context has no such key; did you mean schedule?",
    )


def test_a_key_unlike_any_other_is_answered_with_all() -> None:
    (problem,) = problems_of({"xyz": 1})
    assert problem.startswith("xyz: the context has no such key; use stack_name, schedule,")


def test_cdks_own_keys_are_left_alone() -> None:
    own = {
        "@aws-cdk/core:target-partitions": ["aws"],
        "aws:cdk:enable-path-metadata": True,
        "cdk-nag:disabled": 1,
        "cli-telemetry": False,
        "acknowledged-issue-numbers": [1],
    }
    assert parse_context(own) == Context()


def test_all_mistakes_are_named_at_once() -> None:
    problems = problems_of({"scedule": 1, "regions": ["x"], "log_level": "loud", "schedule": "no"})
    assert [problem.split(" ")[0] for problem in problems] == [
        "log_level",
        "regions[0]",
        "scedule:",
        "schedule",
    ]


@pytest.mark.parametrize(
    ("schedule", "overdue"), [("rate(1 minute)", 3), ("rate(1 hour)", 180), ("rate(2 days)", 8640)]
)
def test_a_run_is_overdue_after_three_periods(schedule: str, overdue: int) -> None:
    assert parse_context({"schedule": schedule}).overdue_after_minutes == overdue


def test_a_cron_must_say_when_a_run_is_overdue() -> None:
    cron = {"schedule": "cron(0 6 * * ? *)"}
    assert problems_of(cron) == (
        "overdue_after_minutes: required with a cron schedule, in minutes",
    )
    context = parse_context({**cron, "overdue_after_minutes": 2880})
    assert (context.overdue_after_minutes, context.schedule_minutes) == (2880, 960)


def test_an_alarm_cannot_look_back_for_more_than_a_week() -> None:
    (problem,) = problems_of({"schedule": "rate(3 days)"})
    assert problem.startswith("overdue_after_minutes = 12960 (three periods)")
    slow = parse_context({"schedule": "rate(3 days)", "overdue_after_minutes": 10080})
    assert slow.schedule_minutes == 3 * 24 * 60


def test_what_the_command_line_hands_over_goes_before_cdk_json() -> None:
    merged = merge_context(
        '{"context": {"log_level": "INFO", "regions": ["us-east-1"]}}', '{"log_level": "DEBUG"}'
    )
    assert merged == {"log_level": "DEBUG", "regions": ["us-east-1"]}
    assert merge_context('{"app": "x"}', None) == {}


@pytest.mark.parametrize(
    ("cdk_json", "environment", "complaint"),
    [
        ("{", None, "cdk.json is not JSON"),
        ("[]", None, r"cdk.json = \[\]: use a JSON object"),
        ('{"context": []}', None, r"context of cdk.json = \[\]: use a JSON object"),
        ("{}", "x", "CDK_CONTEXT_JSON is not JSON"),
        ("{}", "1", "CDK_CONTEXT_JSON = 1: use a JSON object"),
    ],
)
def test_a_file_that_is_not_a_context_is_named(
    cdk_json: str, environment: str | None, complaint: str
) -> None:
    with pytest.raises(ContextError, match=complaint):
        merge_context(cdk_json, environment)


def test_the_retention_times_are_cloudwatchs() -> None:
    from aws_cdk import App, Stack
    from aws_cdk.aws_logs import CfnLogGroup

    from infra.functions import log_group

    stack = Stack(App(), "Logs")
    for days in LOG_RETENTION_DAYS:
        group = log_group(stack, f"For{days}", Context(log_retention_days=days))
        resource = group.node.default_child
        assert isinstance(resource, CfnLogGroup)
        assert resource.retention_in_days == days


# --- an organization -----------------------------------------------------------------------------

ROLE = "arn:aws:iam::111122223333:role/organization-reader"


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (
            {"organizational_units": ["r-abcd"]},
            'organizational_units = ["r-abcd"]: also requires accounts = "organization"',
        ),
        (
            {"organization_role_arn": ROLE},
            f'organization_role_arn = "{ROLE}": also requires accounts = "organization"',
        ),
        (
            {"collector_role_arn": ROLE},
            f'collector_role_arn = "{ROLE}": also requires organization_stack = true',
        ),
        (
            {"organization_stack": True, "forward_events": True},
            "forward_events = true: also requires regions and home_region",
        ),
    ],
)
def test_a_setting_without_the_one_that_it_belongs_to_is_named(
    raw: dict[str, Any], problem: str
) -> None:
    assert problems_of(raw) == (problem,)


def test_the_choice_of_accounts_for_the_functions() -> None:
    raw = {
        "accounts": "organization",
        "organizational_units": ["ou-abcd-research1"],
        "excluded_accounts": ["111122223333"],
        "organization_role_arn": ROLE,
    }
    assert parse_context(raw).account_settings.to_json() == {
        "accounts": "organization",
        "organizational_units": ["ou-abcd-research1"],
        "excluded_accounts": ["111122223333"],
    }
