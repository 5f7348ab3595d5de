"""Credentials, resolved before anything else, and the errors if there are none.

They are resolved in the caller's thread, before a deadline begins and before anything is drawn on
the terminal: a profile may prompt for an MFA code, and a ``credential_process`` for anything.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NoReturn

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from botocore.session import Session

from truffle.ec2.errors import error_code, error_message
from truffle.errors import (
    ConfigurationError,
    MissingCredentialsError,
    UnreachableError,
    cause_of,
    sign_in_error,
)

_CA_VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")


def sign_in(session: Session) -> Any:
    """Resolve the credentials of a session now, which may prompt for an MFA code on the terminal.

    Returns botocore's ReadOnlyCredentials. Raises TruffleError whose text explains what to do.
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
    """Raise the TruffleError for an error of AWS or botocore."""
    code, message = error_code(error), error_message(error)
    operation = error.operation_name if isinstance(error, ClientError) else None
    known = sign_in_error(code, message, operation, profile)
    raise known or UnreachableError(
        f"AWS returned no credentials {cause_of(code, message)}. Try again in a minute."
    ) from error


def _is_of_process(session: Session) -> bool:
    """Whether a profile runs a program for its credentials."""
    profiles = session.full_config.get("profiles", {}).values()
    return any("credential_process" in profile for profile in profiles)


def _check_ca_bundle(session: Session) -> None:
    """Raises ConfigurationError for a missing CA bundle, before every call fails."""
    path = session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    if path and not Path(path).exists():
        names = [name for name in _CA_VARIABLES if os.environ.get(name) == path]
        source = names[0] if names else "ca_bundle in the AWS configuration"
        raise ConfigurationError(
            f"{source} names {path}, which does not exist: correct or remove it."
        )
