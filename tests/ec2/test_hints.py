"""EventBridge's envelopes: where something happened, whatever their shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import HOME, OHIO
from truffle.core.model import Scope
from truffle.ec2.hints import name_of, scope_of

SAMPLES = sorted((Path(__file__).parent.parent / "samples" / "eventbridge").glob("*.json"))
ARN = "arn:aws:ec2:eu-west-1:210987654321:capacity-reservation/cr-1"
IRELAND = Scope("210987654321", "eu-west-1")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
envelopes = st.dictionaries(
    st.sampled_from(["account", "region", "resources", "detail", "detail-type", "detail_type"]),
    json_values | st.lists(st.just(ARN)) | st.fixed_dictionaries({"resources": json_values}),
)


def sample(name: str) -> dict[str, Any]:
    envelope: dict[str, Any] = json.loads(
        next(path for path in SAMPLES if path.stem == name).read_text()
    )
    return envelope


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_documented_event_has_its_account_and_region(path: Path) -> None:
    envelope = json.loads(path.read_text())
    assert scope_of(envelope) == Scope(envelope["account"], envelope["region"])
    assert name_of(envelope).startswith(envelope["detail-type"])


def test_the_envelopes_own_place_comes_first() -> None:
    assert scope_of({"account": HOME, "region": "us-east-2", "resources": [ARN]}) == OHIO


@pytest.mark.parametrize(
    "envelope",
    [
        {"resources": [ARN]},
        {"resources": ["cr-1", 7, None, ARN]},
        {"account": 210987654321, "region": ["eu-west-1"], "resources": [ARN]},
        {"account": "", "region": "", "resources": [ARN]},
        {"account": "210987654321", "resources": [ARN]},
        {"detail": {"resources": [{"ARN": ARN}]}},
        {"detail": {"recipientAccountId": "210987654321", "awsRegion": "eu-west-1"}},
    ],
)
def test_an_account_missing_in_the_envelope_is_read_from_the_record_or_an_arn(
    envelope: dict[str, Any],
) -> None:
    assert scope_of(envelope) == IRELAND


@pytest.mark.parametrize(
    "envelope",
    [
        None,
        [],
        "Capacity Block Delivered",
        {},
        {"account": HOME},
        {"region": "us-east-2"},
        {"account": "12345", "region": "us-east-2"},
        {"account": HOME, "region": "the-moon"},
        {"resources": ["arn:aws:s3:::bucket", "arn:", ""]},
        {"resources": {"ARN": ARN}, "detail": [ARN]},
    ],
)
def test_an_event_without_account_or_region_is_not_a_hint(envelope: object) -> None:
    assert scope_of(envelope) is None


@given(json_values | envelopes)
def test_anything_can_be_read(envelope: object) -> None:
    assert scope_of(envelope) is None or isinstance(scope_of(envelope), Scope)
    assert len(name_of(envelope)) <= 202


def test_cloudtrails_events_are_named_by_both_names() -> None:
    name = name_of(sample("cloudtrail_CapacityBlockFailed"))
    assert name == "AWS Service Event via CloudTrail: CapacityBlockFailed"


def test_the_spelling_of_the_documentation_is_a_name_too() -> None:
    assert name_of({"detail_type": "Capacity Block Delivered"}) == "Capacity Block Delivered"


def test_what_has_no_name_has_an_empty_one() -> None:
    assert name_of({"detail-type": 7, "detail": None}) == ""
