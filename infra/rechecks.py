"""One-time schedules, with which collect has accounts listed again at a given minute."""

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledgments import acknowledge_wildcard
from infra.functions import PythonFunction, allow, scheduler_role


class Checks(Construct):
    """The group of the schedules, and the role with which they queue units.

    Attributes:
        group: the name of the group, which is deleted with the stack, including the schedules.
        role: the role of EventBridge Scheduler, which may send to the queue of units.
    """

    def __init__(self, scope: Construct, construct_id: str, units: sqs.Queue) -> None:
        super().__init__(scope, construct_id)
        self._group = scheduler.CfnScheduleGroup(self, "Group")
        self.group = self._group.ref
        self.role = scheduler_role(self, "Role", allow("sqs", ["SendMessage"], units.queue_arn))

    def rights(self) -> list[iam.PolicyStatement]:
        """Permissions to create schedules in the group, only with this role."""
        schedules = _schedules(Aws.PARTITION, Aws.REGION, Aws.ACCOUNT_ID, self.group)
        passing = allow("iam", ["PassRole"], self.role.role_arn)
        passing.add_condition("StringEquals", {"iam:PassedToService": "scheduler.amazonaws.com"})
        return [allow("scheduler", ["CreateSchedule"], schedules), passing]

    def acknowledge(self, function: PythonFunction) -> None:
        """Accept that the function that creates the schedules chooses their names."""
        group = Stack.of(self).get_logical_id(self._group)
        acknowledge_wildcard(
            function,
            _schedules("<AWS::Partition>", "<AWS::Region>", "<AWS::AccountId>", f"<{group}>"),
            "Names of one-time schedules are derived from the region, the minute and the accounts.",
        )


def _schedules(partition: str, region: str, account: str, group: str) -> str:
    """All schedules of a group (Service Authorization Reference, EventBridge Scheduler)."""
    return f"arn:{partition}:scheduler:{region}:{account}:schedule/{group}/*"
