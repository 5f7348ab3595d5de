"""Hints: EC2's events start a collection within seconds. The rule, the function, the allowed
senders."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Aws
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.collection import Collection
from infra.functions import Deployment, PythonFunction, allow, keep_failed_starts
from infra.storage import Storage
from lambdas.settings import HintSettings

NAMES = (
    "Capacity Block",
    "EC2 Capacity Reservation",
    "EC2 Interruptible Capacity Reservation",
    "On-Demand Capacity Reservation Billing",
    "EC2 On-Demand Capacity Reservation",
    "Future Capacity Request",
)
"""The prefixes of the detail-types of EC2's capacity events; the rest differs between AWS's own
pages (EC2 User Guide, capacity-blocks-monitor; EventBridge events reference, EC2)."""

CLOUDTRAIL = ("AWS Service Event via CloudTrail", "AWS API Call via CloudTrail")
RECORDED = (
    "CapacityBlock",
    "PurchaseCapacityBlock",
    "TerminateCapacityBlock",
    "CreateCapacityReservation",
    "ModifyCapacityReservation",
    "CancelCapacityReservation",
)
"""The prefixes of the capacity events and calls that CloudTrail records (EC2 User Guide, "Log
Capacity Blocks API calls with CloudTrail"; EC2 API Reference). A failed call is also a hint."""

PATTERN: Mapping[str, Any] = {
    "source": ["aws.ec2"],
    "$or": [
        {"detail-type": [{"prefix": name} for name in NAMES]},
        {
            "detail-type": list(CLOUDTRAIL),
            "detail": {"eventName": [{"prefix": name} for name in RECORDED]},
        },
    ],
}
"""The events that are hints."""

MAX_AGE_SECONDS = 15 * 60
MAX_RETRIES = 5
THIS_ORGANIZATION = "${aws:ResourceOrgID}"
"""IAM's variable for the organization of the account that owns the bus (IAM User Guide, "AWS global
condition context keys"), so synthesis need not know the organization's id."""

_WRITTEN = "HINTS"
"""The partition of the table that the function writes (lambdas/store/table.py)."""


class Hints(Construct):
    """Collects a scope as soon as an EC2 event names it.

    Attributes:
        hint: queues the scope of an event.
        rule: starts it, on the default bus of the stack's region.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        deployment: Deployment,
        storage: Storage,
        collection: Collection,
    ) -> None:
        super().__init__(scope, construct_id)
        dead_letters = collection.trigger_dead_letters
        self.hint = _hint(self, deployment, storage, collection.units, dead_letters)
        self.rule = _rule(self, self.hint, dead_letters)
        if deployment.context.is_organization or deployment.context.listed_accounts:
            _let_send(self, deployment)


def retry_policy() -> events.CfnRule.RetryPolicyProperty:
    """The age after which a hint is useless, because the next run is near."""
    return events.CfnRule.RetryPolicyProperty(
        maximum_event_age_in_seconds=MAX_AGE_SECONDS, maximum_retry_attempts=MAX_RETRIES
    )


def default_bus(region: str = Aws.REGION, account: str = Aws.ACCOUNT_ID) -> str:
    """The ARN of the event bus on which AWS's services put their events."""
    return f"arn:{Aws.PARTITION}:events:{region}:{account}:event-bus/default"


def _hint(
    scope: Construct,
    deployment: Deployment,
    storage: Storage,
    units: sqs.Queue,
    dead_letters: sqs.Queue,
) -> PythonFunction:
    writing = allow("dynamodb", ["PutItem"], storage.table.table_arn)
    writing.add_condition("ForAllValues:StringEquals", {"dynamodb:LeadingKeys": [_WRITTEN]})
    hint = PythonFunction(
        scope,
        "Hint",
        deployment,
        name="hint",
        description="Queues the collection of the scope that an EC2 event comes from.",
        environment=HintSettings(
            table=storage.table.table_name, queue_url=units.queue_url
        ).to_env(),
        statements=[
            allow("dynamodb", ["GetItem", "BatchGetItem"], storage.table.table_arn),
            writing,
            allow("sqs", ["SendMessage"], units.queue_arn, dead_letters.queue_arn),
        ],
        timeout_seconds=30,
        memory_megabytes=256,
    )
    keep_failed_starts(hint, dead_letters, max_age_seconds=MAX_AGE_SECONDS)
    return hint


def _rule(scope: Construct, hint: PythonFunction, dead_letters: sqs.Queue) -> events.CfnRule:
    rule = events.CfnRule(
        scope,
        "Rule",
        description="Sends EC2's capacity events to the function hint.",
        event_pattern=PATTERN,
        targets=[
            events.CfnRule.TargetProperty(
                id="hint",
                arn=hint.function.function_arn,
                retry_policy=retry_policy(),
                dead_letter_config=events.CfnRule.DeadLetterConfigProperty(
                    arn=dead_letters.queue_arn
                ),
            )
        ],
    )
    principal = iam.ServicePrincipal("events.amazonaws.com")
    hint.function.add_permission("Rule", principal=principal, source_arn=rule.attr_arn)
    dead_letters.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[principal],
            actions=["sqs:SendMessage"],
            resources=[dead_letters.queue_arn],
            conditions={"ArnEquals": {"aws:SourceArn": rule.attr_arn}},
        )
    )
    return rule


def _let_send(scope: Construct, deployment: Deployment) -> None:
    """Allow the other collected accounts to send only EC2's capacity events to the bus (EventBridge
    User Guide, "Using IAM policy conditions"; each entry of PutEvents has one source and one
    detail-type)."""
    context = deployment.context
    principal: object = {"AWS": list(context.listed_accounts)}
    condition = {"events:source": PATTERN["source"]}
    if context.is_organization:
        principal, condition = "*", {**condition, "aws:PrincipalOrgID": THIS_ORGANIZATION}
    events.CfnEventBusPolicy(
        scope,
        "Accounts",
        statement_id=f"{context.stack_name}-accounts",
        statement={
            "Effect": "Allow",
            "Principal": principal,
            "Action": "events:PutEvents",
            "Resource": default_bus(),
            "Condition": {
                "StringEquals": condition,
                "StringLike": {
                    "events:detail-type": [f"{name}*" for name in NAMES] + [*CLOUDTRAIL]
                },
            },
        },
    )
