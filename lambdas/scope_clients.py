"""Clients of EC2 and STS by scope: with the function's own role in its own account, with the reader
role in other accounts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    SSLError,
)

from lambdas.clients import MAKING, session, wall_clock
from lambdas.parallel import PARALLEL_REQUESTS
from truffle.core.model import Scope
from truffle.ec2 import consumers, topology
from truffle.ec2.errors import error_code
from truffle.ec2.listing import ListingEC2, client_config
from truffle.ec2.other_kinds import OtherKinds

if TYPE_CHECKING:
    from types_boto3_sts.client import STSClient

STS_CONFIG = Config(
    retries={"mode": "adaptive", "total_max_attempts": 6},
    connect_timeout=3,
    read_timeout=5,
    max_pool_connections=PARALLEL_REQUESTS,
)
"""``adaptive`` paces a client below the rate at which STS throttled it. STS has a token bucket for
each account and endpoint, whose size is neither published nor raised on request (AWS re:Post
Knowledge Center, "iam-sts-throttling-error"), so each region's own endpoint is used."""

_REGION_CLOSED = frozenset({"RegionDisabledException", "InvalidClientTokenId", "OptInRequired"})
"""Error codes of an STS endpoint that does not serve the function's account: the account has not
enabled its region, or has deactivated the region for STS (AWS STS API Reference, AssumeRole)."""


@dataclass(frozen=True, slots=True)
class _Session:
    """Credentials of an assumed role and when they expire."""

    credentials: Credentials
    expires_at: datetime

    @property
    def is_expiring(self) -> bool:
        return self.expires_at - wall_clock() < timedelta(minutes=10)


class RoleSessions:
    """The reader role's sessions, one for each account, kept until ten minutes before their end.

    Each is assumed at the STS endpoint of the region that needs it first, or at the function's own
    if that one does not respond. ``external_id`` is required by the role, and not sent if empty.
    Used by several threads.
    """

    def __init__(self, role_name: str, external_id: str = "") -> None:
        self._role_name = role_name
        self._external_id: dict[str, Any] = {"ExternalId": external_id} if external_id else {}
        self._sessions: dict[str, _Session] = {}
        self._lock = Lock()
        self._locks: dict[str, Lock] = {}
        self._closed: set[str] = set()

    def credentials(self, scope: Scope) -> Credentials:
        """Credentials for a scope. Raises what AssumeRole does."""
        with self._lock:
            lock = self._locks.setdefault(scope.account_id, Lock())
        with lock:
            held = self._sessions.get(scope.account_id)
            if held is None or held.is_expiring:
                held = self._assume(scope)
                self._sessions[scope.account_id] = held
        return held.credentials

    def _assume(self, scope: Scope) -> _Session:
        if scope.region not in self._closed:
            try:
                return self._assume_at(scope.account_id, scope.region)
            except (EndpointConnectionError, ConnectTimeoutError, SSLError):
                self._closed.add(scope.region)
            except ClientError as error:
                if error_code(error) not in _REGION_CLOSED:
                    raise
                self._closed.add(scope.region)
        return self._assume_at(scope.account_id, None)

    def _assume_at(self, account_id: str, region: str | None) -> _Session:
        partition = session().get_partition_for_region(session().region_name)
        response = _sts(region).assume_role(
            RoleArn=f"arn:{partition}:iam::{account_id}:role/{self._role_name}",
            RoleSessionName="truffle",
            **self._external_id,
        )["Credentials"]
        credentials = Credentials(
            response["AccessKeyId"], response["SecretAccessKey"], response["SessionToken"]
        )
        return _Session(credentials, response["Expiration"])


@cache
def sts_client(region: str | None = None) -> STSClient:
    """A client of STS at a region's own endpoint, or at that of the function's region."""
    client: STSClient = session().client("sts", region_name=region, config=STS_CONFIG)
    return client


def _sts(region: str | None) -> STSClient:
    with MAKING:
        return sts_client(region)


_signing: ContextVar[Credentials | None] = ContextVar("signing", default=None)
"""The credentials for the present thread's request; None means the client's own."""


