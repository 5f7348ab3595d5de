"""botocore sessions whose credentials are those of the AWS command line.

Credentials are resolved in the thread of the caller, before a deadline begins and before anything
is drawn on the terminal: a profile may ask for an MFA code, and a ``credential_process`` for
anything.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NoReturn

from botocore.config import Config
from botocore.credentials import create_credential_resolver
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from botocore.session import Session
from botocore.utils import JSONFileCache

from truffle.ec2.errors import error_code, error_message
from truffle.errors import (
    ConfigurationError,
    MissingCredentialsError,
    UnreachableError,
    cause_of,
    sign_in_error,
)

DEFAULT_REGION = "us-east-1"
"""Where to ask first, when neither the profile nor the environment names a region."""

_CREDENTIALS_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=5, read_timeout=10
)
"""For the calls that credentials need (STS, IAM Identity Center), which no deadline limits."""

_REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
"""The first that is set counts (AWS SDKs and Tools Reference Guide, feature-region; botocore
itself reads the second only)."""

_CA_VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")


def open_session(profile: str | None = None, first: str | None = None) -> Session:
    """A session of botocore for a profile, or for whatever the environment says.

    Temporary credentials are cached where the AWS CLI caches them, so that a code is asked for once
    in their lifetime and by one of both. ``first`` is the region whose STS is asked where none is
    configured.
    """
    set_variables = [name for name in _REGION_VARIABLES if os.environ.get(name)]
    session = Session({"region": ("region", set_variables, None, None)}, profile=profile)
    session.set_default_client_config(_CREDENTIALS_CONFIG)
    session.lazy_register_component("credential_provider", lambda: _resolver(session, first))
    return session


def _resolver(session: Session, first: str | None) -> Any:
    region = session.get_config_variable("region") or first or DEFAULT_REGION
    return create_credential_resolver(session, _Cache(), region)


class _Cache(JSONFileCache):  # type: ignore[misc]
    """The AWS CLI's cache of temporary credentials (aws-cli, customizations/assumerole.py).

    Where a file cannot be written, as in a container without a home, the credentials are as good.
    """

    def __init__(self) -> None:
        super().__init__(os.path.expanduser(os.path.join("~", ".aws", "cli", "cache")))

    def __contains__(self, cache_key: str) -> bool:
        """A file that is damaged is no entry; botocore's own cache says that it is one."""
        try:
            return bool(self[cache_key]["Credentials"]["Expiration"])
        except (KeyError, TypeError):
            return False

    def __setitem__(self, cache_key: str, value: Any) -> None:
        try:
            super().__setitem__(cache_key, value)
        except OSError:
            return


def sign_in(session: Session) -> Any:
    """The credentials of a session, fetched now, which may ask for an MFA code on the terminal.

    They are botocore's ReadOnlyCredentials. Raises TruffleError whose text says what to do.
    """
    profile = session.instance_variables().get("profile")
    try:
        credentials = session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        _check_ca_bundle(session)
        return credentials.get_frozen_credentials()
    except (BotoCoreError, ClientError) as error:
        _raise(error, profile)
    except EOFError as error:
        raise MissingCredentialsError(
            "The profile asks for an MFA code, and there is no terminal to enter it: run a command "
            "with this profile in a terminal first, which caches the session."
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"The credentials cannot be fetched ({error}). Check the credential_process or the "
            "web_identity_token_file of the profile, and AWS_WEB_IDENTITY_TOKEN_FILE."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if not _is_of_process(session):
            raise
        raise ConfigurationError(
            f"The credential_process of the profile does not print credentials ({error}). It must "
            "print one JSON object with Version, AccessKeyId and SecretAccessKey."
        ) from error


def _raise(error: Exception, profile: str | None) -> NoReturn:
    """Raises the TruffleError of what AWS or botocore say."""
    code, message = error_code(error), error_message(error)
    operation = error.operation_name if isinstance(error, ClientError) else None
    known = sign_in_error(code, message, operation, profile)
    raise known or UnreachableError(
        f"AWS gave no credentials {cause_of(code, message)}. Try again in a minute."
    ) from error


def _is_of_process(session: Session) -> bool:
    """Whether a profile runs a program for its credentials."""
    profiles = session.full_config.get("profiles", {}).values()
    return any("credential_process" in profile for profile in profiles)


def _check_ca_bundle(session: Session) -> None:
    """Raises ConfigurationError for a CA bundle that is not there, before every call fails."""
    path = session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    if path and not Path(path).exists():
        names = [name for name in _CA_VARIABLES if os.environ.get(name) == path]
        source = names[0] if names else "ca_bundle in the AWS configuration"
        raise ConfigurationError(
            f"{source} names {path}, which does not exist: correct or remove it."
        )
