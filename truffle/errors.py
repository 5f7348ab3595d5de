"""What goes wrong, as errors whose text says what to do.

::

    TruffleError
    ├── BadArgument                 an argument that cannot be used (truffle.question)
    ├── CredentialsError            AWS does not know who is asking
    │   ├── MissingCredentialsError     none were found
    │   ├── UnknownProfileError         the profile, or the file it is in, cannot be read
    │   ├── ExpiredCredentialsError     they were valid once
    │   └── InvalidCredentialsError     AWS does not accept them
    ├── AccessDeniedError           AWS knows who is asking, and says no
    ├── UnreachableError            no answer from AWS
    ├── DeadlineError               no answer in time
    ├── ApiError                    the deployed stack's API refuses or fails (truffle.api)
    └── TruffleNotFoundError        there is no such reservation or event

One region of several that fails is no error but a ``ScopeFailure`` (truffle.source): the others
have answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from truffle.core.quoting.shell import word

if TYPE_CHECKING:
    from truffle.source import ScopeFailure


class TruffleError(Exception):
    """The root of everything that truffle raises on purpose.

    ``failures`` names the scopes that failed, where that is what went wrong; ``exit_status`` is
    what the command line ends with.
    """

    exit_status: ClassVar[int] = 1

    def __init__(self, message: str = "", failures: Sequence[ScopeFailure] = ()) -> None:
        super().__init__(message)
        self.failures = tuple(failures)


class CredentialsError(TruffleError):
    """AWS does not know who is asking."""


class MissingCredentialsError(CredentialsError):
    """No credentials were found."""


class UnknownProfileError(CredentialsError):
    """The profile does not exist, or the file that it is in cannot be read."""


class ExpiredCredentialsError(CredentialsError):
    """The credentials were valid once."""


class InvalidCredentialsError(CredentialsError):
    """AWS does not accept the credentials."""


class AccessDeniedError(TruffleError):
    """AWS knows who is asking, and does not allow it."""


class UnreachableError(TruffleError):
    """AWS did not answer at all, or not in a way that can be understood."""


class DeadlineError(TruffleError):
    """AWS did not answer in time."""


class TruffleNotFoundError(TruffleError):
    """There is no reservation, or no event, with this id."""


_MISSING = frozenset({"NoCredentialsError", "NoAuthTokenError", "PartialCredentialsError"})

_PROFILE = frozenset({"ProfileNotFound", "ConfigNotFound", "ConfigParseError"})

_EXPIRED = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "SSOTokenLoadError",
        "UnauthorizedSSOTokenError",
        "TokenRetrievalError",
        "LoginRefreshRequired",
        "LoginTokenLoadError",
    }
)

_INVALID = frozenset(
    {
        "AuthFailure",
        "Blocked",
        "CredentialRetrievalError",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "MetadataRetrievalError",
        "MissingAuthenticationToken",
        "OptInRequired",
        "PendingVerification",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)

_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


def credentials_error(code: str, message: str, profile: str | None = None) -> TruffleError | None:
    """What a refusal by AWS means for the credentials, None where they are not what is wrong.

    ``code`` is AWS's error code, or the name of botocore's exception. AWS answers in a region that
    is not enabled as if the credentials were invalid: call this for what every region says.
    """
    said = f"({code}: {message.rstrip('.')})"
    named = f" --profile {word(profile)}" if profile else ""
    if code in _MISSING:
        return MissingCredentialsError(
            f"No AWS credentials were found {said}. Name a profile (--profile, AWS_PROFILE), set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws configure`."
        )
    if code in _PROFILE:
        return UnknownProfileError(
            f"{message.rstrip('.')}. `aws configure list-profiles` shows the profiles that exist."
        )
    if code in _EXPIRED:
        return ExpiredCredentialsError(
            f"The AWS credentials have expired {said}. Get new ones, with IAM Identity Center by "
            f"`aws sso login{named}`, and check this machine's clock."
        )
    if code in _INVALID:
        return InvalidCredentialsError(
            f"AWS does not accept these credentials {said}. `aws sts get-caller-identity{named}` "
            "shows whose they are; check the profile and the environment (AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN)."
        )
    if code in _DENIED:
        return AccessDeniedError(
            f"These AWS credentials are not allowed to list capacity {said}. Allow "
            "ec2:DescribeRegions, ec2:DescribeCapacityReservations, ec2:DescribeCapacityBlocks, "
            "ec2:DescribeCapacityBlockStatus and ec2:DescribeInstanceTypes, or use other "
            "credentials."
        )
    return None