@contextmanager
def _signed_as(credentials: Credentials) -> Iterator[None]:
    token = _signing.set(credentials)
    try:
        yield
    finally:
        _signing.reset(token)


def _sign_as_scope(request: Any, **_: Any) -> None:
    """Sign a request with the present credentials. botocore's signer reads them from the request's
    context (botocore/signers.py, RequestSigner.sign), as it does for S3 Express."""
    credentials = _signing.get()
    if credentials is not None:
        request.context.setdefault("signing", {})["request_credentials"] = credentials


class ScopeEC2(ListingEC2, consumers.ConsumersEC2, topology.TopologyEC2, Protocol):
    """The part of a boto3 EC2 client that collecting a scope uses."""


class ScopeClients:
    """Clients of EC2 by scope: with the function's own role in its own account, with the reader
    role in other accounts.

    There is one boto3 client for each region, whatever the number of accounts. Used by several
    threads; ``of`` raises what AssumeRole does.
    """

    def __init__(self, home_account: str, role_name: str, external_id: str = "") -> None:
        self._home = home_account
        self._sessions = RoleSessions(role_name, external_id)
        self._clients: dict[tuple[str, str], Any] = {}

    def of(self, scope: Scope) -> ScopeEC2:
        client: ScopeEC2 = self._client(scope.region)
        if scope.account_id == self._home:
            return client
        return ScopedEC2(client, self._sessions.credentials(scope))

    def others_of(self, scope: Scope) -> OtherKinds:
        """The kinds that other services list in a scope."""
        return OtherKinds(partial(self._service_of, scope))

    def _service_of(self, scope: Scope, service: str) -> Any:
        client = self._client(scope.region, service)
        if scope.account_id == self._home:
            return client
        return ScopedClient(client, self._sessions.credentials(scope))

    def _client(self, region: str, service: str = "ec2") -> Any:
        with MAKING:
            if (region, service) not in self._clients:
                client = session().client(service, region_name=region, config=client_config(32))
                client.meta.events.register(f"before-sign.{service}", _sign_as_scope)
                self._clients[region, service] = client
            return self._clients[region, service]


@dataclass(frozen=True, slots=True)
class ScopedEC2:
    """A region's client that signs with the credentials of one account, in any thread."""

    client: ScopeEC2
    credentials: Credentials

    def get_paginator(self, operation_name: str) -> ScopedPaginator:
        return ScopedPaginator(self.client.get_paginator(operation_name), self.credentials)

    def describe_regions(self, **parameters: Any) -> Any:
        with _signed_as(self.credentials):
            return self.client.describe_regions(**parameters)  # type: ignore[attr-defined]

    def describe_capacity_reservation_topology(self, **parameters: Any) -> Any:
        with _signed_as(self.credentials):
            return self.client.describe_capacity_reservation_topology(**parameters)

    def get_capacity_reservation_usage(self, **parameters: Any) -> Any:
        with _signed_as(self.credentials):
            return self.client.get_capacity_reservation_usage(**parameters)


@dataclass(frozen=True, slots=True)
class ScopedClient:
    """A region's client of another service, each of whose calls signs with one account's
    credentials."""

    client: Any
    credentials: Credentials

    def get_paginator(self, operation_name: str) -> ScopedPaginator:
        return ScopedPaginator(self.client.get_paginator(operation_name), self.credentials)

    def __getattr__(self, method: str) -> Any:
        def call(**parameters: Any) -> Any:
            with _signed_as(self.credentials):
                return getattr(self.client, method)(**parameters)

        return call


@dataclass(frozen=True, slots=True)
class ScopedPaginator:
    """A paginator whose requests are signed with the credentials of one account."""

    paginator: Any
    credentials: Credentials

    def paginate(self, **parameters: Any) -> Iterator[Any]:
        pages = iter(self.paginator.paginate(**parameters))
        while True:
            # Only during the request of a page: between two pages the thread may do anything else.
            with _signed_as(self.credentials):
                page = next(pages, None)
            if page is None:
                return
            yield page
