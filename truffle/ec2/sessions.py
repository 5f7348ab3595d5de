"""botocore sessions that share the credentials of the AWS command line."""

from __future__ import annotations

import os
from typing import Any

from botocore.config import Config
from botocore.credentials import create_credential_resolver
from botocore.session import Session
from botocore.utils import JSONFileCache

DEFAULT_REGION = "us-east-1"
"""The region to query first if neither the profile nor the environment names one."""

_CREDENTIALS_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=5, read_timeout=10
)
"""For the calls that resolve credentials (STS, IAM Identity Center), which have no deadline."""

_REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
"""The first one that is set counts (AWS SDKs and Tools Reference Guide, feature-region; botocore
itself reads only the second)."""


def open_session(profile: str | None = None, first: str | None = None) -> Session:
    """A session of botocore for a profile, or for the environment.

    Temporary credentials are cached where the AWS CLI caches them, so only one of the two prompts
    for a code, once in their lifetime. ``first`` is the region whose STS is used if none is
    configured.
    """
    set_variables = [name for name in _REGION_VARIABLES if os.environ.get(name)]
    session = Session({"region": ("region", set_variables, None, None)}, profile=profile)
    session.set_default_client_config(_CREDENTIALS_CONFIG)
    session.lazy_register_component("credential_provider", lambda: _resolver(session, first))
    return session


def client_of(session: Session, service: str) -> Any:
    """A client of a service, in the region of the session or else the default one."""
    region = session.get_config_variable("region") or DEFAULT_REGION
    return session.create_client(service, region_name=region)


def _resolver(session: Session, first: str | None) -> Any:
    region = session.get_config_variable("region") or first or DEFAULT_REGION
    return create_credential_resolver(session, _Cache(), region)


class _Cache(JSONFileCache):  # type: ignore[misc]
    """The AWS CLI's cache of temporary credentials (aws-cli, customizations/assumerole.py).

    If a file cannot be written, as in a container without a home, the credentials still work.
    """

    def __init__(self) -> None:
        super().__init__(os.path.expanduser(os.path.join("~", ".aws", "cli", "cache")))

    def __contains__(self, cache_key: str) -> bool:
        """A damaged file is not an entry, unlike in botocore's own cache."""
        try:
            return bool(self[cache_key]["Credentials"]["Expiration"])
        except (KeyError, TypeError):
            return False

    def __setitem__(self, cache_key: str, value: Any) -> None:
        try:
            super().__setitem__(cache_key, value)
        except OSError:
            return
