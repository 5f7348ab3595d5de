"""cdk-nag's AwsSolutions rules."""

from __future__ import annotations

from tests.infra.conftest import CANARY
from tests.infra.synthesized import Synthesized


def test_nag_finds_nothing_but_the_canary(findings: list[tuple[str, str]]) -> None:
    assert {construct.split("/")[0] for _, construct in findings} == {CANARY}
    assert "AwsSolutions-SQS4" in {rule for rule, _ in findings}


def test_every_accepted_finding_has_a_reason(stack: Synthesized) -> None:
    accepted = list(stack.acknowledged())
    assert accepted
    for construct, finding, reason in accepted:
        assert finding.startswith("AwsSolutions-"), construct
        assert len(reason.split()) >= 8, (construct, finding)
        assert reason.endswith("."), (construct, finding)


def test_only_these_rules_are_ever_accepted(stack: Synthesized) -> None:
    rules = {finding.split("[")[0] for _, finding, _ in stack.acknowledged()}
    assert rules == {
        *("AwsSolutions-S1", "AwsSolutions-SQS3", "AwsSolutions-IAM5"),
        *("AwsSolutions-SMG4", "AwsSolutions-APIG4"),
    }


def test_no_finding_is_accepted_for_a_whole_stack(stack: Synthesized) -> None:
    constructs = {construct for construct, _, _ in stack.acknowledged()}
    assert constructs
    assert all(construct.count("/") >= 3 for construct in constructs)
