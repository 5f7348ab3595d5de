"""EC2's events of other regions and accounts come to the stack's own bus."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.context import Context, ContextError, parse_context
from infra.hints import PATTERN
from tests.infra.synthesized import Resource, Synthesized, actions_of, target, text_of

REGIONS = ["us-east-1", "us-east-2", "eu-west-1"]


def _rule(stack: Synthesized) -> Resource:
    (rule,) = stack.of_type("Events::Rule")
    return rule


def _made(context: Context) -> dict[str, str]:
    """The region of each forwarding stack of a context, by its name."""
    from aws_cdk import App

    from infra.forwarding import forwarding_stacks

    return {stack.stack_name: stack.region for stack in forwarding_stacks(App(), context)}


def test_the_same_events_are_hints_in_every_region(forwarding: Synthesized) -> None:
    assert _rule(forwarding)["EventPattern"] == PATTERN


def test_a_regions_events_go_to_the_home_regions_default_bus(forwarding: Synthesized) -> None:
    (aim,) = _rule(forwarding)["Targets"]
    home = "arn:<AWS::Partition>:events:us-east-1:<AWS::AccountId>:event-bus/default"
    assert text_of(aim["Arn"]) == home
    assert aim["RetryPolicy"]["MaximumRetryAttempts"] > 0


def test_another_accounts_events_go_to_the_home_account(foreign_forwarding: Synthesized) -> None:
    (aim,) = _rule(foreign_forwarding)["Targets"]
    home = "arn:<AWS::Partition>:events:us-east-1:999988887777:event-bus/default"
    assert text_of(aim["Arn"]) == home


def test_the_role_may_put_events_on_that_bus_and_no_more(forwarding: Synthesized) -> None:
    (aim,) = _rule(forwarding)["Targets"]
    role = forwarding.get(target(aim["RoleArn"]))
    (statement,) = forwarding.statements(role)
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert actions_of([statement]) == {"events:PutEvents"}
    assert statement["Resource"] == aim["Arn"]
    assert trust["Principal"] == {"Service": "events.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_a_bus_never_forwards_to_itself(
    foreign_forwarding: Synthesized, forwarding: Synthesized
) -> None:
    """If the account itself is named as the home account."""
    condition = _rule(foreign_forwarding).body["Condition"]
    assert foreign_forwarding.template["Conditions"][condition] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "AWS::AccountId"}, "999988887777"]}]
    }
    assert "Condition" not in _rule(forwarding).body


def test_it_is_deployed_into_a_region_that_is_not_bootstrapped(forwarding: Synthesized) -> None:
    manifest = json.loads((forwarding.directory / "manifest.json").read_text("utf-8"))
    artifact = manifest["artifacts"][forwarding.stack]
    assert artifact["environment"] == "aws://unknown-account/eu-west-1"
    needs = {"requiresBootstrapStackVersion", "assumeRoleArn", "stackTemplateAssetObjectUrl"}
    assert not needs & set(artifact["properties"])
    assert "Parameters" not in forwarding.template


@pytest.mark.parametrize(
    ("raw", "regions"),
    [
        ({}, []),
        ({"regions": REGIONS}, []),
        ({"home_region": "us-east-1"}, []),
        ({"home_region": "us-east-1", "regions": ["us-east-1"]}, []),
        ({"home_region": "us-east-1", "regions": REGIONS}, ["us-east-2", "eu-west-1"]),
        ({"home_region": "ca-central-1", "regions": REGIONS}, REGIONS),
        (
            {"home_region": "us-east-1", "regions": REGIONS, "home_account": "999988887777"},
            REGIONS,
        ),
    ],
)
def test_each_region_whose_events_have_a_way_to_go_has_a_stack(
    raw: dict[str, Any], regions: list[str]
) -> None:
    assert _made(parse_context(raw)) == {f"truffle-forwarding-{name}": name for name in regions}


def test_the_command_lines_region_is_home_unless_another_one_is_named() -> None:
    assert parse_context({}, default_region="eu-west-1").home_region == "eu-west-1"
    named = {"home_region": "us-east-1"}
    assert parse_context(named, default_region="eu-west-1").home_region == "us-east-1"


@pytest.mark.parametrize(
    ("raw", "missing"),
    [
        ({}, "regions and home_region"),
        ({"regions": REGIONS}, "home_region"),
        ({"home_region": "us-east-1"}, "regions"),
    ],
)
def test_another_accounts_forwarding_needs_both_ends(raw: dict[str, Any], missing: str) -> None:
    with pytest.raises(ContextError) as caught:
        parse_context({**raw, "home_account": "999988887777"})
    assert caught.value.problems == (f'home_account = "999988887777": also requires {missing}',)
