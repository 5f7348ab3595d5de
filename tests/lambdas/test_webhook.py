"""The webhook: HTTPS to a public address or nowhere, and its URL is a secret."""

from __future__ import annotations

import ipaddress
import json
import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lambdas.delivery import webhook
from lambdas.delivery.webhook import (
    ALLOW_LOOPBACK,
    LONGEST_ANSWER,
    Unreachable,
    Unusable,
    WebhookResponse,
    is_public,
    post,
)
from sandbox.sink.destination import Destination, Reply, listening
from tests.builders import NOON

SECRET = "s3cr3t"


@pytest.fixture
def destination(tmp_path: Path, trust: Callable[[Destination], None]) -> Iterator[Destination]:
    with listening(tmp_path) as made:
        trust(made)
        yield made


@pytest.fixture
def resolves(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Every host name has these addresses from now on."""

    def answer(*addresses: str) -> None:
        def resolve(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)

    return answer


# --- what is sent and what comes back ------------------------------------------------------------


def test_the_body_is_json_and_the_path_and_query_are_the_urls(destination: Destination) -> None:
    assert post(destination.url("/a/b?c=d"), {"text": "8 × p5"}) == WebhookResponse(200, "ok")
    (request,) = destination.requests
    assert (request.path, json.loads(request.body)) == ("/a/b?c=d", {"text": "8 × p5"})
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Host"] == f"127.0.0.1:{destination.port}"


def test_a_url_without_a_path_is_the_root(destination: Destination) -> None:
    post(destination.url(""), {})
    assert destination.requests[0].path == "/"


@pytest.mark.parametrize(
    ("status", "accepted"),
    [(200, True), (204, True), (302, False), (400, False), (429, False), (500, False)],
)
def test_any_answer_is_returned_and_only_2xx_is_accepted(
    destination: Destination, status: int, accepted: bool
) -> None:
    destination.replies = [Reply(status, "" if status == 204 else "said")]
    answer = post(destination.url(), {})
    assert (answer.status, answer.is_accepted) == (status, accepted)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        *[("30", 30), ("0", 0), ("soon", None), ("-1", None), (None, None)],
        *[("9" * 5000, None), ("Tue, 24 Nov 2026 12:01:30 GMT", 90)],
        *[("9" * 20, 86_400), ("86401", 86_400), ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400)],
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0),
    ],
)
def test_retry_after_is_read_in_seconds(
    destination: Destination,
    header: str | None,
    seconds: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook, "now", lambda: NOON)
    destination.replies = [Reply(429, headers={"Retry-After": header} if header else {})]
    assert post(destination.url(), {}).retry_after == seconds


def test_an_answer_that_comes_byte_by_byte_is_not_waited_for_and_counts(
    destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "LONGEST_EXCHANGE", 1)
    destination.replies = [Reply(200, "x" * 50_000, pause=0.2)]
    answer = post(destination.url(), {})
    assert (answer.status, answer.is_accepted) == (200, True)


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("ok", {"Content-Length": "999"}),
        ("ok", {"Content-Encoding": "gzip"}),
        ("ok", {"Content-Encoding": "deflate"}),
        ("zz\r\nok", {"Transfer-Encoding": "chunked"}),
        ("5\r\nok", {"Transfer-Encoding": "chunked"}),
    ],
)
@pytest.mark.parametrize("status", [200, 202, 429, 500])
def test_the_status_counts_where_the_body_is_broken(
    destination: Destination, status: int, text: str, headers: dict[str, str]
) -> None:
    destination.replies = [Reply(status, text, headers | {"Retry-After": "7"})]
    assert post(destination.url(), {}) == WebhookResponse(status, "", 7, is_whole=False)


def test_a_destination_that_says_nothing_is_unreachable_in_time(
    destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "LONGEST_EXCHANGE", 1)
    destination.replies = [Reply(200, seconds=3)]
    with pytest.raises(Unreachable, match="no response within 1 s"):
        post(destination.url(), {})


def test_a_long_answer_is_cut(destination: Destination) -> None:
    destination.replies = [Reply(500, "x" * 100_000)]
    assert post(destination.url(), {}).text == "x" * LONGEST_ANSWER


def test_headers_go_beside_those_of_every_request(destination: Destination) -> None:
    post(destination.url(), {}, {"Authorization": "Bearer t", "Host": "elsewhere.example"})
    (request,) = destination.requests
    assert request.headers["Authorization"] == "Bearer t"
    assert request.headers["Host"] == f"127.0.0.1:{destination.port}"


def test_a_header_that_cannot_be_sent_is_not_shown(destination: Destination) -> None:
    with pytest.raises(Unreachable) as caught:
        post(destination.url(), {}, {"Authorization": f"Bearer {SECRET}\nX-Other: 1"})
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(destination: Destination, status: int) -> None:
    destination.replies = [Reply(status, headers={"Location": destination.url("/elsewhere")})]
    assert post(destination.url(), {}).status == status
    assert len(destination.requests) == 1


# --- where nothing is sent -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.slack.com/services/s3cr3t",
        "hooks.slack.com/services/s3cr3t",
        "file:///etc/s3cr3t",
        "https:///services/s3cr3t",
        "https://[s3cr3t/services",
        "https://hooks.slack.com:s3cr3t/",
        "https://hooks.slack.com:99999/s3cr3t",
        "https://hooks.slack.com/services/s3cr3t value",
        "https://hooks.slack.com/services/s3cr3t\nX-Other: 1",
        "https://hooks.slack.com/services/s3cr3t…",
        "https://s3cr3t\u2100.example/",
        "",
    ],
)
def test_a_url_that_is_not_plain_https_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(Unusable) as caught:
        post(url, {})
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "::1", "fe80::1", "fd00:ec2::254", "::ffff:169.254.169.254"),
        *("64:ff9b::10.1.2.3", "64:ff9b::127.0.0.1", "2002:a01:203::1", "::10.1.2.3", "fec0::1"),
        *("224.0.0.1", "ff02::1", "3fff::1", "3fff:fff:ffff::1", "2001:db8::1", "192.88.99.1"),
        *("2001:2::1", "2001:0:a01:203::1", "192.31.196.1", "198.51.100.7", "240.0.0.1", "5f00::1"),
        *("64:ff9b::192.88.99.1", "2620:4f:8000::1"),
    ],
)
def test_a_host_with_a_private_address_is_refused(
    resolves: Callable[..., None], address: str
) -> None:
    resolves(address)
    with pytest.raises(Unusable, match="public address"):
        post("https://hooks.slack.com/services/s3cr3t", {})


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2600:1f18:1::1", "64:ff9b::8.8.8.8", "2001:200::1"]
)
def test_a_public_address_may_be_posted_to(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_one_private_address_among_public_ones_is_enough_to_refuse(
    resolves: Callable[..., None],
) -> None:
    resolves("8.8.8.8", "10.0.0.1")
    with pytest.raises(Unusable, match="public address"):
        post("https://hooks.slack.com/services/s3cr3t", {})


def test_only_the_sandbox_may_post_to_the_loopback_interface(
    destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ALLOW_LOOPBACK)
    with pytest.raises(Unusable, match="public address"):
        post(destination.url(), {})
    assert destination.requests == []


def test_the_sandbox_may_not_post_to_the_metadata_service(destination: Destination) -> None:
    with pytest.raises(Unusable, match="public address"):
        post("https://169.254.169.254/latest/meta-data", {})


@pytest.mark.parametrize("host", ["no-such-host.invalid", f"{'x' * 64}.example"])
def test_a_host_that_does_not_exist_is_unreachable(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    def unknown(name: str, *_: Any, **__: Any) -> None:
        name.encode("idna")
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Unreachable, match="no address"):
        post(f"https://{host}/services/s3cr3t", {})


def test_a_closed_port_is_unreachable(destination: Destination) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        with pytest.raises(Unreachable, match="NewConnectionError"):
            post(f"https://127.0.0.1:{port}/{SECRET}", {})


def test_a_certificate_of_an_unknown_authority_is_not_trusted(
    destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Unreachable, match="SSLError"):
        post(destination.url(), {})
    assert destination.requests == []


def test_a_certificate_for_another_host_is_not_trusted(
    tmp_path: Path, trust: Callable[[Destination], None]
) -> None:
    with listening(tmp_path, "hooks.example") as other:
        trust(other)
        with pytest.raises(Unreachable, match="SSLError"):
            post(other.url(), {})
        assert other.requests == []


def test_a_certificate_is_checked_against_the_name_and_not_the_address(
    tmp_path: Path, trust: Callable[[Destination], None], resolves: Callable[..., None]
) -> None:
    with listening(tmp_path, "hooks.example") as named:
        trust(named)
        resolves("127.0.0.1")
        assert post(named.url(host="hooks.example"), {}).is_accepted


# --- the secret ----------------------------------------------------------------------------------


def test_no_log_of_any_level_contains_the_url(
    destination: Destination, logs: Callable[[], str]
) -> None:
    destination.replies = [Reply(500), Reply(302, headers={"Location": "/"})]
    post(destination.url(), {})
    post(destination.url(), {})
    logging.getLogger("test").debug("these logs are read")
    assert "these logs are read" in logs()
    assert SECRET not in logs()


def test_no_error_contains_the_url(destination: Destination, tmp_path: Path) -> None:
    url = destination.url().replace(str(destination.port), "1")
    with pytest.raises(Unreachable) as caught:
        post(url, {})
    assert SECRET not in repr(caught.value)
    assert caught.value.__suppress_context__
