"""The local destination: keeps what it receives, and responds as configured."""

from __future__ import annotations

import json
import os
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lambdas.delivery import webhook
from lambdas.delivery.webhook import ALLOW_LOOPBACK, Unreachable, WebhookResponse, post
from sandbox import command_line
from sandbox.box import Sandbox
from sandbox.ports import free_port
from sandbox.processes import start
from sandbox.sink.certificates import write_trust
from sandbox.sink.control import Sink
from sandbox.sink.destination import DOWN, OK, Destination, Reply
from sandbox.state import State
from tests.builders import HOME

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    def put(authority: Path) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        monkeypatch.setenv(ALLOW_LOOPBACK, "1")

    return put


@pytest.fixture
def destination(tmp_path: Path, trust: Callable[[Path], None]) -> Iterator[Destination]:
    record = tmp_path / "requests.jsonl"
    made = Destination(tmp_path, record=record, clock=lambda: NOON)
    trust(made.authority)
    yield made
    made.close()


def status(destination: Destination, path: str = "/slack") -> int:
    return post(destination.url(path), {}).status


def test_a_request_is_kept_with_its_path_body_and_time(destination: Destination) -> None:
    post(destination.url("/slack"), {"text": "8 × p5"})
    (request,) = destination.requests
    assert (request.path, request.json) == ("/slack", {"text": "8 × p5"})
    assert (request.at, request.answered) == (NOON, 200)


def test_each_request_is_a_line_of_the_record(destination: Destination, tmp_path: Path) -> None:
    destination.replies = [Reply(500)]
    post(destination.url("/slack"), {"n": 1})
    post(destination.url("/teams"), {"n": 2})
    lines = [json.loads(line) for line in (tmp_path / "requests.jsonl").read_text().splitlines()]
    assert [(line["path"], line["body"], line["answered"]) for line in lines] == [
        ("/slack", '{"n": 1}', 500),
        ("/teams", '{"n": 2}', 200),
    ]
    assert {line["at"] for line in lines} == {"2026-11-24T12:00:00Z"}


def test_a_path_is_answered_as_set_until_it_is_reset(
    destination: Destination,
) -> None:
    destination.answer(Reply(429, "slow", {"Retry-After": "30"}), "/slack")
    for _ in range(2):
        assert post(destination.url("/slack"), {}) == WebhookResponse(429, "slow", 30)
    assert status(destination, "/teams") == 200
    destination.answer(OK, "/slack")
    assert status(destination) == 200


def test_the_reply_for_all_paths_holds_for_those_without_their_own(
    destination: Destination,
) -> None:
    destination.answer(Reply(500))
    destination.answer(Reply(410), "/slack")
    assert (status(destination, "/slack"), status(destination, "/teams")) == (410, 500)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2/enqueue", 202),
        ("/v2/alerts", 202),
        ("/v2/alerts/cr-1%2Fcapacity/close?identifierType=alias", 202),
        ("/api/chat.postMessage", 200),
        ("/services/T0/B0/s3cr3t", 200),
    ],
)
def test_a_well_known_service_is_answered_for_in_its_own_way(
    destination: Destination, path: str, status: int
) -> None:
    destination.answer(Reply(500), path)
    destination.answer(OK, path)
    assert post(destination.url(path), {}).status == status


PAGERDUTY = {"routing_key": "k" * 32, "event_action": "trigger", "dedup_key": "cr-0abc/capacity"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2/enqueue", 202),
        ("/v2/enqueue?x=1", 202),
        *[(path, 404) for path in ("/", "/pagerduty", "/v2/enqueue/", "/v2/enqueued", "/enqueue")],
    ],
)
def test_pagerduty_is_found_on_its_own_path_alone(
    destination: Destination, path: str, status: int
) -> None:
    assert post(destination.url(path), PAGERDUTY).status == status


def test_a_reply_of_its_own_comes_before_the_services(
    destination: Destination,
) -> None:
    destination.answer(Reply(500), "/pagerduty")
    assert post(destination.url("/pagerduty"), PAGERDUTY).status == 500


def test_opsgenie_and_slack_s_api_are_found_on_their_own_paths_alone(
    destination: Destination,
) -> None:
    for authorization in ("GenieKey k", "Bearer xoxb-1"):
        headers = {"Authorization": authorization}
        assert post(destination.url("/elsewhere"), {}, headers).status == 404


