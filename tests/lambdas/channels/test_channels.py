"""The kinds of destinations: what each is sent, and which answers mean that it was taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from lambdas.clients import service
from lambdas.delivery.credentials import to_secret
from sandbox.sink.destination import Destination, Reply
from tests.builders import HOUR, a_scope_event, an_event
from tests.lambdas.channels.builders import SECRET, an_ill_block
from tests.lambdas.fakes import Wire
from tests.lambdas.office import REPORT, Office, bodies, numbered, pauses
from truffle.core.events import Severity, to_message
from truffle.messages import amazon_q, email, slack, teams
from truffle.messages.card import event_card

CHANNEL = "/api/chat.postMessage"
GOOD = '{"ok": true, "ts": "1732439400.000100", "message": {"text": "…"}}'


WireTo = Callable[[str], Wire]
Open = Callable[..., Office]


# --- webhooks of chats ---------------------------------------------------------------------------


@pytest.mark.parametrize("as_json", [False, True])
def test_a_webhooks_secret_is_its_url_or_json_with_it(
    opened: Open, sink: Destination, as_json: bool
) -> None:
    url = sink.url("/hook")
    office = opened("slack", {"url": url} if as_json else f"  {url}\n")
    assert office.deliver("slack", an_event()) == 0
    assert [request.path for request in sink.requests] == ["/hook"]


@pytest.mark.parametrize("status", [200, 202, 204])
def test_teams_is_sent_an_adaptive_card_and_takes_it_with_any_2xx(
    opened: Open, sink: Destination, status: int
) -> None:
    sink.replies = [Reply(status, "")]
    office = opened("teams", sink.url("/workflows/x"))
    assert office.deliver("teams", an_event()) == 0
    assert bodies(sink) == [teams.payload(event_card(an_event(), report_url=REPORT))]


# --- Slack with a bot's token --------------------------------------------------------------------


@pytest.fixture
def bot(opened: Open, sink: Destination) -> Office:
    """A channel of Slack that a bot writes to."""
    return opened("slack", {"token": SECRET, "channel": "C0123", "url": sink.url(CHANNEL)})


def test_a_bot_posts_to_its_channel_with_its_token(bot: Office, sink: Destination) -> None:
    sink.replies = [Reply(200, GOOD)]
    assert bot.deliver("slack", an_event()) == 0
    (request,) = sink.requests
    assert request.headers["Authorization"] == f"Bearer {SECRET}"
    card = slack.payload(event_card(an_event(), report_url=REPORT))
    assert bodies(sink) == [{**card, "channel": "C0123"}]


def test_messages_about_one_block_are_one_thread(bot: Office, sink: Destination) -> None:
    sink.replies = [Reply(200, GOOD)] * 3
    bot.deliver("slack", numbered(1), numbered(2), a_scope_event(event_id="scope"))
    threads = [body.get("thread_ts") for body in bodies(sink)]
    assert threads == [None, "1732439400.000100", None]


@pytest.mark.parametrize(
    ("severity", "is_shown"),
    [
        (Severity.INFO, False),
        (Severity.GOOD, False),
        (Severity.WARNING, True),
        (Severity.CRITICAL, True),
    ],
)
def test_a_reply_with_bad_news_is_shown_in_the_channel_as_well(
    bot: Office, sink: Destination, severity: Severity, is_shown: bool
) -> None:
    sink.replies = [Reply(200, GOOD)] * 2
    bot.deliver("slack", numbered(1), numbered(2, severity=severity))
    assert bodies(sink)[1].get("reply_broadcast", False) is is_shown


@pytest.mark.parametrize("text", ['{"ok": false, "error": "not_in_channel"}', "ok", "[]", ""])
def test_a_200_without_ok_is_a_refusal(
    bot: Office, sink: Destination, logs: Callable[[], str], text: str
) -> None:
    sink.replies = [Reply(200, text), Reply(200, GOOD)]
    mailed = bot.mail("slack", an_event())
    assert (bot.invoke(mailed), bot.invoke(mailed.again())) == (1, 0)
    assert f"slack (slack) returned 200: {text}" in logs().replace('\\"', '"')


def test_a_rate_limit_is_respected(bot: Office, sink: Destination, wire: WireTo) -> None:
    limited = '{"ok": false, "error": "ratelimited"}'
    sink.replies = [Reply(200, GOOD), Reply(429, limited, {"Retry-After": "30"})]
    line = wire("sqs")
    assert bot.deliver("slack", numbered(1), numbered(2)) == 1
    assert pauses(line) == [30]


def test_a_refused_thread_is_started_again(bot: Office, sink: Destination) -> None:
    """Its first message may have been deleted."""
    sink.replies = [
        Reply(200, GOOD),
        Reply(200, '{"ok": false, "error": "thread_not_found"}'),
        Reply(200, GOOD),
    ]
    bot.deliver("slack", numbered(1))
    mailed = bot.mail("slack", numbered(2))
    assert (bot.invoke(mailed), bot.invoke(mailed.again())) == (1, 0)
    assert "thread_ts" not in bodies(sink)[2]


def test_what_is_about_nothing_in_particular_is_in_no_thread(
    bot: Office, sink: Destination
) -> None:
    """The second day's summary would be unseen below the first."""
    sink.replies = [Reply(200, GOOD)] * 4
    for at in ("2026-11-24T08:00:00Z", "2026-11-25T08:00:00Z"):
        bot.deliver("slack", {"daily_summary": {"scheduled_at": at}})
    for _ in range(2):
        bot.deliver("slack", {"test": to_message(an_event())})
    assert [body.get("thread_ts") for body in bodies(sink)] == [None] * 4


# --- topics of their own -------------------------------------------------------------------------


