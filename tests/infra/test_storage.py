"""The tables, the bucket and the queues."""

from __future__ import annotations

import pytest

from lambdas.collecting.retries import FIRST_RETRY_SECONDS
from lambdas.store.table import BY_RESERVATION
from tests.infra.synthesized import Resource, Synthesized, refuses_plain_http, target


@pytest.fixture
def table(stack: Synthesized) -> Resource:
    return stack.get(target(stack.outputs["TableName"]["Value"]))


@pytest.fixture
def bucket(stack: Synthesized) -> Resource:
    (found,) = stack.of_type("S3::Bucket")
    return found


def test_every_table_is_on_demand_recoverable_and_encrypted(stack: Synthesized) -> None:
    tables = stack.of_type("DynamoDB::Table")
    assert len(tables) == 2
    for one in tables:
        assert one["BillingMode"] == "PAY_PER_REQUEST"
        assert one["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert one["SSESpecification"] == {"SSEEnabled": True}


def test_the_tables_keys(table: Resource) -> None:
    assert _keys(table.properties) == {"HASH": "pk", "RANGE": "sk"}
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == BY_RESERVATION
    assert _keys(index) == {"HASH": "reservation_id", "RANGE": "sk"}
    assert index["Projection"] == {"ProjectionType": "ALL"}


def test_the_table_streams_new_items_and_forgets_old_events(table: Resource) -> None:
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_the_idempotency_table_has_powertools_layout(stack: Synthesized) -> None:
    name = stack.function("publish")["Environment"]["Variables"]["TRUFFLE_IDEMPOTENCY_TABLE"]
    table = stack.get(target(name))
    assert _keys(table.properties) == {"HASH": "id"}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiration", "Enabled": True}
    assert "StreamSpecification" not in table.properties


def _keys(holder: object) -> dict[str, str]:
    assert hasattr(holder, "__getitem__")
    return {one["KeyType"]: one["AttributeName"] for one in holder["KeySchema"]}


def test_the_bucket_is_encrypted_versioned_and_private(bucket: Resource) -> None:
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    blocked = bucket["PublicAccessBlockConfiguration"]
    assert len(blocked) == 4
    assert set(blocked.values()) == {True}


def test_the_bucket_takes_tls_only(stack: Synthesized, bucket: Resource) -> None:
    assert refuses_plain_http(stack.policy_of("S3::BucketPolicy", bucket))


def test_what_the_bucket_forgets(bucket: Resource) -> None:
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert {rule["Status"] for rule in rules.values()} == {"Enabled"}
    kept = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules.values() if "Prefix" in rule}
    kept_long = ("snapshots/", "runs/", "events/", "tables/", "usage/", "offerings/")
    assert kept == {**dict.fromkeys(kept_long, 400), "query-results/": 7}
    assert rules["leftovers"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}
    assert rules["leftovers"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


def test_what_is_known_stays_when_the_stack_goes(table: Resource, bucket: Resource) -> None:
    for one in (table, bucket):
        assert (one.body["DeletionPolicy"], one.body["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_every_queue_is_encrypted_and_takes_tls_only(stack: Synthesized) -> None:
    for queue in stack.of_type("SQS::Queue"):
        assert queue["SqsManagedSseEnabled"] is True, queue.logical_id
        policy = stack.policy_of("SQS::QueuePolicy", queue)
        assert refuses_plain_http(policy), queue.logical_id


def test_every_queue_with_work_has_dead_letters(stack: Synthesized) -> None:
    queues = stack.of_type("SQS::Queue")
    kept = _dead_letter_queues(stack)
    working = [queue for queue in queues if queue.logical_id not in kept]
    assert len(working) == 1 + 10
    for queue in working:
        assert target(queue["RedrivePolicy"]["deadLetterTargetArn"]) in kept


def test_dead_letters_wait_for_two_weeks(stack: Synthesized) -> None:
    kept = _dead_letter_queues(stack)
    assert len(kept) == 3 + 10
    for name in kept:
        assert stack.get(name)["MessageRetentionPeriod"] == 14 * 24 * 3600


def _dead_letter_queues(stack: Synthesized) -> set[str]:
    """The queues named as the destination of failures."""
    kept = {
        target(queue["RedrivePolicy"]["deadLetterTargetArn"])
        for queue in stack.of_type("SQS::Queue")
        if "RedrivePolicy" in queue.properties
    }
    for kind in ("Lambda::EventInvokeConfig", "Lambda::EventSourceMapping"):
        kept |= {
            target(one["DestinationConfig"]["OnFailure"]["Destination"])
            for one in stack.of_type(kind)
            if "DestinationConfig" in one.properties
        }
    return kept


def test_a_unit_is_tried_five_times_and_hidden_as_long_as_aws_asks_for(stack: Synthesized) -> None:
    units = stack.get(target(stack.outputs["UnitsQueueUrl"]["Value"]))
    redrive = units["RedrivePolicy"]
    collect = stack.function("collect")
    variables = collect["Environment"]["Variables"]
    assert redrive["maxReceiveCount"] == 5
    assert variables["TRUFFLE_MAX_RECEIVES"] == "5"
    assert target(redrive["deadLetterTargetArn"]) == target(
        stack.outputs["UnitsDeadLetterQueueUrl"]["Value"]
    )
    assert units["VisibilityTimeout"] >= 6 * collect["Timeout"] > FIRST_RETRY_SECONDS


def test_every_queue_hides_a_message_for_six_timeouts_of_its_function(stack: Synthesized) -> None:
    mappings = [stack.mapping("collect"), *stack.mappings("deliver")]
    assert len(mappings) == 1 + 10
    for mapping in mappings:
        queue = stack.get(target(mapping["EventSourceArn"]))
        function = stack.get(target(mapping["FunctionName"]))
        assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
        assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5


def test_alerts_wait_six_times_as_long_as_their_delivery_may_take(stack: Synthesized) -> None:
    """And it is the function that gives up, by time, long before SQS would."""
    for mapping in stack.mappings("deliver"):
        queue = stack.get(target(mapping["EventSourceArn"]))
        assert queue["VisibilityTimeout"] >= 6 * stack.function("deliver")["Timeout"]
        assert queue["RedrivePolicy"]["maxReceiveCount"] == 1000
