"""The account of an access key: from the key itself, or from the embedded AWS."""

from __future__ import annotations

import re

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_ACCOUNT = re.compile(r"\d{12}")


class KeyOwners:
    """Accounts by access key. A key of twelve digits belongs to that account; STS resolves the
    temporary keys of a role, once each; any other key is unknown."""

    def __init__(self, sts_endpoint: str | None, region: str = "us-east-1") -> None:
        self._endpoint = sts_endpoint
        self._region = region
        self._known: dict[str, str] = {}

    def account_of(self, access_key: str) -> str | None:
        if _ACCOUNT.fullmatch(access_key):
            return access_key
        if self._endpoint is None or not access_key.startswith("ASIA"):
            return None
        if access_key not in self._known:
            account = self._ask(self._endpoint, access_key)
            if account is None:
                return None
            self._known[access_key] = account
        return self._known[access_key]

    def _ask(self, endpoint: str, access_key: str) -> str | None:
        client = botocore.session.Session().create_client(
            "sts",
            region_name=self._region,
            endpoint_url=endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2}),
        )
        try:
            return str(client.get_access_key_info(AccessKeyId=access_key)["Account"])
        except (ClientError, BotoCoreError):
            return None
