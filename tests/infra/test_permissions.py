"""Who may do what: each function has a role of its own, with what it uses and nothing else."""

from __future__ import annotations

import pytest

from lambdas.store.table import (
    DELIVERIES_PREFIX,
    DOCUMENTS,
    EVENT_PREFIX,
    PENDING_PREFIX,
    RESOLVED_PREFIX,
    THREADS_PREFIX,
)
from tests.infra.synthesized import (
    ALERTS,
    EVERYTHING,
    KEY_ARN,
    NAMES,
    SECRET_ARN,
    Json,
    Resource,
    Synthesized,
    actions_of,
    as_list,
    target,
    text_of,
)

LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
CONSUME = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
IDEMPOTENCY = {"GetItem", "PutItem", "UpdateItem", "DeleteItem"}

MAY = {
    "compact": {"s3:ListBucket", "s3:GetObject", "s3:PutObject"},
    "watch": {
        "ec2:DescribeCapacityBlockOfferings",
        "ec2:DescribeInstanceTypes",
        *(f"dynamodb:{action}" for action in ("Query", "PutItem", "DeleteItem")),
        "s3:PutObject",
    },
    "fan_out": {
        "ec2:DescribeRegions",
        *(f"dynamodb:{action}" for action in ("GetItem", "BatchGetItem", "Query")),
        *(f"dynamodb:{action}" for action in ("PutItem", "UpdateItem")),
        "sqs:SendMessage",
        "lambda:InvokeFunction",
    },
    "collect": {
        "ec2:DescribeRegions",
        "ec2:DescribeCapacityReservations",
        "ec2:DescribeCapacityBlocks",
        "ec2:DescribeCapacityBlockStatus",
        "ec2:DescribeCapacityBlockExtensionHistory",
        "ec2:DescribeCapacityBlockExtensionOfferings",
        "ec2:DescribeCapacityReservationBillingRequests",
        "ec2:DescribeCapacityReservationFleets",
        "ec2:DescribeCapacityReservationTopology",
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceTypes",
        "ec2:GetCapacityReservationUsage",
        "rds:DescribeDBCapacityReservations",
        "sagemaker:DescribeTrainingPlan",
        "sagemaker:ListTrainingPlans",
        "sts:AssumeRole",
        *(f"dynamodb:{action}" for action in ("GetItem", "BatchGetItem", "Query")),
        *(f"dynamodb:{action}" for action in ("PutItem", "UpdateItem", "DeleteItem")),
        "s3:PutObject",
        "s3:GetObject",
        "s3:ListBucket",
        *CONSUME,
        "sqs:ChangeMessageVisibility",
        "sqs:SendMessage",
        "scheduler:CreateSchedule",
        "iam:PassRole",
    },
    "hint": {
        *(f"dynamodb:{action}" for action in ("GetItem", "BatchGetItem", "PutItem")),
        "sqs:SendMessage",
    },
    "ledger": {"s3:GetObject", "s3:ListBucket", "s3:PutObject", "sqs:SendMessage"},
    "prices": {
        "ce:GetCostAndUsage",
        "pricing:GetProducts",
        "s3:GetObject",
        "s3:ListBucket",
        *(f"dynamodb:{action}" for action in ("GetItem", "BatchGetItem", "Query")),
        *(f"dynamodb:{action}" for action in ("PutItem", "UpdateItem")),
        "sqs:SendMessage",
    },
    "publish": {
        "dynamodb:Query",
        *(f"dynamodb:{action}" for action in ("DescribeStream", "GetRecords")),
        *(f"dynamodb:{action}" for action in ("GetShardIterator", "ListStreams")),
        *(f"dynamodb:{action}" for action in IDEMPOTENCY),
        "sns:Publish",
        "sqs:SendMessage",
        "s3:PutObject",
    },
    "query": {
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:Query",
        "s3:GetObject",
        "sqs:GetQueueUrl",
        "sqs:SendMessage",
        "lambda:InvokeFunction",
        "secretsmanager:GetSecretValue",
        "s3:ListBucket",
    },
    "deliver": {
        *CONSUME,
        "sqs:ChangeMessageVisibility",
        "sqs:SendMessage",
        *(f"dynamodb:{action}" for action in (*IDEMPOTENCY, "BatchGetItem", "Query")),
        "secretsmanager:GetSecretValue",
        "sns:Publish",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    },
}


