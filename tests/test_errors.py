"""Errors say what to do; AWS's refusals are told apart by what that is."""

from __future__ import annotations

import pytest
from botocore import exceptions

from truffle import errors
from truffle.errors import (
    AccessDeniedError,
    CredentialsError,
    ExpiredCredentialsError,
    InvalidCredentialsError,
    MissingCredentialsError,
    TruffleError,
    UnknownProfileError,
    credentials_error,
)
from truffle.source import ScopeFailure


@pytest.mark.parametrize(
    ("code", "kind", "advice"),
    [
        ("NoCredentialsError", MissingCredentialsError, "AWS_PROFILE"),
        ("PartialCredentialsError", MissingCredentialsError, "AWS_SECRET_ACCESS_KEY"),
        ("ProfileNotFound", UnknownProfileError, "aws configure list-profiles"),
        ("ConfigParseError", UnknownProfileError, "aws configure list-profiles"),
        ("ExpiredToken", ExpiredCredentialsError, "aws sso login"),
        ("ExpiredTokenException", ExpiredCredentialsError, "aws sso login"),
        ("RequestExpired", ExpiredCredentialsError, "clock"),
        ("UnauthorizedSSOTokenError", ExpiredCredentialsError, "aws sso login"),
        ("SSOTokenLoadError", ExpiredCredentialsError, "aws sso login"),
        ("AuthFailure", InvalidCredentialsError, "aws sts get-caller-identity"),
        ("InvalidClientTokenId", InvalidCredentialsError, "aws sts get-caller-identity"),
        ("SignatureDoesNotMatch", InvalidCredentialsError, "AWS_SECRET_ACCESS_KEY"),
        ("CredentialRetrievalError", InvalidCredentialsError, "profile"),
        ("UnauthorizedOperation", AccessDeniedError, "ec2:DescribeCapacityReservations"),
        ("AccessDenied", AccessDeniedError, "ec2:DescribeRegions"),
    ],
)
def test_a_refusal_names_its_code_and_says_what_to_do(
    code: str, kind: type[TruffleError], advice: str
) -> None:
    error = credentials_error(code, "Because of this.")

    assert type(error) is kind
    assert "Because of this." in str(error) or f"({code}: Because of this)" in str(error)
    assert advice in str(error)


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "EndpointConnectionError", "Unknown", ""])
def test_what_is_not_about_credentials_is_none(code: str) -> None:
    assert credentials_error(code, "Because of this.") is None


def test_the_profile_is_part_of_the_command_that_helps() -> None:
    error = credentials_error("ExpiredToken", "Gone.", "research")

    assert "`aws sso login --profile research`" in str(error)


def test_every_exception_of_botocore_that_is_named_exists() -> None:
    names = errors._MISSING | errors._PROFILE | errors._EXPIRED | errors._INVALID
    of_botocore = {name for name in names if name.endswith(("Error", "NotFound", "Required"))}

    assert {name for name in of_botocore if not hasattr(exceptions, name)} <= {"OptInRequired"}
    assert len(of_botocore) > 8


def test_errors_can_be_caught_by_what_they_are_about() -> None:
    for kind in (
        MissingCredentialsError,
        UnknownProfileError,
        ExpiredCredentialsError,
        InvalidCredentialsError,
    ):
        assert issubclass(kind, CredentialsError)
    assert issubclass(CredentialsError, TruffleError)


def test_the_tree_in_the_docstring_names_every_error_of_the_module() -> None:
    drawn = errors.__doc__ or ""
    classes = [
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, TruffleError)
    ]

    assert [name for name in classes if name not in drawn] == []
    assert len(classes) > 8


def test_an_error_names_the_scopes_that_failed() -> None:
    failure = ScopeFailure("123456789012", "us-east-2", "AuthFailure", "No.")

    assert TruffleError("Nothing answered.", [failure]).failures == (failure,)
    assert str(failure) == "us-east-2: AuthFailure: No."
