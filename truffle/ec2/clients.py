"""Sessions and EC2 clients for many regions, created cheaply, with all features of botocore.

Credentials, SSO, signing, endpoints, proxies, retries and errors are botocore's own. Two components
of its session are replaced: the parser with one that is several times faster, and EC2's model with
one that has only the operations that truffle calls instead of all 800, whose methods each client
would create again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

from botocore.config import Config
from botocore.exceptions import InvalidEndpointConfigurationError, NoCredentialsError
from botocore.loaders import Loader
from botocore.session import Session

from truffle.core.kinds.registry import KINDS
from truffle.ec2.listing import client_config
from truffle.ec2.other_kinds import ServiceOf
from truffle.ec2.parsing import FastEC2ParserFactory
from truffle.ec2.sessions import DEFAULT_REGION, open_session

OPERATIONS = (
    "DescribeRegions",
    "DescribeCapacityReservations",
    "DescribeCapacityBlocks",
    "DescribeCapacityBlockStatus",
    "DescribeCapacityBlockOfferings",
    "DescribeCapacityReservationBillingRequests",
    "DescribeCapacityReservationFleets",
    "DescribeCapacityReservationTopology",
    "DescribeInstanceTypes",
)
"""The only EC2 operations that the client calls; all are read-only."""

_CALLED: Mapping[str, Sequence[str]] = {
    "ec2": OPERATIONS,
    **{
        kind.listing.service: [*kind.operations, *([kind.search] if kind.search else [])]
        for kind in KINDS.values()
        if kind.listing
    },
}
"""The operations to which the model of each service is reduced."""

STS_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=2, read_timeout=2
)
"""Identifying the account of the credentials may take a few seconds."""


class _EC2Loader(Loader):  # type: ignore[misc]
    """botocore's loader, with models reduced to the operations that are called."""

    def list_available_services(self, type_name: str) -> list[str]:
        """Every service with a folder, even without a file of this type.

        botocore first searches the folders of all 400, for each type; a service without such a file
        is detected when it is loaded (DataNotFoundError).
        """
        folders = [path for path in self.search_paths if os.path.isdir(path)]
        return sorted({name for path in folders for name in os.listdir(path)})

    def load_service_model(
        self, service_name: str, type_name: str, api_version: str | None = None
    ) -> Any:
        model = super().load_service_model(service_name, type_name, api_version)
        if service_name not in _CALLED or type_name != "service-2":
            return model
        found = model["operations"]
        called = {name: found[name] for name in _CALLED[service_name] if name in found}
        return {**model, "operations": called}


class _GivenCredentials:
    """A provider of the credentials of another session."""

    def __init__(self, given: Any) -> None:
        self._given = given

    def load_credentials(self) -> Any:
        return self._given.get_credentials()


class CallerClients:
    """Clients by region for one caller.

    ``of`` must be called from one thread only, unlike the clients that it creates.

    The caller is a session of boto3 or botocore, the name of a profile, or None for the
    environment. Of a given session, the credentials, profile, region and client settings are used;
    it is not changed.
    """

    def __init__(self, caller: Any = None, first: str | None = None) -> None:
        """``first`` is the region to query first if the caller's configuration names none."""
        self.session = _session_of(caller, first)
        self._first = first or DEFAULT_REGION
        self._clients: dict[str, Any] = {}
        self._making = Lock()

    @property
    def profile(self) -> str | None:
        profile: str | None = self.session.get_config_variable("profile")
        return profile

    @property
    def home(self) -> str:
        """The region to query first. Raises what botocore does for a profile that it cannot
        read."""
        return str(self.session.get_config_variable("region") or self._first)

    def account_id(self) -> str | None:
        """The account that the credentials themselves name, if any.

        Raises what botocore does without usable credentials.
        """
        credentials = self.session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        account_id: str | None = credentials.get_frozen_credentials().account_id
        return account_id

    def of(self, region: str) -> Any:
        """The client of a region. Raises what botocore does without usable credentials."""
        if region not in self._clients:
            client = self.made("ec2", region, client_config())
            # The loader's cache is not thread-safe: each region's thread would read the paginators.
            client.can_paginate("describe_regions")
            self._clients[region] = client
        return self._clients[region]

    def service_of(self, region: str) -> ServiceOf:
        """A factory of clients of other services in a region."""
        return lambda service: self.made(service, region, client_config())

    def sts(self) -> Any:
        return self.made("sts", self.home, STS_CONFIG)

    def made(self, service: str, region: str, config: Config) -> Any:
        """Create a client. Raises what botocore does, also for an endpoint that is not a URL.

        One at a time: a session is not thread-safe, and without the lock each thread would parse
        the service's model.
        """
        try:
            with self._making:
                return self.session.create_client(service, region_name=region, config=config)
        except ValueError as error:
            raise InvalidEndpointConfigurationError(msg=str(error)) from error


def _session_of(caller: Any, first: str | None) -> Session:
    if caller is None or isinstance(caller, str):
        session = open_session(caller, first)
    else:
        session = _like(caller)
    session.user_agent_extra = "truffle"
    session.register_component("response_parser_factory", FastEC2ParserFactory())
    session.lazy_register_component("data_loader", lambda: _loader(session))
    return session


def _like(given: Any) -> Session:
    """A session with the credentials, profile, region and client settings of another one."""
    is_boto3 = hasattr(given, "profile_name")
    profile = given.profile_name if is_boto3 else given.profile
    session = Session(profile=None if profile == "default" else profile)
    region = given.region_name if is_boto3 else given.get_config_variable("region")
    session.set_config_variable("region", region)
    session.register_component("credential_provider", _GivenCredentials(given))
    if not is_boto3:
        session.set_default_client_config(given.get_default_client_config())
    return session


def _loader(session: Session) -> Loader:
    """A loader with the search path of botocore's own."""
    path = session.get_config_variable("data_path")
    parts = path.split(os.pathsep) if path else []
    return _EC2Loader([os.path.expanduser(os.path.expandvars(part)) for part in parts])