@pytest.mark.parametrize("name", NAMES)
def test_a_function_may_do_exactly_this(stack: Synthesized, name: str) -> None:
    assert actions_of(stack.statements(stack.role_of(name))) == MAY[name] | LOGS


def test_no_two_functions_share_a_role(stack: Synthesized) -> None:
    roles = [target(function["Role"]) for function in stack.of_type("Lambda::Function")]
    assert len(set(roles)) == len(roles) == len(NAMES)


def test_the_query_function_only_reads(stack: Synthesized) -> None:
    actions = actions_of(stack.statements(stack.role_of("query")))
    assert {one for one in actions if one.startswith("dynamodb:")} <= {
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:Query",
    }


OTHER_READS = (
    "ce:GetCostAndUsage",
    "pricing:GetProducts",
    "rds:DescribeDBCapacityReservations",
    "sagemaker:DescribeTrainingPlan",
    "sagemaker:ListTrainingPlans",
)
EC2_READS = ("ec2:Describe", "ec2:GetCapacityReservationUsage")


def test_ec2_is_only_read(stack: Synthesized) -> None:
    actions = {
        action
        for role in stack.of_type("IAM::Role")
        for action in actions_of(stack.statements(role))
        if action.startswith("ec2:")
    }
    assert actions
    assert all(action.startswith(EC2_READS) for action in actions)


def test_a_star_as_resource_is_for_reads_that_take_none_alone(stack: Synthesized) -> None:
    starred = [
        statement
        for role in stack.of_type("IAM::Role")
        for statement in stack.statements(role)
        if "*" in as_list(statement["Resource"])
    ]
    assert starred
    assert all(
        action.startswith(EC2_READS) or action in OTHER_READS for action in actions_of(starred)
    )


def test_no_action_is_a_pattern_and_nothing_is_denied(stack: Synthesized) -> None:
    for role in stack.of_type("IAM::Role"):
        statements = stack.statements(role)
        assert {statement["Effect"] for statement in statements} == {"Allow"}
        assert not [action for action in actions_of(statements) if "*" in action]


def test_what_functions_write_is_forgotten_or_overwritten(stack: Synthesized) -> None:
    (bucket,) = stack.of_type("S3::Bucket")
    rules = bucket["LifecycleConfiguration"]["Rules"]
    written = {
        text_of(resource).removeprefix(f"<{bucket.logical_id}>/").removesuffix("*")
        for name in NAMES
        for statement in stack.statements(stack.role_of(name))
        if "s3:PutObject" in statement["Action"]
        for resource in as_list(statement["Resource"])
    }
    assert len(written) >= 7
    assert written <= {"latest/", *(rule.get("Prefix") for rule in rules)}


@pytest.mark.parametrize(
    ("name", "prefixes"),
    [("collect", {"snapshots", "runs", "latest"})],
)
def test_objects_are_written_below_these_prefixes(
    stack: Synthesized, name: str, prefixes: set[str]
) -> None:
    (bucket,) = stack.of_type("S3::Bucket")
    (writing,) = [
        one for one in stack.statements(stack.role_of(name)) if "s3:PutObject" in one["Action"]
    ]
    assert {text_of(one) for one in writing["Resource"]} == {
        f"<{bucket.logical_id}>/{prefix}/*" for prefix in prefixes
    }


@pytest.mark.parametrize("name", NAMES)
def test_logs_go_to_the_functions_own_group(stack: Synthesized, name: str) -> None:
    group = target(stack.function(name)["LoggingConfig"]["LogGroup"])
    (writing,) = [one for one in stack.statements(stack.role_of(name)) if actions_of([one]) == LOGS]
    assert writing["Resource"] == {"Fn::GetAtt": [group, "Arn"]}


def test_the_reader_role_is_assumed_in_the_configured_accounts(stack: Synthesized) -> None:
    (assuming,) = _allowed(stack, "collect", "sts:AssumeRole")
    assert text_of(assuming["Resource"]) == "arn:<AWS::Partition>:iam::*:role/truffle-read"
    assert assuming["Condition"] == {
        "StringEquals": {"aws:ResourceAccount": EVERYTHING["accounts"]}
    }


