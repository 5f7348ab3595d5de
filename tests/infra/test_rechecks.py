"""One-time schedules: collect may make them in their group, and they may fill its queue."""

from __future__ import annotations

from tests.infra.synthesized import Json, Resource, Synthesized, actions_of, target, text_of


def _group(stack: Synthesized) -> Resource:
    (group,) = stack.of_type("Scheduler::ScheduleGroup")
    return group


def _role(stack: Synthesized) -> Resource:
    """The role that collect hands to EventBridge Scheduler."""
    return stack.get(target(_right(stack, "iam:PassRole")["Resource"]))


def _right(stack: Synthesized, action: str) -> Json:
    statements = stack.statements(stack.role_of("collect"))
    (found,) = [one for one in statements if actions_of([one]) == {action}]
    return found


def test_schedules_are_made_in_their_own_group_only(stack: Synthesized) -> None:
    assert text_of(_right(stack, "scheduler:CreateSchedule")["Resource"]) == (
        "arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule/"
        f"<{_group(stack).logical_id}>/*"
    )


def test_one_role_may_be_passed_and_to_scheduler_alone(stack: Synthesized) -> None:
    passing = _right(stack, "iam:PassRole")
    assert passing["Condition"] == {
        "StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}
    }


def test_scheduler_may_send_units_and_no_more(stack: Synthesized) -> None:
    (statement,) = stack.statements(_role(stack))
    (trust,) = _role(stack)["AssumeRolePolicyDocument"]["Statement"]
    units = target(stack.outputs["UnitsQueueUrl"]["Value"])
    assert actions_of([statement]) == {"sqs:SendMessage"}
    assert statement["Resource"] == {"Fn::GetAtt": [units, "Arn"]}
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_collect_knows_what_the_schedules_need(stack: Synthesized) -> None:
    variables = stack.function("collect")["Environment"]["Variables"]
    assert variables["TRUFFLE_CHECKS_GROUP"] == {"Ref": _group(stack).logical_id}
    assert target(variables["TRUFFLE_CHECKS_ROLE_ARN"]) == _role(stack).logical_id
    assert variables["TRUFFLE_CHECKS_QUEUE_ARN"] == {
        "Fn::GetAtt": [target(stack.outputs["UnitsQueueUrl"]["Value"]), "Arn"]
    }
    assert variables["TRUFFLE_SCHEDULE_MINUTES"] == "60"