def test_amazon_q_is_published_its_custom_notification(opened: Open, wire: WireTo) -> None:
    office, line = opened("amazon-q"), wire("sns")
    assert office.deliver("amazon-q", an_event()) == 0
    (call,) = line.parameters("Publish")
    assert call["TopicArn"] == office.stack.topics["amazon-q"]
    assert json.loads(call["Message"]) == amazon_q.payload(
        event_card(an_event(), report_url=REPORT)
    )


def test_people_are_published_an_email(opened: Open, wire: WireTo) -> None:
    office, line = opened("email", addresses=["a@b.example"]), wire("sns")
    assert office.deliver("email", an_event()) == 0
    (call,) = line.parameters("Publish")
    assert call == {
        "TopicArn": office.stack.topics["email"],
        **email.payload(event_card(an_event(), report_url=REPORT)),
    }


# --- machines ------------------------------------------------------------------------------------


def a_warehouse() -> tuple[str, str]:
    """The URL and ARN of another account's queue in another region."""
    sqs = service("sqs", "eu-west-1")
    url: str = sqs.create_queue(QueueName="warehouse")["QueueUrl"]
    return url, "arn:aws:sqs:eu-west-1:123456789012:warehouse"


def test_a_queue_gets_the_message_itself_with_the_events_id_as_an_attribute(opened: Open) -> None:
    url, arn = a_warehouse()
    office = opened("sqs", queue_arn=arn)
    assert office.deliver("sqs", an_event(), an_event()) == 0
    answer = service("sqs", "eu-west-1").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    (message,) = answer["Messages"]
    assert json.loads(message["Body"]) == to_message(an_event())
    assert message["MessageAttributes"]["event_id"]["StringValue"] == an_event().event_id


def test_https_gets_the_message_itself_with_a_key_to_know_repetitions_by(
    opened: Open, sink: Destination
) -> None:
    office = opened("https", sink.url("/bus"))
    assert office.deliver("https", an_event()) == 0
    (request,) = sink.requests
    assert json.loads(request.body) == to_message(an_event())
    assert request.headers["Idempotency-Key"] == an_event().event_id


def test_a_machine_learns_how_late_a_message_is(opened: Open, sink: Destination) -> None:
    office = opened("https", sink.url("/bus"))
    office.clock.advance(HOUR)
    office.deliver("https", an_event())
    assert bodies(sink) == [{**to_message(an_event()), "late_seconds": 3600}]


def test_a_machine_learns_that_a_message_is_a_test(opened: Open, sink: Destination) -> None:
    office = opened("https", sink.url("/bus"))
    office.deliver("https", {"test": to_message(an_event())})
    assert bodies(sink) == [{**to_message(an_event()), "test": True}]


# --- secrets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("slack", {"token": SECRET, "channel": "C0123", "url": "{url}"}),
        ("teams", "{url}?sig=" + SECRET),
        ("https", {"url": "{url}/" + SECRET}),
        ("pagerduty", {"routing_key": SECRET, "url": "{url}"}),
        ("opsgenie", {"api_key": SECRET, "url": "{url}"}),
    ],
)
@pytest.mark.parametrize("status", [200, 202, 500, None])
def test_no_log_and_no_dead_letter_contains_a_secret(
    opened: Open,
    sink: Destination,
    logs: Callable[[], str],
    kind: str,
    content: Any,
    status: int | None,
) -> None:
    filled = json.dumps(content).replace("{url}", sink.url("/x"))
    office = opened(kind, json.loads(filled))
    sink.replies = [Reply(status, f"I was sent {SECRET} at {sink.url('/x')}")] * 2
    mailed = office.mail(kind, an_ill_block())
    office.invoke(mailed)
    office.clock.advance(timedelta(days=2))
    office.invoke(mailed.again())
    recorded = logs() + json.dumps(office.dead_letters(kind))
    assert len(sink.requests) >= 1
    assert SECRET not in recorded


@pytest.mark.parametrize(
    "repeated",
    [
        "Ab3%2BSIGNATURE%2Fxyz%3D",
        "ab3%2bsignature%2fxyz%3d",
        "Ab3+SIGNATURE/xyz=",
        "Ab3+SIGNATURE\\/xyz=",
        "/workflows/d8e0f2?sig=Ab3%2BSIGNATURE%2Fxyz%3D&amp;sv=1.0",
    ],
)
def test_a_secret_is_hidden_however_it_is_repeated(repeated: str) -> None:
    url = "https://prod.logic.azure.com/workflows/d8e0f2?sig=Ab3%2BSIGNATURE%2Fxyz%3D&sv=1.0"
    recorded = to_secret("truffle/teams", url).hidden_in(f"No: {repeated} is gone.")
    assert recorded.startswith("No: ")
    assert recorded.endswith(" is gone.")
    assert "signature" not in recorded.lower()


def test_an_empty_secret_hides_nothing() -> None:
    assert to_secret("truffle/teams", "").hidden_in("gone") == "gone"


def test_a_secret_may_lie_in_another_region(opened: Open, sink: Destination) -> None:
    made = service("secretsmanager", "eu-west-1").create_secret(
        Name="afar", SecretString=sink.url("/hook")
    )
    office = opened("teams")
    office.opens(teams={"kind": "teams", "secret": made["ARN"]})
    assert office.deliver("teams", an_event()) == 0
    assert len(sink.requests) == 1


def test_a_bot_s_message_whose_response_is_broken_is_not_sent_again(
    bot: Office, sink: Destination
) -> None:
    sink.replies = [Reply(200, '{"ok":', {"Content-Length": "999"})]
    assert bot.deliver("slack", an_event()) == 0
    assert len(sink.requests) == 1
