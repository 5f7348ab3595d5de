"""The account of an access key: from the key itself, or from the embedded AWS."""

from __future__ import annotations

import re
from functools import cached_property
from threading import Lock
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sandbox.ec2.errors import EC2Error

_ACCOUNT = re.compile(r"\d{12}")


class KeyOwners:
    """Accounts by access key. A key of twelve digits belongs to the account with that number; STS
    resolves the temporary keys of a role, once each; any other key is unknown."""

    def __init__(self, sts_endpoint: str | None, region: str = "us-east-1") -> None:
        self._endpoint = sts_endpoint
        self._region = region
        self._known: dict[str, str] = {}
        self._asking: dict[str, Lock] = {}
        self._making = Lock()

    def account_of(self, access_key: str) -> str | None:
        """The account of a key; None for an unknown key. Raises EC2Error if STS does not resolve
        it."""
        if _ACCOUNT.fullmatch(access_key):
            return access_key
        if self._endpoint is None or not access_key.startswith("ASIA"):
            return None
        # All first calls of a session arrive at once; one of them calls STS for the others.
        with self._asking.setdefault(access_key, Lock()):
            if access_key not in self._known:
                self._known[access_key] = self._ask(access_key)
            return self._known[access_key]

    def _ask(self, access_key: str) -> str:
        try:
            with self._making:
                client = self._sts
            return str(client.get_access_key_info(AccessKeyId=access_key)["Account"])
        except (ClientError, BotoCoreError) as error:
            raise EC2Error(
                "Unavailable", f"STS does not know the key's account: {error}"
            ) from error

    @cached_property
    def _sts(self) -> Any:
        return botocore.session.Session().create_client(
            "sts",
            region_name=self._region,
            endpoint_url=self._endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(connect_timeout=2, read_timeout=60, retries={"total_max_attempts": 2}),
        )
