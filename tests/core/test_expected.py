"""Which denials are expected: globs of account and region."""

from dataclasses import replace

import pytest

from tests.builders import HOME, NOON, OHIO, OTHER
from truffle.core.expected import expected_denials
from truffle.core.model import Failure, FailureKind, Snapshot


@pytest.mark.parametrize(
    ("patterns", "account_id", "region", "is_expected"),
    [
        ([], HOME, "us-east-1", False),
        (["*/ap-*"], HOME, "ap-east-1", True),
        (["*/ap-*"], HOME, "us-east-1", False),
        ([f"{HOME}/*"], HOME, "us-east-1", True),
        ([f"{HOME}/*"], OTHER, "us-east-1", False),
        ([f"{HOME}/us-west-?"], HOME, "us-west-2", True),
        (["*/eu-*", "*/ap-*"], OTHER, "ap-south-1", True),
        (["*/us-east"], HOME, "us-east-1", False),
    ],
)
def test_a_pattern_is_an_account_and_a_region(
    patterns: list[str], account_id: str, region: str, is_expected: bool
) -> None:
    expected = expected_denials(patterns)

    assert expected.covers(account_id, region, "denied") == is_expected
    assert expected.covers(account_id, region, "disabled") == is_expected


def test_an_error_is_never_expected() -> None:
    assert not expected_denials(["*/*"]).covers(HOME, "us-east-1", "error")


@pytest.mark.parametrize("text", ["", "*", "ap-*", "/", "*/", "/ap-*", "*/*/*", "me/us-east-1"])
def test_what_is_not_a_pattern_is_refused_with_what_one_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match=r"account/region"):
        expected_denials([text])


def test_a_listings_failure_is_marked_where_it_is_expected_and_nothing_else_is() -> None:
    expected = expected_denials(["*/us-east-2"])
    denied = Failure(
        scope=OHIO,
        failed_at=NOON,
        kind=FailureKind.DENIED,
        code="UnauthorizedOperation",
        message="no",
    )
    throttled = replace(denied, kind=FailureKind.THROTTLED)
    listed = Snapshot(OHIO, NOON, ())
    assert expected.marked(denied) == replace(denied, is_expected=True)
    assert expected.marked(throttled) == throttled
    assert expected.marked(listed) == listed
