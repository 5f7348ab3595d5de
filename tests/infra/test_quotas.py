"""AWS's quotas: each may be reached, and exceeding it is an error that names what to shorten."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import app
from infra.context import Context, parse_context
from infra.quota_check import QuotaError, quota_problems
from infra.quotas import QUOTAS, Stack, filter_combinations, filter_names
from infra.resolved import Resolver
from tests.infra.synthesized import Json, Synthesized
from truffle.alerts.settings import AlertSettings, Destination, DestinationKind

Make = Callable[[int], Json]


def resource(kind: str, **properties: Any) -> Json:
    return {"Resources": {"One": {"Type": f"AWS::{kind}", "Properties": properties}}}


def policy(size: int) -> Json:
    """A policy document whose JSON has that many characters."""
    document = {"Statement": [{"Resource": ""}]}
    filler = "r" * (size - len(json.dumps(document, separators=(",", ":"))))
    return {"Statement": [{"Resource": filler}]}


def environment(size: int) -> Json:
    filler = size - len('{"N":""}')
    return resource("Lambda::Function", Environment={"Variables": {"N": "v" * filler}})


def inline(size: int) -> Json:
    """A role with a policy of its own, and the rest attached from beside it."""
    role = resource("IAM::Role", Policies=[{"PolicyName": "own", "PolicyDocument": policy(1000)}])
    attached = {"PolicyDocument": policy(size - 1000), "Roles": [{"Ref": "One"}]}
    other = {"Type": "AWS::IAM::Policy", "Properties": attached}
    return {"Resources": {**role["Resources"], "Other": other}}


def statements(count: int) -> Json:
    return {"Statement": [{"Principal": "*"}] * count}


def principals(count: int) -> Json:
    return {"Statement": [{"Principal": {"AWS": ["1"] * count}}]}


def dashboard(*metrics: int) -> Json:
    widgets = [{"properties": {"metrics": [["N", "M"]] * count}} for count in metrics]
    return resource("CloudWatch::Dashboard", DashboardBody=json.dumps({"widgets": widgets}))


def subscriptions(count: int) -> Json:
    body = {"TopicArn": "topic", "FilterPolicy": {"type": ["idle"]}}
    one = {"Type": "AWS::SNS::Subscription", "Properties": body}
    return {"Resources": {f"Of{number}": one for number in range(count)}}


def named(kind: str, name: str) -> Make:
    return lambda size: resource(kind, **{name: "n" * size})


def documented(kind: str, name: str = "PolicyDocument") -> Make:
    return lambda size: resource(kind, **{name: policy(size)})


LIMITS: list[tuple[str, int, Make]] = [
    # IAM User Guide, "IAM and AWS STS quotas"
    ("inline policies", 10_240, inline),
    ("trust policy", 2_048, documented("IAM::Role", "AssumeRolePolicyDocument")),
    ("managed policy", 6_144, documented("IAM::ManagedPolicy")),
    ("role name", 64, named("IAM::Role", "RoleName")),
    # Lambda Developer Guide, "Lambda quotas"
    ("environment", 4_096, environment),
    ("function name", 64, named("Lambda::Function", "FunctionName")),
    ("function description", 256, named("Lambda::Function", "Description")),
    # EventBridge and EventBridge Scheduler User Guides, "Quotas"
    ("event bus policy", 10_240, documented("Events::EventBusPolicy", "Statement")),
    ("event bus statement", 64, named("Events::EventBusPolicy", "StatementId")),
    ("event bus name", 256, named("Events::EventBus", "Name")),
    ("event pattern", 2_048, documented("Events::Rule", "EventPattern")),
    ("rule targets", 5, lambda n: resource("Events::Rule", Targets=[{}] * n)),
    ("schedule name", 64, named("Scheduler::Schedule", "Name")),
    ("schedule group name", 64, named("Scheduler::ScheduleGroup", "Name")),
    # Amazon SQS Developer Guide, "Amazon SQS policy quotas" and "Queue name"
    ("queue policy", 8_192, documented("SQS::QueuePolicy")),
    ("queue policy", 20, lambda n: resource("SQS::QueuePolicy", PolicyDocument=statements(n))),
    ("queue policy", 50, lambda n: resource("SQS::QueuePolicy", PolicyDocument=principals(n))),
    ("queue name", 80, named("SQS::Queue", "QueueName")),
    # Amazon SNS Developer Guide, "Policy quotas" and "Filter policy constraints"
    ("topic policy", 30_720, documented("SNS::TopicPolicy")),
    ("topic policy", 100, lambda n: resource("SNS::TopicPolicy", PolicyDocument=statements(n))),
    ("topic name", 256, named("SNS::Topic", "TopicName")),
    ("filters of a topic", 200, subscriptions),
    (
        "filter keys",
        5,
        lambda n: resource(
            "SNS::Subscription", TopicArn="", FilterPolicy={f"{i}": [1] for i in range(n)}
        ),
    ),
    (
        "filter combinations",
        150,
        lambda n: resource("SNS::Subscription", TopicArn="", FilterPolicy={"a": list(range(n))}),
    ),
    (
        "filter size",
        262_144,
        lambda n: resource("SNS::Subscription", TopicArn="", FilterPolicy={"a": ["x" * (n - 10)]}),
    ),
    # Amazon CloudWatch User Guide, "CloudWatch service quotas"; API reference, PutMetricAlarm
    ("alarm name", 255, named("CloudWatch::Alarm", "AlarmName")),
    ("alarm description", 1_024, named("CloudWatch::Alarm", "AlarmDescription")),
    ("metric namespace", 255, named("CloudWatch::Alarm", "Namespace")),
    ("dashboard name", 255, named("CloudWatch::Dashboard", "DashboardName")),
    ("metrics of a widget", 500, lambda n: dashboard(n)),
    ("metrics of a dashboard", 2_500, lambda n: dashboard(*[500] * 4, 499, n - 2_499)),
    ("log group name", 512, named("Logs::LogGroup", "LogGroupName")),
    # Others: S3, DynamoDB, API Gateway
    ("bucket policy", 20_480, documented("S3::BucketPolicy")),
    ("bucket name", 63, named("S3::Bucket", "BucketName")),
    ("table name", 255, named("DynamoDB::Table", "TableName")),
    ("API name", 128, named("ApiGatewayV2::Api", "Name")),
    # AWS CloudFormation User Guide, "CloudFormation quotas"
    ("resources", 500, lambda n: {"Resources": {f"{i}": {"Type": "X"} for i in range(n)}}),
    ("outputs", 200, lambda n: {"Outputs": {f"{i}": {} for i in range(n)}}),
    ("template", 1_000_000, lambda n: {"Description": "d" * (n - len('{"Description":""}'))}),
]


def problems(template: Json, context: Context | None = None, name: str = "truffle") -> list[str]:
    return quota_problems(Stack(name, template), context or Context())


@pytest.mark.parametrize(
    ("what", "limit", "make"), LIMITS, ids=[f"{it[0]} {it[1]}" for it in LIMITS]
)
def test_a_quota_may_be_reached_and_not_exceeded(what: str, limit: int, make: Make) -> None:
    assert problems(make(limit)) == []
    (problem,) = problems(make(limit + 1))
    assert f"{limit + 1:,} " in problem
    assert f"AWS allows {limit:,} (https://docs.aws.amazon.com/" in problem


def test_every_quota_has_a_source_at_aws() -> None:
    assert len(QUOTAS) > 50
    assert all(quota.source.startswith("https://docs.aws.amazon.com/") for quota in QUOTAS)


def test_a_stack_has_a_name_of_at_most_128_characters() -> None:
    assert problems({}, name="s" * 128) == []
    (problem,) = problems({}, name="s" * 129)
    assert "AWS allows 128" in problem


def test_bytes_are_those_of_utf_8() -> None:
    """An environment of 4,096 characters, each of which takes three bytes."""
    (problem,) = problems(
        resource("Lambda::Function", Environment={"Variables": {"N": "研" * 1_400}})
    )
    assert "4,208 bytes" in problem


def test_white_space_in_a_policy_does_not_count() -> None:
    document = {"Statement": [{"Sid": " " * 20_000}]}
    assert problems(resource("IAM::Role", Policies=[{"PolicyDocument": document}])) == []


# --- what is known at deployment only ------------------------------------------------------------


def test_a_generated_name_counts_with_the_most_that_it_can_have() -> None:
    template = {"Resources": {"Units": {"Type": "AWS::SQS::Queue"}}}
    arn = Resolver(template, "gpu-b").resolve({"Fn::GetAtt": ["Units", "Arn"]})
    real = "arn:aws:sqs:ap-southeast-1:123456789012:gpu-b-Units-1AB2CD3EF4GH5"
    assert len(arn) == len(real)


def test_a_generated_name_is_cut_where_its_service_cuts_it() -> None:
    template = {"Resources": {"F" * 60: {"Type": "AWS::Lambda::Function"}}}
    assert len(Resolver(template, "truffle").resolve({"Ref": "F" * 60})) == 64


def test_an_unknown_type_is_measured_all_the_same() -> None:
    template = {"Resources": {"New": {"Type": "AWS::New::Thing"}}}
    resolver = Resolver(template, "truffle")
    assert len(resolver.resolve({"Fn::GetAtt": ["New", "Arn"]})) > len("arn:aws:new:::truffle-New")
    assert "truffle-New" in resolver.resolve({"Ref": "New"})


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        (None, "aws"),
        ("eu-west-1", "aws"),
        ("us-gov-west-1", "aws-us-gov"),
        ("cn-north-1", "aws-cn"),
    ],
)
def test_the_partition_is_the_regions(region: str | None, partition: str) -> None:
    assert Resolver({}, "truffle", region).resolve({"Ref": "AWS::Partition"}) == partition


def test_a_function_of_unknown_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="Fn::Cidr"):
        Resolver({}, "truffle").resolve({"Fn::Cidr": ["10.0.0.0/16", 1]})


# --- what to shorten -----------------------------------------------------------------------------


def blamed(problem: str) -> str:
    return problem.rpartition("; shorten ")[2]


def test_the_settings_that_make_up_a_text_are_named_the_greatest_first() -> None:
    accounts = tuple(f"{number:012}" for number in range(300))
    roles = [f"arn:aws:iam::{account}:role/reader" for account in accounts]
    document = {"Statement": [{"Resource": roles}]}
    template = resource("IAM::Role", Policies=[{"PolicyDocument": document}])
    (problem,) = problems(template, Context(accounts=accounts, role_name="reader"))
    assert problem.startswith("One, inline policies of the role: ")
    assert blamed(problem) == "accounts or role_name"


def test_a_name_is_shortened_by_the_stacks_name() -> None:
    name = "g" * 60
    template = resource("Events::EventBusPolicy", StatementId=f"{name}-accounts")
    (problem,) = problems(template, Context(stack_name=name), name)
    assert blamed(problem) == "stack_name"


def test_destinations_are_those_of_the_alerts_file() -> None:
    """Their names stand in the template without hyphens, too."""
    destination = Destination(
        name="on-call-people", kind=DestinationKind.SLACK, secret="truffle/slack"
    )
    queues = [f"truffle-AlertingDestinationsoncallpeopleQueue{n}" for n in range(300)]
    document = {"Statement": [{"Resource": queues}]}
    template = resource("IAM::Role", Policies=[{"PolicyDocument": document}])
    context = Context(alerts=AlertSettings(destinations=(destination,)))
    assert blamed(problems(template, context)[0]) == "alerts_file or stack_name"


# --- filter policies -----------------------------------------------------------------------------


def test_a_filter_policys_alternatives_count_together() -> None:
    policy = {"$or": [{"a": [1, 2]}, {"a": [3], "b": [4, 5, 6]}]}
    assert (filter_names(policy), filter_combinations(policy)) == (2, 6)


# --- the stacks as they are ----------------------------------------------------------------------


@pytest.mark.parametrize("fixture", ["stack", "plain", "forwarding", "foreign_forwarding"])
def test_the_synthesized_stacks_exceed_nothing(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    synthesized: Synthesized = request.getfixturevalue(fixture)
    stack = Stack(synthesized.stack, synthesized.template)
    assert quota_problems(stack, Context()) == []
    assert any(list(quota.find(stack)) for quota in QUOTAS)


def test_more_accounts_than_a_policy_holds_stop_the_synthesis(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    accounts = [f"{number:012}" for number in range(111122220000, 111122220800)]
    monkeypatch.setenv("CDK_CONTEXT_JSON", json.dumps({"accounts": accounts}))
    assert app.main() == 1
    first, *lines = capsys.readouterr().err.splitlines()
    assert first == "The stack would exceed quotas of AWS:"
    assert any("inline policies" in line and blamed(line).startswith("accounts") for line in lines)
    assert any("EventBusPolicy" in line and blamed(line) == "accounts" for line in lines)
    assert not any("environment" in line for line in lines)


def test_more_destinations_than_a_function_has_room_for_stop_the_synthesis(
    tmp_path: Path, out: Path
) -> None:
    names = [f"a-destination-with-a-rather-long-name-{number:02}" for number in range(21)]
    content = {
        "destinations": {name: {"kind": "slack", "secret": name * 5} for name in names},
        "routes": [{"name": "all", "to": names}],
    }
    (tmp_path / "alerts.yaml").write_text(json.dumps(content))
    context = parse_context({"alerts_file": "alerts.yaml"}, tmp_path)
    with pytest.raises(QuotaError) as raised:
        app.synthesize(context, {})
    assert any("inline policies" in problem for problem in raised.value.problems)
    assert all(blamed(problem).startswith("alerts_file") for problem in raised.value.problems)