def test_fan_out_invokes_the_collector_alone(stack: Synthesized, plain: Synthesized) -> None:
    (invoking,) = _allowed(stack, "fan_out", "lambda:InvokeFunction")
    assert text_of(invoking["Resource"]) == f"<{stack.function('collect').logical_id}>"
    assert _allowed(plain, "fan_out", "lambda:InvokeFunction") == []


def test_without_accounts_no_role_is_assumed(plain: Synthesized) -> None:
    assert "sts:AssumeRole" not in actions_of(plain.statements(plain.role_of("collect")))


def _allowed(stack: Synthesized, name: str, action: str) -> list[Json]:
    """The statements that allow a function an action."""
    found = stack.statements(stack.role_of(name))
    return [one for one in found if action in as_list(one["Action"])]


def test_only_the_named_secrets_are_read(stack: Synthesized) -> None:
    """Secrets Manager ends a secret's ARN with a hyphen and six characters."""
    (reading,) = _allowed(stack, "deliver", "secretsmanager:GetSecretValue")
    home = "arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:truffle/"
    assert {text_of(one) for one in reading["Resource"]} == {
        *(f"{home}{name}-??????" for name in ("on-call", "bus", "pager", "ops")),
        SECRET_ARN.replace("slack", "teams"),
        SECRET_ARN,
    }


def test_customers_keys_are_used_by_way_of_their_services_in_their_regions_alone(
    stack: Synthesized,
) -> None:
    found = {
        (text_of(one["Condition"]["StringEquals"]["kms:ViaService"]), one["Resource"]): set(
            as_list(one["Action"])
        )
        for one in _allowed(stack, "deliver", "kms:Decrypt")
    }
    ireland = KEY_ARN.replace("us-east-1", "eu-west-1")
    sending = {"kms:Decrypt", "kms:GenerateDataKey"}
    assert found == {
        ("secretsmanager.us-east-1.<AWS::URLSuffix>", KEY_ARN): {"kms:Decrypt"},
        ("secretsmanager.eu-west-1.<AWS::URLSuffix>", ireland): {"kms:Decrypt"},
        ("sqs.us-east-1.<AWS::URLSuffix>", KEY_ARN): sending,
        ("sqs.eu-west-1.<AWS::URLSuffix>", ireland): sending,
    }


def test_no_other_function_uses_a_key(stack: Synthesized) -> None:
    for name in set(NAMES) - {"deliver"}:
        actions = actions_of(stack.statements(stack.role_of(name)))
        assert not [action for action in actions if action.startswith("kms:")], name


def test_deliver_sends_to_dead_letters_to_queues_of_destinations_and_of_digests(
    stack: Synthesized,
) -> None:
    (sending,) = _allowed(stack, "deliver", "sqs:SendMessage")
    dead = [stack.dead_letters(name).logical_id for name in (*ALERTS["destinations"], "slack")]
    for_people = ("on-call", "research", "chat", "people", "silent", "slack")
    assert {text_of(one) for one in sending["Resource"]} == {
        *(f"<{name}>" for name in dead),
        *(f"<{stack.queue(name).logical_id}>" for name in for_people),
        "arn:aws:sqs:us-east-1:123456789012:warehouse",
    }


def test_deliver_publishes_to_the_destinations_own_topics_alone(stack: Synthesized) -> None:
    (publishing,) = _allowed(stack, "deliver", "sns:Publish")
    assert {target(one) for one in publishing["Resource"]} == {
        target(stack.outputs[f"Destination{name}TopicArn"]["Value"])
        for name in ("Chat", "People", "Silent")
    }


