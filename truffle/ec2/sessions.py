"""botocore sessions whose credentials are those of the AWS command line."""

from __future__ import annotations

import os
from typing import Any

from botocore.config import Config
from botocore.credentials import create_credential_resolver
from botocore.session import Session
from botocore.utils import JSONFileCache

DEFAULT_REGION = "us-east-1"
"""Where to ask first, when neither the profile nor the environment names a region."""

_CREDENTIALS_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=5, read_timeout=10
)
"""For the calls that credentials need (STS, IAM Identity Center), which no deadline limits."""

_REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
"""The first that is set counts (AWS SDKs and Tools Reference Guide, feature-region; botocore
itself reads the second only)."""


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


def client_of(session: Session, service: str) -> Any:
    """A client of a service, in the region that the session has or else the default one."""
    region = session.get_config_variable("region") or DEFAULT_REGION
    return session.create_client(service, region_name=region)


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
