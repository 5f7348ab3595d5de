"""Errors whose text explains what to do.

::

    TruffleError
    ├── BadArgument                 an argument that cannot be used (truffle.query)
    ├── CredentialsError            AWS does not know who is asking
    │   ├── MissingCredentialsError     none were found
    │   ├── ConfigurationError          the configuration cannot be used
    │   │   └── UnknownProfileError         the profile does not exist
    │   ├── ExpiredCredentialsError     they were valid once
    │   └── InvalidCredentialsError     AWS does not accept them
    ├── AccessDeniedError           AWS knows the caller, and denies the request
    ├── UnreachableError            no answer from AWS
    ├── DeadlineError               no response in time
    ├── ApiError                    the deployed stack's API refuses or fails (truffle.sources.api)
    └── TruffleNotFoundError        there is no such reservation or event

If one region of several fails, that is not an error but a ``ScopeFailure``
(truffle.sources.listing), because the others have responded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from truffle.core import error_codes
from truffle.core.quoting.shell import word

if TYPE_CHECKING:
    from truffle.sources.listing import ScopeFailure


class TruffleError(Exception):
    """The base class of all errors that truffle raises on purpose.

    ``failures`` has the failed scopes, if they are the cause; ``exit_status`` is that of the
    command line.
    """

    exit_status: ClassVar[int] = 1

    def __init__(self, message: str = "", failures: Sequence[ScopeFailure] = ()) -> None:
        super().__init__(message)
        self.failures = tuple(failures)


class CredentialsError(TruffleError):
    """AWS does not know who is asking."""


class MissingCredentialsError(CredentialsError):
    """No credentials were found."""


class ConfigurationError(CredentialsError):
    """The AWS configuration cannot be used: a file, a profile, a variable of the environment."""


class UnknownProfileError(ConfigurationError):
    """The profile does not exist."""


class ExpiredCredentialsError(CredentialsError):
    """The credentials were valid once."""


class InvalidCredentialsError(CredentialsError):
    """AWS does not accept the credentials."""


class AccessDeniedError(TruffleError):
    """AWS knows the caller, and denies the call."""


class UnreachableError(TruffleError):
    """AWS did not respond, or its response is invalid."""


class DeadlineError(TruffleError):
    """AWS did not respond in time."""


class TruffleNotFoundError(TruffleError):
    """No reservation, or no event, has this id."""


NO_CREDENTIALS = frozenset({"NoCredentialsError", "NoAuthTokenError"})

INVALID_CONFIGURATION = frozenset(
    {
        "ConfigNotFound",
        "ConfigParseError",
        "InfiniteLoopConfigError",
        "InvalidConfigError",
        "InvalidDefaultsMode",
        "InvalidIMDSEndpointError",
        "InvalidIMDSEndpointModeError",
        "InvalidMaxRetryAttemptsError",
        "InvalidProxiesConfigError",
        "InvalidRegionError",
        "InvalidRetryConfigurationError",
        "InvalidRetryModeError",
        "InvalidSTSRegionalEndpointsConfigError",
        "MissingDependencyException",
        "PartialCredentialsError",
        "UnknownCredentialError",
        "UnknownTokenProviderError",
    }
)

SIGNED_OUT = frozenset(
    {
        "SSOError",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
    }
)
"""IAM Identity Center: no session, or an expired one; botocore does not always distinguish them."""

LOGGED_OUT = frozenset(
    {
        "LoginAuthorizationCodeError",
        "LoginError",
        "LoginInsufficientPermissions",
        "LoginRefreshRequired",
        "LoginTokenLoadError",
    }
)
"""The session of `aws login`."""

NOT_FETCHED = frozenset({"CredentialRetrievalError", "MetadataRetrievalError"})

_EXPIRED = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "RefreshWithMFAUnsupportedError",
        "RequestExpired",
    }
)

_INVALID = error_codes.DISABLED | {
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
}

_SKEWED = frozenset({"RequestInTheFuture", "RequestTimeTooSkewed"})

_SKEW = re.compile(r"signature (expired|not yet current)", re.IGNORECASE)
"""The messages of STS and API Gateway for a signature whose time differs from theirs."""

_SOURCES = frozenset({"AssumeRole", "AssumeRoleWithWebIdentity", "GetRoleCredentials"})
"""The calls that return credentials (STS, IAM Identity Center)."""

UNREACHABLE = frozenset(
    {
        "ConnectTimeoutError",
        "ConnectionClosedError",
        "ConnectionError",
        "EndpointConnectionError",
        "EndpointVariantError",
        "HTTPClientError",
        "InvalidEndpointConfigurationError",
        "ProxyConnectionError",
        "ReadTimeoutError",
        "SSLError",
        "UnknownEndpointError",
        "UnknownFIPSEndpointError",
    }
)


def cause_of(code: str, message: str) -> str:
    """``(ExpiredToken: The security token is expired)``, for use within a sentence."""
    return f"({code}: {message.rstrip('.')})" if message else f"({code})"


def known_error(code: str, message: str, profile: str | None = None) -> TruffleError | None:
    """The error for a failure that affects every region alike: credentials or connection."""
    return credentials_error(code, message, profile) or connection_error(code, message)


def sign_in_error(
    code: str, message: str, operation: str | None, profile: str | None
) -> TruffleError | None:
    """The error for missing credentials; ``operation`` is the call that AWS refused, if any."""
    if operation in _SOURCES and code not in _EXPIRED | _INVALID and not _is_skew(code, message):
        return _refused_source(code, message, operation, profile)
    return known_error(code, message, profile)


def _refused_source(
    code: str, message: str, operation: str | None, profile: str | None
) -> TruffleError:
    whose = f"profile {profile}" if profile else "this profile"
    advice = "Check its role_arn, its source, and the trust policy of the role."
    if "MultiFactorAuthentication" in message or "tokenCode" in message:
        advice = "Enter the code that the device shows now; each code is accepted once."
    elif operation == "AssumeRoleWithWebIdentity":
        advice = "Check the token file (AWS_WEB_IDENTITY_TOKEN_FILE) and the role's trust policy."
    elif operation == "GetRoleCredentials":
        advice = "Check its sso_account_id and sso_role_name, and that they are assigned to you."
    return AccessDeniedError(
        f"AWS returned no credentials for {whose}: {operation} was refused "
        f"{cause_of(code, message)}. {advice}"
    )


def _is_skew(code: str, message: str) -> bool:
    return code in _SKEWED or _SKEW.search(message) is not None


def credentials_error(code: str, message: str, profile: str | None = None) -> TruffleError | None:
    """The error of the credentials behind a refusal by AWS; None if they are not the cause.

    ``code`` is AWS's error code, or the name of botocore's exception. In a region that is not
    enabled, AWS responds as if the credentials were invalid, so call this only for an error that
    every region returns.
    """
    cause = cause_of(code, message)
    named = f" --profile {word(profile)}" if profile else ""
    if _is_skew(code, message):
        return InvalidCredentialsError(
            f"AWS does not accept the time of this request {cause}: this machine's clock is wrong. "
            "Set it, for instance by NTP."
        )
    if code in NO_CREDENTIALS:
        return MissingCredentialsError(
            f"No AWS credentials were found {cause}. Name a profile (--profile, AWS_PROFILE), set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws configure`."
        )
    if code in {*INVALID_CONFIGURATION, "ProfileNotFound"}:
        return _configuration_error(code, message)
    if code in SIGNED_OUT:
        kind = MissingCredentialsError if code == "SSOTokenLoadError" else ExpiredCredentialsError
        return kind(
            f"There is no current session with IAM Identity Center {cause}. Sign in by "
            f"`aws sso login{named}`."
        )
    if code in LOGGED_OUT:
        return ExpiredCredentialsError(
            f"There is no current session {cause}. Sign in with `aws login{named}`."
        )
    if code in NOT_FETCHED:
        return MissingCredentialsError(
            f"The AWS credentials cannot be fetched {cause}. Check where the profile takes them "
            "from: its credential_process or credential_source, the container's or the instance's "
            "role."
        )
    if code in _EXPIRED:
        return ExpiredCredentialsError(
            f"The AWS credentials have expired {cause}. Get new ones (for IAM Identity "
            f"Center, `aws sso login{named}`), and check this machine's clock."
        )
    if code in _INVALID:
        return InvalidCredentialsError(
            f"AWS does not accept these credentials {cause}. `aws sts get-caller-identity{named}` "
            "shows whose they are; check the profile and the environment (AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN)."
        )
    if code in error_codes.DENIED:
        return AccessDeniedError(
            f"These AWS credentials are not allowed to list capacity {cause}. Allow "
            "ec2:DescribeRegions, ec2:DescribeCapacityReservations, ec2:DescribeCapacityBlocks, "
            "ec2:DescribeCapacityBlockStatus and ec2:DescribeInstanceTypes, or use other "
            "credentials."
        )
    return None


def _configuration_error(code: str, message: str) -> ConfigurationError:
    text = message.rstrip(".")
    if code == "ProfileNotFound" and "()" in message:
        return UnknownProfileError(
            "The name of the AWS profile is empty: name one in AWS_PROFILE (or --profile), or "
            "unset AWS_PROFILE."
        )
    if code == "ProfileNotFound":
        return UnknownProfileError(
            f"{text}. `aws configure list-profiles` shows the profiles that exist."
        )
    if code == "PartialCredentialsError" and " env," in message:
        return ConfigurationError(f"{text}: set it too, or unset the others.")
    if code == "InvalidRegionError":
        return ConfigurationError(
            f"{text}. Check AWS_REGION, AWS_DEFAULT_REGION and the region of the profile."
        )
    if code == "MissingDependencyException":
        return ConfigurationError(f"{text}.")
    return ConfigurationError(
        f"The AWS configuration cannot be used: {text}. Correct ~/.aws/config (AWS_CONFIG_FILE) or "
        "~/.aws/credentials (AWS_SHARED_CREDENTIALS_FILE)."
    )


def connection_error(code: str, message: str) -> UnreachableError | None:
    """The error of the connection between this machine and AWS; None if AWS responded."""
    if code not in UNREACHABLE:
        return None
    if "Proxy" in code or "proxy" in message:
        advice = "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY, and that the proxy runs."
    elif code == "SSLError":
        advice = (
            "The certificate is not trusted: where a proxy inspects TLS, name its CA's file in "
            "AWS_CA_BUNDLE; also check this machine's clock."
        )
    elif code in {"EndpointVariantError", "UnknownFIPSEndpointError"} or "fips" in message:
        advice = (
            "Not every region has a FIPS or dual-stack endpoint: name regions that have one (-r), "
            "or turn AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT off."
        )
    else:
        advice = (
            "Check the region, the network, the proxy and, where they are set, "
            "AWS_ENDPOINT_URL_EC2 and AWS_ENDPOINT_URL."
        )
    return UnreachableError(f"AWS cannot be reached {cause_of(code, message)}. {advice}")
