"""An organization: rights of constant size, and the reader's role in every account."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.asset import ROOT
from infra.ec2_model import OPERATIONS, STRANDED_ACTIONS
from infra.hints import PATTERN
from infra.organization import OrganizationStack
from tests.infra.conftest import synthesize
from tests.infra.synthesized import Json, Synthesized, actions_of, as_list, text_of

TEMPLATE = ROOT / "roles" / "truffle-read.yaml"
COLLECTOR = "arn:aws:iam::999988887777:role/truffle-collect"
UNIT = "ou-abcd-research1"


@pytest.fixture(scope="session")
def synthesized(
    no_code: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Json], Synthesized]:
    def make(raw: Json) -> Synthesized:
        return synthesize(raw, no_code, tmp_path_factory.mktemp("organization"))

    return make


@pytest.fixture(scope="session")
def organization(synthesized: Callable[[Json], Synthesized]) -> Synthesized:
    return synthesized({"accounts": "organization"})


# --- the stack -----------------------------------------------------------------------------------


def test_the_template_is_the_same_for_two_and_for_a_thousand_accounts(
    organization: Synthesized, synthesized: Callable[[Json], Synthesized]
) -> None:
    many = {
        "accounts": "organization",
        "excluded_accounts": [f"{number:012}" for number in range(1000)],
        "organizational_units": [f"ou-abcd-{number:08}" for number in range(100)],
    }
    assert synthesized(many).template == organization.template


def test_no_account_is_named_anywhere(organization: Synthesized) -> None:
    assert not re.findall(r"(?<!\d)\d{12}(?!\d)", json.dumps(organization.template))


def _allowed(stack: Synthesized, name: str, action: str) -> list[Json]:
    found = stack.statements(stack.role_of(name))
    return [one for one in found if action in as_list(one["Action"])]


def test_the_reader_role_is_assumed_in_the_organization_alone(organization: Synthesized) -> None:
    """IAM User Guide: aws:ResourceOrgID, and aws:PrincipalOrgID as a policy variable."""
    (assuming,) = _allowed(organization, "collect", "sts:AssumeRole")
    assert text_of(assuming["Resource"]) == "arn:<AWS::Partition>:iam::*:role/truffle-read"
    assert assuming["Condition"] == {"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}


def test_fan_out_lists_accounts_and_nothing_else_of_organizations(
    organization: Synthesized,
) -> None:
    actions = actions_of(organization.statements(organization.role_of("fan_out")))
    assert {one for one in actions if one.startswith("organizations:")} == {
        "organizations:ListAccounts",
        "organizations:ListAccountsForParent",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListRoots",
    }
    assert "sts:AssumeRole" not in actions


def test_another_accounts_role_takes_the_place_of_these_rights(
    synthesized: Callable[[Json], Synthesized],
) -> None:
    role = "arn:aws:iam::111122223333:role/organization-reader"
    stack = synthesized({"accounts": "organization", "organization_role_arn": role})
    (assuming,) = _allowed(stack, "fan_out", "sts:AssumeRole")
    assert assuming["Resource"] == role
    actions = actions_of(stack.statements(stack.role_of("fan_out")))
    assert not [one for one in actions if one.startswith("organizations:")]
    variables = stack.function("fan_out")["Environment"]["Variables"]
    assert variables["TRUFFLE_ORGANIZATION_ROLE_ARN"] == role


def test_the_organizations_accounts_may_put_capacity_events_on_the_bus(
    organization: Synthesized,
) -> None:
    (policy,) = organization.of_type("Events::EventBusPolicy")
    statement = policy["Statement"]
    assert (statement["Principal"], statement["Action"]) == ("*", "events:PutEvents")
    assert statement["Condition"]["StringEquals"] == {
        "events:source": ["aws.ec2"],
        "aws:PrincipalOrgID": "${aws:ResourceOrgID}",
    }
    assert statement["Condition"]["StringLike"]["events:detail-type"]


def test_the_external_id_reaches_the_collector(organization: Synthesized) -> None:
    variables = organization.function("collect")["Environment"]["Variables"]
    assert variables["TRUFFLE_EXTERNAL_ID"] == "truffle-reader"


def test_accounts_that_cannot_be_discovered_raise_an_alarm(organization: Synthesized) -> None:
    (alarm,) = [
        one
        for one in organization.of_type("CloudWatch::Alarm")
        if one.properties.get("MetricName") == "DiscoveryFailed"
    ]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)
    assert '"Accounts not discovered" in docs/operations.md' in alarm["AlarmDescription"]


# --- the role as a template ----------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """CloudFormation's short forms as their long ones."""


def _long(loader: Any, suffix: str, node: Any) -> Any:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    return {name: loader.construct_sequence(node, deep=True)}


_Loader.add_multi_constructor("!", _long)


@pytest.fixture(scope="module")
def role() -> Json:
    content: Json = yaml.load(TEMPLATE.read_text("utf-8"), _Loader)
    return content


def test_the_reader_may_do_what_the_code_calls_and_no_more(role: Json) -> None:
    policy, _ = role["Resources"]["Reader"]["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    assert sorted(statement["Action"]) == sorted(
        [f"ec2:{name}" for name in OPERATIONS]
        + ["sagemaker:DescribeTrainingPlan", "sagemaker:ListTrainingPlans"]
        + ["rds:DescribeDBCapacityReservations"]
    )


