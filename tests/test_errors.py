"""Errors state what to do; AWS's refusals are distinguished by it."""

from __future__ import annotations

import pytest
from botocore import exceptions

from truffle import errors
from truffle.errors import (
    AccessDeniedError,
    ConfigurationError,
    CredentialsError,
    ExpiredCredentialsError,
    InvalidCredentialsError,
    MissingCredentialsError,
    TruffleError,
    UnknownProfileError,
    UnreachableError,
    connection_error,
    credentials_error,
    sign_in_error,
)
from truffle.sources.listing import ScopeFailure


@pytest.mark.parametrize(
    ("code", "kind", "advice"),
    [
        ("NoCredentialsError", MissingCredentialsError, "AWS_PROFILE"),
        ("PartialCredentialsError", ConfigurationError, "~/.aws/config"),
        ("ProfileNotFound", UnknownProfileError, "aws configure list-profiles"),
        ("ConfigParseError", ConfigurationError, "AWS_CONFIG_FILE"),
        ("InvalidConfigError", ConfigurationError, "~/.aws/config"),
        ("InfiniteLoopConfigError", ConfigurationError, "~/.aws/config"),
        ("InvalidRegionError", ConfigurationError, "AWS_REGION"),
        ("InvalidProxiesConfigError", ConfigurationError, "~/.aws/config"),
        ("ExpiredToken", ExpiredCredentialsError, "aws sso login"),
        ("ExpiredTokenException", ExpiredCredentialsError, "aws sso login"),
        ("RequestExpired", ExpiredCredentialsError, "clock"),
        ("UnauthorizedSSOTokenError", ExpiredCredentialsError, "aws sso login"),
        ("SSOTokenLoadError", MissingCredentialsError, "aws sso login"),
        ("LoginRefreshRequired", ExpiredCredentialsError, "`aws login`"),
        ("RefreshWithMFAUnsupportedError", ExpiredCredentialsError, "new ones"),
        ("RequestInTheFuture", InvalidCredentialsError, "clock is wrong"),
        ("AuthFailure", InvalidCredentialsError, "aws sts get-caller-identity"),
        ("InvalidClientTokenId", InvalidCredentialsError, "aws sts get-caller-identity"),
        ("SignatureDoesNotMatch", InvalidCredentialsError, "AWS_SECRET_ACCESS_KEY"),
        ("CredentialRetrievalError", MissingCredentialsError, "credential_process"),
        ("MetadataRetrievalError", MissingCredentialsError, "the instance's role"),
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


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("The config profile () could not be found", "unset AWS_PROFILE"),
        ("The config profile (nobody) could not be found", "list-profiles"),
    ],
)
def test_an_empty_name_of_a_profile_is_not_looked_for(message: str, advice: str) -> None:
    assert advice in str(credentials_error("ProfileNotFound", message))


def test_half_a_key_in_the_environment_is_completed_there() -> None:
    message = "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY"

    assert "config" not in str(credentials_error("PartialCredentialsError", message))


@pytest.mark.parametrize("code", ["SignatureDoesNotMatch", "InvalidSignatureException"])
@pytest.mark.parametrize(
    "message",
    [
        "Signature expired: 20261129T120000Z is now earlier than 20261129T150000Z",
        "Signature not yet current: 20261129T180000Z is still later than 20261129T151500Z",
    ],
)
def test_a_signature_of_another_time_blames_the_clock(code: str, message: str) -> None:
    assert "clock is wrong" in str(credentials_error(code, message))


@pytest.mark.parametrize(
    ("operation", "message", "advice"),
    [
        ("AssumeRole", "User is not authorized to perform: sts:AssumeRole", "trust policy"),
        ("AssumeRole", "MultiFactorAuthentication failed", "each code is accepted once"),
        ("AssumeRole", "1 validation error: Value '12' at 'tokenCode' failed", "code"),
        ("AssumeRoleWithWebIdentity", "Not authorized", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        ("GetRoleCredentials", "No access", "sso_role_name"),
    ],
)
def test_a_role_that_is_refused_is_not_one_that_may_not_list(
    operation: str, message: str, advice: str
) -> None:
    error = sign_in_error("AccessDenied", message, operation, "research")

    assert isinstance(error, AccessDeniedError)
    assert "research" in str(error)
    assert advice in str(error)
    assert "ec2:" not in str(error)


def test_a_role_that_is_asked_for_with_expired_keys() -> None:
    error = sign_in_error("ExpiredToken", "Expired.", "AssumeRole", None)

    assert isinstance(error, ExpiredCredentialsError)


@pytest.mark.parametrize(
    ("code", "message", "advice"),
    [
        ("ProxyConnectionError", 'Failed to connect to proxy URL: "http://p:1"', "HTTPS_PROXY"),
        ("SSLError", "SSL validation failed: certificate verify failed", "AWS_CA_BUNDLE"),
        (
            "EndpointConnectionError",
            'Could not connect to the endpoint URL: "https://ec2-fips.eu-north-1.amazonaws.com/"',
            "AWS_USE_FIPS_ENDPOINT",
        ),
        ("UnknownFIPSEndpointError", "No FIPS.", "AWS_USE_FIPS_ENDPOINT"),
        ("ConnectTimeoutError", "Connect timeout.", "the network"),
        ("EndpointConnectionError", "Could not connect.", "AWS_ENDPOINT_URL"),
    ],
)
def test_what_stands_before_aws_is_named(code: str, message: str, advice: str) -> None:
    error = connection_error(code, message)

    assert isinstance(error, UnreachableError)
    assert advice in str(error)


def test_every_exception_of_botocore_that_is_named_exists() -> None:
    names = {
        *errors.NO_CREDENTIALS,
        *errors.INVALID_CONFIGURATION,
        *errors.SIGNED_OUT,
        *errors.LOGGED_OUT,
        *errors.NOT_FETCHED,
        *errors.UNREACHABLE,
    }

    assert {name for name in names if not hasattr(exceptions, name)} == set()


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
    failure = ScopeFailure(
        account_id="123456789012", region="us-east-2", code="AuthFailure", message="No."
    )

    assert TruffleError("Nothing answered.", [failure]).failures == (failure,)
    assert str(failure) == "us-east-2: AuthFailure: No."