def test_deliver_writes_what_waits_threads_and_resolutions_alone(stack: Synthesized) -> None:
    """Beside the idempotency table's items."""
    table = target(stack.outputs["TableName"]["Value"])
    for action in ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"):
        (writing,) = [
            one
            for one in _allowed(stack, "deliver", action)
            if target(as_list(one["Resource"])[0]) == table
        ]
        keys = writing["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        prefixes = (PENDING_PREFIX, DELIVERIES_PREFIX, THREADS_PREFIX, RESOLVED_PREFIX)
        assert set(keys) == {f"{prefix}*" for prefix in prefixes}


def test_query_sends_to_the_destinations_queues_alone(
    stack: Synthesized, plain: Synthesized
) -> None:
    (sending,) = _allowed(stack, "query", "sqs:SendMessage")
    assert {target(one) for one in sending["Resource"]} == {
        stack.queue(name).logical_id for name in (*ALERTS["destinations"], "slack")
    }
    assert _allowed(plain, "query", "sqs:SendMessage") == []


def test_query_reads_the_secret_of_the_feed_alone(stack: Synthesized, plain: Synthesized) -> None:
    (reading,) = _allowed(stack, "query", "secretsmanager:GetSecretValue")
    (secret,) = stack.of_type("SecretsManager::Secret")
    assert target(reading["Resource"]) == secret.logical_id
    assert _allowed(plain, "query", "secretsmanager:GetSecretValue") == []


def test_query_invokes_the_publisher_alone(stack: Synthesized) -> None:
    (invoking,) = _allowed(stack, "query", "lambda:InvokeFunction")
    assert text_of(invoking["Resource"]) == f"<{stack.function('publish').logical_id}>"


def test_the_publisher_reads_events_and_names_of_accounts_alone(stack: Synthesized) -> None:
    (reading,) = _allowed(stack, "publish", "dynamodb:Query")
    assert text_of(reading["Resource"]) == f"<{target(stack.outputs['TableName']['Value'])}>"
    keys = [f"{EVENT_PREFIX}*", f"{DOCUMENTS}*"]
    assert reading["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys}}


def test_the_schedule_may_start_fan_out_and_keep_its_failures(stack: Synthesized) -> None:
    schedule = stack.get(target(stack.outputs["ScheduleName"]["Value"]))
    role = stack.get(target(schedule["Target"]["RoleArn"]))
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert actions_of(stack.statements(role)) == {"lambda:InvokeFunction", "sqs:SendMessage"}
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def _starts(stack: Synthesized, schedule: Resource) -> bool:
    """Whether a schedule starts a function, rather than sending a message."""
    return target(schedule["Target"]["Arn"]) in {
        one.logical_id for one in stack.of_type("Lambda::Function")
    }


def test_the_daily_schedules_start_their_functions_alone(stack: Synthesized) -> None:
    functions = {stack.function(name).logical_id for name in ("ledger", "prices")}
    daily = [
        one
        for one in stack.of_type("Scheduler::Schedule")
        if target(one["Target"]["Arn"]) in functions
    ]
    assert {target(one["Target"]["Arn"]) for one in daily} == functions
    (name,) = {target(one["Target"]["RoleArn"]) for one in daily}
    statements = stack.statements(stack.get(name))
    (invoking,) = [it for it in statements if it["Action"] == "lambda:InvokeFunction"]
    assert {target(one) for one in as_list(invoking["Resource"])} == functions


def test_the_summaries_schedules_may_send_to_their_queues_alone(stack: Synthesized) -> None:
    schedules = [one for one in stack.of_type("Scheduler::Schedule") if not _starts(stack, one)]
    (name,) = {target(one["Target"]["RoleArn"]) for one in schedules}
    (sending,) = stack.statements(stack.get(name))
    assert sending["Action"] == "sqs:SendMessage"
    assert {target(one) for one in sending["Resource"]} == {
        queue.logical_id
        for destination in ("on-call", "silent")
        for queue in (stack.queue(destination), stack.dead_letters(destination))
    }


def test_query_reads_the_past_and_what_a_run_left_from_the_bucket(stack: Synthesized) -> None:
    (reading,) = _allowed(stack, "query", "s3:GetObject")
    read = {text_of(one).partition("/")[2] for one in reading["Resource"]}
    past = {"snapshots/*", "runs/*", "usage/*", "offerings/*"}
    assert read == past | {"latest/regions/*", "latest/beside/*"}


def test_costs_are_only_read_where_the_setting_is_on(plain: Synthesized) -> None:
    actions = actions_of(plain.statements(plain.role_of("prices")))
    assert "pricing:GetProducts" in actions
    assert "ce:GetCostAndUsage" not in actions
