"""The Lambda functions, what starts them, and what happens to what they cannot do."""

from __future__ import annotations

import json

import pytest

from infra.functions import RUNTIME
from lambdas import settings
from tests.infra.synthesized import ALERTS, NAMES, Synthesized, target

SETTINGS: dict[str, type[settings.Settings]] = {
    "fan_out": settings.FanOutSettings,
    "collect": settings.CollectSettings,
    "hint": settings.HintSettings,
    "ledger": settings.LedgerSettings,
    "prices": settings.PricesSettings,
    "publish": settings.PublishSettings,
    "query": settings.QuerySettings,
    "deliver": settings.DeliverSettings,
    "compact": settings.CompactSettings,
    "watch": settings.WatchSettings,
}


@pytest.mark.parametrize(
    ("name", "seconds", "megabytes"),
    [
        ("fan_out", 180, 1769),
        ("collect", 120, 1769),
        ("hint", 30, 256),
        ("ledger", 900, 1769),
        ("prices", 300, 1769),
        ("publish", 60, 256),
        ("query", 29, 1769),
        ("deliver", 60, 1769),
        ("compact", 880, 1769),
        ("watch", 180, 512),
    ],
)
def test_time_and_memory(stack: Synthesized, name: str, seconds: int, megabytes: int) -> None:
    function = stack.function(name)
    assert (function["Timeout"], function["MemorySize"]) == (seconds, megabytes)


@pytest.mark.parametrize("name", NAMES)
def test_every_function_runs_on_arm64_and_the_newest_python(stack: Synthesized, name: str) -> None:
    function = stack.function(name)
    assert function["Architectures"] == ["arm64"]
    assert function["Runtime"] == RUNTIME.name == "python3.14"


def test_all_functions_share_one_zip(stack: Synthesized) -> None:
    functions = stack.of_type("Lambda::Function")
    assert len(functions) == len(NAMES)
    assert len({json.dumps(one["Code"]) for one in functions}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_function_gets_its_settings(stack: Synthesized, name: str) -> None:
    variables = stack.function(name)["Environment"]["Variables"]
    SETTINGS[name].from_env(variables)
    assert {key for key in variables if not key.startswith("TRUFFLE_")} == {
        "POWERTOOLS_SERVICE_NAME",
        "POWERTOOLS_METRICS_NAMESPACE",
        "POWERTOOLS_LOG_LEVEL",
    }


def test_the_context_reaches_the_functions(stack: Synthesized) -> None:
    fan_out = stack.function("fan_out")["Environment"]["Variables"]
    assert target(fan_out["TRUFFLE_COLLECTOR"]) == stack.function("collect").logical_id
    assert fan_out["TRUFFLE_EXTERNAL_ID"] == "truffle-reader"
    assert fan_out["TRUFFLE_REGIONS"] == ""
    query = stack.function("query")["Environment"]["Variables"]
    assert query["TRUFFLE_SCHEDULE_MINUTES"] == "60"


def test_logs_are_kept_for_the_configured_time(stack: Synthesized) -> None:
    groups = stack.of_type("Logs::LogGroup")
    of_functions = {target(stack.function(name)["LoggingConfig"]["LogGroup"]) for name in NAMES}
    assert of_functions < {group.logical_id for group in groups}
    assert {group["RetentionInDays"] for group in groups} == {30}
    assert {group.body["DeletionPolicy"] for group in groups} == {"Delete"}


def test_nothing_in_the_stack_is_made_by_a_function_of_its_own(stack: Synthesized) -> None:
    kinds = {one.body["Type"] for one in stack.all()}
    assert kinds
    assert not {kind for kind in kinds if "Custom" in kind}


def test_the_schedule_starts_fan_out(stack: Synthesized) -> None:
    schedule = stack.get(target(stack.outputs["ScheduleName"]["Value"]))
    aim = schedule["Target"]
    assert target(aim["Arn"]) == stack.function("fan_out").logical_id
    assert json.loads(aim["Input"]) == {"scheduled_at": "<aws.scheduler.scheduled-time>"}
    assert schedule["ScheduleExpression"] == "rate(1 hour)"
    assert schedule["ScheduleExpressionTimezone"] == "UTC"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert aim["RetryPolicy"]["MaximumRetryAttempts"] > 0
    assert target(aim["DeadLetterConfig"]["Arn"]) == _kept(stack, "fan_out")


@pytest.mark.parametrize("name", ["fan_out", "hint", "ledger", "prices"])
def test_a_start_that_fails_is_retried_and_then_kept(stack: Synthesized, name: str) -> None:
    assert stack.failed_starts(name)["MaximumRetryAttempts"] == 2
    assert _kept(stack, name) in {one.logical_id for one in stack.of_type("SQS::Queue")}


def _kept(stack: Synthesized, name: str) -> str:
    """The queue of the starts that failed every time."""
    return target(stack.failed_starts(name)["DestinationConfig"]["OnFailure"]["Destination"])


def test_units_start_collect_one_at_a_time(stack: Synthesized) -> None:
    mapping = stack.mapping("collect")
    assert target(mapping["EventSourceArn"]) == target(stack.outputs["UnitsQueueUrl"]["Value"])
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 40}


def test_only_new_events_start_alert(stack: Synthesized) -> None:
    mapping = stack.mapping("publish")
    (pattern,) = [json.loads(one["Pattern"]) for one in mapping["FilterCriteria"]["Filters"]]
    table = target(stack.outputs["TableName"]["Value"])
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": [table, "StreamArn"]}
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert pattern == {
        "eventName": ["INSERT"],
        "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "EVENT#"}]}}},
    }


def test_a_record_that_cannot_be_published_is_retried_until_it_is_six_hours_old(
    stack: Synthesized,
) -> None:
    mapping = stack.mapping("publish")
    kept = target(mapping["DestinationConfig"]["OnFailure"]["Destination"])
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRetryAttempts"] == -1
    assert mapping["MaximumRecordAgeInSeconds"] == 6 * 3600
    assert kept == target(stack.outputs["AlertDeadLetterQueueUrl"]["Value"])


def test_alerts_start_deliver_a_few_of_each_destination_at_a_time(stack: Synthesized) -> None:
    mappings = stack.mappings("deliver")
    assert {target(mapping["EventSourceArn"]) for mapping in mappings} == {
        stack.queue(name).logical_id for name in (*ALERTS["destinations"], "slack")
    }
    for mapping in mappings:
        assert mapping["BatchSize"] == 1
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["ScalingConfig"] == {"MaximumConcurrency": 2}


def test_without_destinations_nothing_delivers(plain: Synthesized) -> None:
    handlers = {one["Handler"] for one in plain.of_type("Lambda::Function")}
    of_alerts = ("deliver", "watch")
    assert handlers == {f"lambdas.{name}.handler" for name in NAMES if name not in of_alerts}
    assert "DeliverFunctionName" not in plain.outputs