def test_the_reader_lists_instances_only_where_that_is_a_parameter(role: Json) -> None:
    _, choice = role["Resources"]["Reader"]["Properties"]["Policies"]
    condition, policy, nothing = choice["Fn::If"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert [statement["Action"]] == [f"ec2:{name}" for name in STRANDED_ACTIONS]
    assert (condition, nothing) == ("AsksForInstances", {"Ref": "AWS::NoValue"})
    assert role["Parameters"]["AsksForInstances"]["Default"] == "false"


def test_the_reader_trusts_the_collectors_role_with_the_external_id_alone(role: Json) -> None:
    properties = role["Resources"]["Reader"]["Properties"]
    assert properties["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"AWS": {"Ref": "CollectorRoleArn"}},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}},
        }
    ]


def test_the_templates_defaults_are_those_of_the_settings(role: Json) -> None:
    settings = json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"]
    assert role["Parameters"]["ExternalId"]["Default"] == settings["external_id"]
    assert role["Parameters"]["RoleName"]["Default"] == settings["role_name"]
    assert "Default" not in role["Parameters"]["CollectorRoleArn"]


def test_forwarding_is_optional_and_forwards_the_same_events(role: Json) -> None:
    rule = role["Resources"]["Forwarding"]
    assert rule["Condition"] == role["Resources"]["Forwarder"]["Condition"] == "Forwards"
    assert rule["Properties"]["EventPattern"] == PATTERN
    assert role["Parameters"]["EventBusArn"]["Default"] == ""


def test_the_forwarder_may_put_events_on_that_bus_alone(role: Json) -> None:
    (policy,) = role["Resources"]["Forwarder"]["Properties"]["Policies"]
    assert policy["PolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Action": "events:PutEvents", "Resource": {"Ref": "EventBusArn"}}
    ]


def test_nothing_else_is_in_the_template(role: Json) -> None:
    assert set(role["Resources"]) == {"Reader", "Forwarder", "Forwarding"}
    assert len(TEMPLATE.read_bytes()) < 51_200


# --- the StackSet --------------------------------------------------------------------------------


def _stack_set(directory: Path, raw: Json) -> Synthesized:
    from aws_cdk import App

    from infra.context import parse_context

    app = App(outdir=str(directory))
    context = parse_context({"organization_stack": True, **raw})
    OrganizationStack(app, "organization", context, context.collector_role_arn or COLLECTOR)
    app.synth()
    return Synthesized(directory, "organization")


def _parameters(stack: Synthesized) -> dict[str, Any]:
    (stack_set,) = stack.of_type("CloudFormation::StackSet")
    return {one["ParameterKey"]: one["ParameterValue"] for one in stack_set["Parameters"]}


def test_the_stack_set_deploys_the_role_to_accounts_that_join(tmp_path: Path) -> None:
    stack = _stack_set(tmp_path, {"organizational_units": [UNIT], "external_id": "one-two"})
    (stack_set,) = stack.of_type("CloudFormation::StackSet")
    (instances,) = stack_set["StackInstancesGroup"]
    assert stack_set["PermissionModel"] == "SERVICE_MANAGED"
    assert stack_set["CallAs"] == "SELF"
    assert stack_set["AutoDeployment"] == {"Enabled": True, "RetainStacksOnAccountRemoval": False}
    assert stack_set["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
    assert stack_set["TemplateBody"] == TEMPLATE.read_text("utf-8")
    assert instances["DeploymentTargets"] == {"OrganizationalUnitIds": [UNIT]}
    assert instances["Regions"] == [{"Ref": "AWS::Region"}]
    assert _parameters(stack) == {
        "CollectorRoleArn": COLLECTOR,
        "ExternalId": "one-two",
        "RoleName": "truffle-read",
        "RoleRegion": {"Ref": "AWS::Region"},
        "AsksForInstances": "false",
        "EventBusArn": "",
    }


def test_a_delegated_administrator_may_make_it(tmp_path: Path) -> None:
    stack = _stack_set(tmp_path, {"delegated_administrator": True})
    (stack_set,) = stack.of_type("CloudFormation::StackSet")
    assert stack_set["CallAs"] == "DELEGATED_ADMIN"


def test_without_units_the_root_is_a_parameter(tmp_path: Path) -> None:
    stack = _stack_set(tmp_path, {})
    (stack_set,) = stack.of_type("CloudFormation::StackSet")
    (instances,) = stack_set["StackInstancesGroup"]
    assert instances["DeploymentTargets"] == {
        "OrganizationalUnitIds": {"Ref": "OrganizationalUnits"}
    }
    assert stack.template["Parameters"]["OrganizationalUnits"]["Type"] == "CommaDelimitedList"


def test_forwarding_reaches_every_region_and_the_role_is_made_in_one(tmp_path: Path) -> None:
    raw = {
        "forward_events": True,
        "regions": ["us-east-2", "eu-west-1"],
        "home_region": "eu-west-1",
        "collector_role_arn": COLLECTOR,
    }
    stack = _stack_set(tmp_path, raw)
    (stack_set,) = stack.of_type("CloudFormation::StackSet")
    assert stack_set["StackInstancesGroup"][0]["Regions"] == ["eu-west-1", "us-east-2"]
    parameters = _parameters(stack)
    assert parameters["RoleRegion"] == "eu-west-1"
    bus = "arn:<AWS::Partition>:events:eu-west-1:999988887777:event-bus/default"
    assert text_of(parameters["EventBusArn"]) == bus
