"""POST JSON to a webhook: HTTPS only, never to a private address, no redirects, no URL in logs."""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import TimeoutError as OutOfTime
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from lambdas.clients import now
from truffle.messages.text import to_json
from truffle.threads import start

# The path of a webhook's URL is secret, and urllib3 logs paths at DEBUG.
logging.getLogger("urllib3").setLevel(logging.INFO)

TIMEOUT = urllib3.Timeout(connect=3, read=10)
LONGEST_EXCHANGE = 20
"""Seconds for the whole exchange: a read timeout restarts with every byte."""
LONGEST_ANSWER = 64 * 1024
"""The maximum number of bytes read of a response; one that contains a whole chat message is
shorter."""
_LONGEST_RETRY_AFTER = 40
_MOST_RETRY_AFTER = 24 * 3600
"""Seconds; no message is kept longer."""
ALLOW_LOOPBACK = "TRUFFLE_SANDBOX_LOOPBACK_WEBHOOKS"
"""Set only by the sandbox, whose destinations listen on the loopback interface."""


_UNICAST = ipaddress.ip_network("2000::/3")
"""The global unicast addresses (IANA, IPv6 address space)."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""Addresses with an IPv4 address in the last 32 bits (RFC 6052), which a DNS64 returns in a subnet
without IPv4."""
_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # IETF protocol assignments
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # automatic multicast tunnelling
            "192.88.99.0/24",  # 6to4 relays, deprecated
            "192.175.48.0/24",  # AS112
            "2001::/23",  # IETF protocol assignments, Teredo and ORCHID among them
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: an IPv4 address within, maybe a private one
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation (RFC 9637)
        ),
    )
)
"""Special-purpose networks, which no host on the internet has (IANA, IPv4 and IPv6 Special-Purpose
Address Registries); which of them Python knows depends on its version."""

NO_HEADERS: Mapping[str, str] = {}


class Unusable(Exception):
    """The webhook's URL must not be called; the text does not contain it."""


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    """The response of a destination; ``retry_after`` is in seconds. The text is the destination's
    own, and may repeat the request. If the body could not be read, the text is empty and
    ``is_whole`` is false; the status still counts."""

    status: int
    text: str
    retry_after: int | None = None
    is_whole: bool = True

    @property
    def is_accepted(self) -> bool:
        return 200 <= self.status < 300


class Unreachable(Exception):
    """The destination did not respond; the text has the reason, without the URL."""

    def __str__(self) -> str:
        return f"unreachable: {super().__str__()}"


def post(
    url: str, body: Mapping[str, Any], headers: Mapping[str, str] = NO_HEADERS
) -> WebhookResponse:
    """POST a body; return any response. ``headers`` are sent in addition to those of every request.
    Raises Unusable or Unreachable."""
    parts, host, port = _destination(url)
    address = _address(host, port)
    # Connect to the address that was checked: the name could resolve to another one by now.
    pool = urllib3.HTTPSConnectionPool(
        address,
        port,
        server_hostname=host,
        assert_hostname=host,
        timeout=TIMEOUT,
        retries=False,
        cert_reqs="CERT_REQUIRED",
        ca_certs=os.environ.get("SSL_CERT_FILE"),
    )
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    own = {"Content-Type": "application/json", "Host": parts.netloc.rpartition("@")[2]}
    data = to_json(body, compact=False).encode()
    heads: list[WebhookResponse] = []
    exchange = start(partial(_exchange, pool, path, data, {**headers, **own}, heads.append))
    try:
        return exchange.result(LONGEST_EXCHANGE)
    except OutOfTime:
        # A response that began in time counts: after a retry, the destination would have the
        # message twice.
        if heads:
            return heads[0]
        raise Unreachable(f"no response within {LONGEST_EXCHANGE} s") from None


def _exchange(
    pool: urllib3.HTTPSConnectionPool,
    path: str,
    data: bytes,
    headers: Mapping[str, str],
    began: Callable[[WebhookResponse], None],
) -> WebhookResponse:
    """Send a request and read the response; ``began`` is called when its head has arrived. Raises
    Unreachable."""
    with pool:
        try:
            response = pool.urlopen(
                "POST", path, data, headers, redirect=False, preload_content=False
            )
        except (HTTPError, ValueError) as error:
            # A header that cannot be sent is a ValueError, with the header in its text.
            raise Unreachable(type(error).__name__) from None
        retry_after = _seconds(response.headers.get("Retry-After"))
        head = WebhookResponse(response.status, "", retry_after, is_whole=False)
        began(head)
        return _with_body(head, response)


def _with_body(head: WebhookResponse, response: urllib3.BaseHTTPResponse) -> WebhookResponse:
    """The response with its text, or without it if that is broken: truncated, wrongly compressed or
    wrongly chunked. The destination has the message, and after a retry would get it twice."""
    try:
        content = response.read(LONGEST_ANSWER, decode_content=True)
    except (HTTPError, ValueError, OSError):
        return head
    return replace(head, text=content.decode(errors="replace"), is_whole=True)


def _destination(url: str) -> tuple[SplitResult, str, int]:
    """A URL's parts with its host and port. Raises Unusable."""
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise Unusable("The webhook's URL has characters that must be percent-encoded.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 443
    except ValueError:
        raise Unusable("The webhook's URL is invalid.") from None
    if parts.scheme != "https" or not host:
        raise Unusable("The webhook's URL must begin with https://.")
    return parts, host, port


def _address(host: str, port: int) -> str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"no address: {type(error).__name__}") from None
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    for address in addresses:
        is_sandbox = address.is_loopback and ALLOW_LOOPBACK in os.environ
        if not is_public(address) and not is_sandbox:
            raise Unusable("The webhook's host must have a public address.")
    return str(addresses[0])


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address belongs to a host on the internet, also if embedded in another address
    (NAT64)."""
    if address in _NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    if address.version == 6 and address not in _UNICAST:
        return False
    if any(address in network for network in _NOT_PUBLIC):
        return False
    return address.is_global and not address.is_multicast


def _seconds(text: str | None) -> int | None:
    """A Retry-After: a number of seconds, or a date (RFC 9110), at most a day; None for anything
    else."""
    if text is None or len(text) > _LONGEST_RETRY_AFTER:
        return None
    if text.isdecimal():
        return min(int(text), _MOST_RETRY_AFTER)
    try:
        seconds = round((parsedate_to_datetime(text) - now()).total_seconds())
        return min(max(0, seconds), _MOST_RETRY_AFTER)
    except (ValueError, TypeError):
        # A date without a zone cannot be subtracted from one with a zone.
        return None
