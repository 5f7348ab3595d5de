"""The reader's role in every account of an organization: a service-managed StackSet.

CloudFormation deploys it to accounts that join a unit, and removes it from those that leave (AWS
CloudFormation User Guide, "Enable or disable automatic deployments for StackSets"). It does not
reach the management account, where the template must be deployed separately.
"""

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import Aws, CfnParameter, CfnStackSet, Environment, LegacyStackSynthesizer, Stack
from constructs import Construct

from infra.context import Context
from infra.hints import default_bus

TEMPLATE = Path(__file__).resolve().parent.parent / "roles" / "truffle-read.yaml"


class OrganizationStack(Stack):
    """The StackSet, in the management account or in that of a delegated administrator.

    It has no assets and needs no bootstrapped region.

    Args:
        collector_role_arn: the role that may assume the reader's.
    """

    def __init__(
        self, scope: Construct, construct_id: str, context: Context, collector_role_arn: str
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            description="truffle: the reader's role in every account",
            env=Environment(region=context.home_region),
            synthesizer=LegacyStackSynthesizer(),
        )
        _stack_set(self, context, collector_role_arn)


def _stack_set(scope: Construct, context: Context, collector_role_arn: str) -> CfnStackSet:
    parameters = _parameters(context, collector_role_arn)
    targets = CfnStackSet.DeploymentTargetsProperty(organizational_unit_ids=_units(scope, context))
    return CfnStackSet(
        scope,
        "Readers",
        stack_set_name=f"{context.stack_name}-readers",
        description="Lets truffle describe capacity reservations.",
        template_body=TEMPLATE.read_text("utf-8"),
        capabilities=["CAPABILITY_NAMED_IAM"],
        permission_model="SERVICE_MANAGED",
        call_as="DELEGATED_ADMIN" if context.delegated_administrator else "SELF",
        auto_deployment=CfnStackSet.AutoDeploymentProperty(
            enabled=True, retain_stacks_on_account_removal=False
        ),
        managed_execution={"Active": True},
        operation_preferences=CfnStackSet.OperationPreferencesProperty(
            failure_tolerance_percentage=100,
            max_concurrent_percentage=100,
            region_concurrency_type="PARALLEL",
        ),
        parameters=[
            CfnStackSet.ParameterProperty(parameter_key=key, parameter_value=value)
            for key, value in parameters.items()
        ],
        stack_instances_group=[
            CfnStackSet.StackInstancesProperty(
                regions=_regions(context), deployment_targets=targets
            )
        ],
    )


def _home(context: Context) -> str:
    return context.home_region or Aws.REGION


def _regions(context: Context) -> list[str]:
    """The regions of the StackSet: IAM is global, so one suffices for the role; rules are
    regional."""
    forwarding = context.regions if context.forward_events else ()
    return list(dict.fromkeys((_home(context), *forwarding)))


def _parameters(context: Context, collector_role_arn: str) -> dict[str, str]:
    """The event bus is in the account of the collector's role."""
    account = collector_role_arn.split(":")[4] if context.collector_role_arn else Aws.ACCOUNT_ID
    return {
        "CollectorRoleArn": collector_role_arn,
        "ExternalId": context.external_id,
        "RoleName": context.role_name,
        "RoleRegion": _home(context),
        "AsksForInstances": "true" if context.stranded else "false",
        "EventBusArn": default_bus(_home(context), account) if context.forward_events else "",
    }


def _units(scope: Construct, context: Context) -> Sequence[str]:
    """The configured units; else a parameter, since synthesis does not know the root's id."""
    if context.organizational_units:
        return list(context.organizational_units)
    parameter = CfnParameter(
        scope,
        "OrganizationalUnits",
        type="CommaDelimitedList",
        description="Ids of the root (r-...) or of organizational units (ou-...)",
    )
    return parameter.value_as_list
