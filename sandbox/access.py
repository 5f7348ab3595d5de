"""Clients of the sandbox: boto3 and signed requests that ignore the caller's own AWS settings."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

import boto3
import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from sandbox.environment import ACCESS_KEY, REGION, SECRET_KEY

_OPENER = build_opener(ProxyHandler({}))
_NO_FILES: dict[str, tuple[None, list[str], str | None, None]] = {
    "profile": (None, [], None, None),
    "config_file": (None, [], os.devnull, None),
    "credentials_file": (None, [], os.devnull, None),
}


def client(service: str, endpoint: str, region: str = REGION, account_id: str | None = None) -> Any:
    """A boto3 client of the root caller, or of another account's root caller."""
    session = boto3.Session(
        aws_access_key_id=account_id or ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name=region,
        botocore_session=botocore.session.Session(session_vars=_NO_FILES),
    )
    config = Config(
        proxies={}, read_timeout=120, retries={"mode": "standard", "total_max_attempts": 3}
    )
    return session.client(service, endpoint_url=endpoint, config=config)


@dataclass(frozen=True, slots=True)
class Response:
    """A response of an HTTP API."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def get(url: str, parameters: Mapping[str, Any] | None = None, *, signed: bool = True) -> Response:
    """GET an HTTP API with the root caller's signature, or without one."""
    query = urlencode(parameters or {}, doseq=True, quote_via=quote)
    full = f"{url}?{query}" if query else url
    headers = _signature(full) if signed else {}
    try:
        with _OPENER.open(Request(full, headers=headers), timeout=120) as answer:
            return Response(answer.status, dict(answer.headers), answer.read())
    except HTTPError as error:
        with error:
            return Response(error.code, dict(error.headers), error.read())


def _signature(url: str) -> dict[str, str]:
    request = AWSRequest("GET", url)
    SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "execute-api", REGION).add_auth(request)
    return dict(request.headers.items())