def test_the_next_replies_come_first_one_each(destination: Destination) -> None:
    destination.answer(Reply(500), "/slack")
    destination.replies = [Reply(429), Reply(204, "")]
    assert [status(destination) for _ in range(3)] == [429, 204, 500]


def test_a_path_that_is_down_closes_the_connection(destination: Destination) -> None:
    destination.answer(DOWN, "/slack")
    with pytest.raises(Unreachable, match="ProtocolError"):
        status(destination)
    assert [request.answered for request in destination.requests] == [None]
    assert status(destination, "/teams") == 200


def test_all_paths_down_refuses_connections_on_the_same_port(destination: Destination) -> None:
    destination.answer(DOWN)
    destination.answer(DOWN)
    with pytest.raises(Unreachable, match="NewConnectionError"):
        status(destination)
    assert destination.requests == []
    destination.answer(OK)
    assert status(destination) == 200


def test_a_reply_may_take_its_time(destination: Destination) -> None:
    destination.answer(Reply(seconds=0.3), "/slack")
    assert status(destination) == 200


def test_a_reply_may_come_too_late(
    destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "LONGEST_EXCHANGE", 0.2)
    destination.answer(Reply(seconds=5), "/slack")
    with pytest.raises(Unreachable, match="no response within"):
        status(destination)


def test_who_trusts_it_trusts_what_the_machine_trusts(
    destination: Destination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    own = set(ssl.create_default_context().get_ca_certs(binary_form=True))
    write_trust(destination.authority, tmp_path / "trust.pem")
    context = ssl.create_default_context(cafile=str(tmp_path / "trust.pem"))
    trusted = set(context.get_ca_certs(binary_form=True))
    assert own < trusted
    assert len(trusted - own) == 1


@pytest.fixture
def sink(tmp_path: Path, trust: Callable[[Path], None]) -> Iterator[Sink]:
    """A destination that is a process of its own."""
    port, control_port = free_port(), free_port()
    command = ["-m", "sandbox.sink", "--folder", str(tmp_path / "sink")]
    ports = ["--port", str(port), "--control-port", str(control_port)]
    process = start(
        [sys.executable, *command, *ports], os.environ, Path.cwd(), tmp_path / "sink.log"
    )
    made = Sink(f"https://127.0.0.1:{port}", f"http://127.0.0.1:{control_port}")
    try:
        _wait(made)
        trust(tmp_path / "sink" / "trust.pem")
        yield made
    finally:
        process.stop()


def test_as_a_process_it_is_set_and_read_through_its_control_api(sink: Sink) -> None:
    sink.answer(Reply(429, "slow", {"Retry-After": "7"}), "/slack")
    assert post(sink.url("/slack"), {"n": 1}) == WebhookResponse(429, "slow", 7)
    sink.mend("/slack")
    assert post(sink.url("/slack"), {"n": 1}).is_accepted
    assert post(sink.url("/teams"), {"n": 2}).is_accepted
    assert [(one.json, one.answered) for one in sink.requests("/slack")] == [
        ({"n": 1}, 429),
        ({"n": 1}, 200),
    ]
    assert len(sink.requests()) == 3


def test_the_commands_set_it_and_print_the_requests(
    sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = State(
        endpoint="", ec2_endpoint="", account_id=HOME, sink=sink.endpoint, sink_control=sink.control
    )
    monkeypatch.setattr(Sandbox, "find", lambda: Sandbox(state, tmp_path))

    def run(*arguments: str) -> Result:
        said = CliRunner().invoke(command_line.main, ["sink", *arguments])
        assert said.exit_code == 0
        return said

    run("answer", "429", "--retry-after", "30", "--path", "/slack")
    assert post(sink.url("/slack"), {"text": "8 × p5"}).retry_after == 30
    run("answer", "ok", "--path", "/slack")
    assert post(sink.url("/slack"), {"text": "8 × p5"}).is_accepted
    said = run()
    lines = [json.loads(line) for line in said.stdout.splitlines()]
    assert [(line["path"], line["body"], line["answered"]) for line in lines] == [
        ("/slack", {"text": "8 × p5"}, 429),
        ("/slack", {"text": "8 × p5"}, 200),
    ]
    assert sink.endpoint in said.stderr


def _wait(sink: Sink, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            sink.requests()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
