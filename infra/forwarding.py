"""Forwarding of EC2's events from another region or account to the stack's own bus."""

from collections.abc import Sequence

from aws_cdk import Aws, CfnCondition, Environment, Fn, LegacyStackSynthesizer, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.context import Context
from infra.functions import allow
from infra.hints import PATTERN, default_bus, retry_policy


class ForwardingStack(Stack):
    """The rule of the hints in one region, with the home region's default bus as its target.

    It has no assets and needs no bootstrapped region: the CDK command line deploys it with the
    caller's own credentials.

    Args:
        region: region of the events.
        home_region: region of truffle's stack.
        home_account: account of truffle's stack; None for the same one.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        region: str,
        home_region: str,
        home_account: str | None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            description=f"truffle: forwards capacity events to {home_region}",
            env=Environment(region=region),
            synthesizer=LegacyStackSynthesizer(),
        )
        home = default_bus(home_region, home_account or Aws.ACCOUNT_ID)
        role = _sender(self, home)
        rule = events.CfnRule(
            self,
            "Rule",
            description=f"Forwards EC2's capacity events to {home_region}.",
            event_pattern=PATTERN,
            targets=[
                events.CfnRule.TargetProperty(
                    id="home", arn=home, role_arn=role.role_arn, retry_policy=retry_policy()
                )
            ],
        )
        if region == home_region:
            rule.cfn_options.condition = _elsewhere(self, home_account or Aws.ACCOUNT_ID)


def _sender(scope: Construct, home: str) -> iam.Role:
    """The role with which EventBridge sends events to the bus at home."""
    return iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal(
            "events.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        ),
        inline_policies={
            "home": iam.PolicyDocument(statements=[allow("events", ["PutEvents"], home)])
        },
    )


def _elsewhere(scope: Construct, home_account: str) -> CfnCondition:
    """The events of other accounts and regions; a bus that forwards to itself would loop
    forever."""
    is_home = Fn.condition_equals(Aws.ACCOUNT_ID, home_account)
    return CfnCondition(scope, "Elsewhere", expression=Fn.condition_not(is_home))


def forwarding_stacks(scope: Construct, context: Context) -> Sequence[ForwardingStack]:
    """A stack per region with events to forward; none if the home region is unknown.

    The stack itself gets the events of its own region; another account also forwards those.
    """
    home_region = context.home_region
    if home_region is None:
        return ()
    own = {home_region} if context.home_account is None else set()
    return [
        ForwardingStack(
            scope,
            f"{context.stack_name}-forwarding-{region}",
            region=region,
            home_region=home_region,
            home_account=context.home_account,
        )
        for region in context.regions
        if region not in own
    ]
