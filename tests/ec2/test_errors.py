"""The errors of EC2 and botocore → the kind and code of a failure."""

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from tests.builders import NOON, OHIO
from tests.ec2.stubbed import error
from truffle.core.model import Failure, FailureKind
from truffle.ec2.errors import FAILURES, error_code, error_message, failure_kind, to_failure


def refusal(code: str, message: str = "Because.") -> ClientError:
    found = {"Error": {"Code": code, "Message": message}}
    return ClientError(found, "DescribeCapacityReservations")


def test_a_message_is_one_line() -> None:
    assert error_message(ResponseParserError("not\n  XML")) == "not XML"
    assert error_message(refusal("AuthFailure", "Not\nvalid")) == "Not valid"


def test_an_answer_that_cannot_be_read_is_not_repeated_whole() -> None:
    assert len(error_message(ResponseParserError("<item/>" * 1000))) < 300


def test_the_encoded_reason_of_a_refusal_is_whole() -> None:
    reason = "Encoded authorization failure message: " + "x" * 1500
    assert error_message(refusal("UnauthorizedOperation", reason)) == reason


@pytest.mark.parametrize(
    ("failed", "kind"),
    [
        (refusal("UnauthorizedOperation"), "denied"),
        (refusal("AccessDenied"), "denied"),
        (refusal("AccessDeniedException"), "denied"),
        (NoCredentialsError(), "denied"),
        (refusal("AuthFailure"), "disabled"),
        (refusal("OptInRequired"), "disabled"),
        (refusal("UnrecognizedClientException"), "disabled"),
        (refusal("InvalidClientTokenId"), "disabled"),
        (refusal("Blocked"), "disabled"),
        (refusal("PendingVerification"), "disabled"),
        (refusal("RequestLimitExceeded"), "throttled"),
        (refusal("Throttling"), "throttled"),
        (refusal("ThrottlingException"), "throttled"),
        (refusal("EC2ThrottledException"), "throttled"),
        (refusal("CapacityBlockDescribeLimitExceeded"), "throttled"),
        (refusal("InternalError"), "error"),
        (refusal("ServiceUnavailable"), "error"),
        (refusal("RequestExpired"), "error"),
        (refusal("InvalidParameterValue"), "error"),
        (refusal("InvalidAction"), "error"),
        (refusal("ACodeOfNextYear"), "error"),
        (EndpointConnectionError(endpoint_url="https://ec2"), "error"),
        (ConnectTimeoutError(endpoint_url="https://ec2"), "error"),
        (ReadTimeoutError(endpoint_url="https://ec2"), "error"),
        (HTTPClientError(error="reset"), "error"),
        (ResponseParserError("not XML"), "error"),
    ],
    ids=lambda value: value if isinstance(value, str) else error_code(value),
)
def test_a_failure_is_denied_disabled_throttled_or_an_error(failed: Exception, kind: str) -> None:
    assert failure_kind(failed) == kind


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("unauthorized", FailureKind.DENIED, "UnauthorizedOperation"),
        ("region_disabled", FailureKind.DISABLED, "AuthFailure"),
        ("opt_in_required", FailureKind.DISABLED, "OptInRequired"),
        ("throttled", FailureKind.THROTTLED, "RequestLimitExceeded"),
        ("internal", FailureKind.ERROR, "InternalError"),
    ],
)
def test_ec2s_errors_become_failures_with_ec2s_words(
    name: str, kind: FailureKind, code: str
) -> None:
    failure = to_failure(error(name), OHIO, NOON)

    assert failure == Failure(
        scope=OHIO,
        failed_at=NOON,
        kind=kind,
        code=code,
        message=error(name).response["Error"]["Message"],
        operation="DescribeCapacityReservations",
    )


def test_a_failure_without_an_answer_has_the_name_and_the_words_of_its_exception() -> None:
    failure = to_failure(EndpointConnectionError(endpoint_url="https://ec2"), OHIO, NOON)

    assert (failure.code, failure.operation) == ("EndpointConnectionError", None)
    assert "https://ec2" in failure.message


def test_an_answer_without_a_code_or_a_message_is_still_a_failure() -> None:
    bare = ClientError({}, "DescribeCapacityReservations")

    assert error_code(bare) == "Unknown"
    assert "DescribeCapacityReservations" in error_message(bare)
    assert failure_kind(bare) is FailureKind.ERROR


def test_only_an_error_is_worth_another_try() -> None:
    final = {
        name: to_failure(error(name), OHIO, NOON).is_final
        for name in ("unauthorized", "region_disabled", "throttled")
    }

    assert final == {"unauthorized": True, "region_disabled": True, "throttled": False}


def test_a_failure_reads_as_scope_code_and_message() -> None:
    text = str(to_failure(error("throttled"), OHIO, NOON))

    assert text == "123456789012/us-east-2: RequestLimitExceeded: Request limit exceeded."


@pytest.mark.parametrize(
    "failed",
    [
        refusal("Anything"),
        NoCredentialsError(),
        ReadTimeoutError(endpoint_url="https://ec2"),
        ResponseParserError("not XML"),
    ],
    ids=error_code,
)
def test_everything_that_botocore_raises_is_caught(failed: Exception) -> None:
    assert isinstance(failed, FAILURES)
