"""Accepted findings of cdk-nag (AwsSolutions), each with its reason."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, finding: str, reason: str) -> None:
    """Accept the findings of a rule, e.g. `AwsSolutions-S1`, at a construct or below it."""
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))


def acknowledge_wildcard(construct: IConstruct, resource: str, reason: str) -> None:
    """Accept that a role below a construct may act on `resource`, which contains a `*`."""
    acknowledge(construct, f"AwsSolutions-IAM5[Resource::{resource}]", reason)
