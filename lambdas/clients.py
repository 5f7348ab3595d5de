"""boto3 clients: made once for a function's life, with bounded retries and timeouts."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from truffle.core.model import Scope
from truffle.ec2.listing import EC2, client_config
from truffle.ec2.parsing import FastEC2ParserFactory

SERVICE_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=3,
    read_timeout=10,
    max_pool_connections=16,
)


SANDBOX_CLOCK = "TRUFFLE_SANDBOX_CLOCK"
"""Set by the sandbox alone: a file with the seconds by which its time is ahead."""


def wall_clock() -> datetime:
    """The time for whatever AWS itself dates, to the millisecond."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def now() -> datetime:
    """The time for everything that is observed and decided, to the millisecond."""
    path = os.environ.get(SANDBOX_CLOCK)
    ahead = float(Path(path).read_text()) if path else 0.0
    return wall_clock() + timedelta(seconds=ahead)


MODELS = Path(__file__).resolve().parent.parent / "models"
"""In the root of the functions' zip: the EC2 model of the pinned botocore. The runtime's may be
older, and leaves what it does not know out of EC2's answers without a word."""


@cache
def session() -> Any:
    """The function's session; what EC2 answers goes through the fast parser."""
    made = botocore.session.Session()
    made.set_config_variable("data_path", str(MODELS))
    made.register_component("response_parser_factory", FastEC2ParserFactory())
    return boto3.Session(botocore_session=made)


@cache
def service(name: str, region: str | None = None) -> Any:
    """A client of a service, in the function's own region unless another one is named."""
    return session().client(name, region_name=region, config=SERVICE_CONFIG)


class EC2Clients:
    """EC2 clients by scope: the function's own role at home, the reader role in other accounts.

    Asked for by several threads, one scope by one of them; asking raises what AssumeRole does.
    """

    def __init__(self, home_account: str, role_name: str) -> None:
        self._home = home_account
        self._role_name = role_name
        self._clients: dict[Scope, EC2] = {}
        self._assumed: dict[str, tuple[dict[str, str], datetime]] = {}
        # A boto3 session is not safe for threads, and neither is a dictionary that is copied.
        self._lock = Lock()

    def of(self, scope: Scope) -> EC2:
        if scope.account_id == self._home:
            return self._client(scope, {})
        return self._client(scope, self._credentials(scope.account_id))

    def _client(self, scope: Scope, credentials: dict[str, str]) -> EC2:
        with self._lock:
            if scope not in self._clients:
                self._clients[scope] = session().client(
                    "ec2", region_name=scope.region, config=client_config(), **credentials
                )
            return self._clients[scope]

    def _credentials(self, account_id: str) -> dict[str, str]:
        """Credentials of the reader role, assumed again ten minutes before they expire."""
        held = self._assumed.get(account_id)
        if held is None or held[1] - wall_clock() < timedelta(minutes=10):
            with self._lock:
                sts = service("sts")
            partition = session().get_partition_for_region(session().region_name)
            answer = sts.assume_role(
                RoleArn=f"arn:{partition}:iam::{account_id}:role/{self._role_name}",
                RoleSessionName="truffle",
            )["Credentials"]
            credentials = {
                "aws_access_key_id": answer["AccessKeyId"],
                "aws_secret_access_key": answer["SecretAccessKey"],
                "aws_session_token": answer["SessionToken"],
            }
            held = (credentials, answer["Expiration"])
            self._assumed[account_id] = held
            with self._lock:
                self._clients = {
                    scope: client
                    for scope, client in self._clients.items()
                    if scope.account_id != account_id
                }
        return held[0]
