"""Nothing that AWS accepts from a user can stop a message of any format."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import HOME, a_block, an_event
from tests.effort import EFFORT, examples
from tests.messages import limits
from tests.messages.samples import a_full_day, of_every_type
from truffle.core.events import Event, from_message
from truffle.core.incidents import Action, Incident
from truffle.core.model import Reservation
from truffle.messages import amazon_q, email, opsgenie, pagerduty, slack, teams
from truffle.messages.card import Card, digest_card, event_card, summary_card
from truffle.messages.sns import publication
from truffle.messages.text import to_json

CHARACTERS = (
    *("a", "&", "<", '"', "\\", "*", "`", "|", "@", "\x01", "\x7f", "\u2028", "\u202e", "\u200d"),
    *("é", "ß", "ش", "研", "ﷺ", "\ufffe", "e\u0301", "👩‍👩‍👧‍👦", "🇩🇪", "𝔘", "😀"),
)
REPORT = "https://report.example/gpu"
KEY = "k" * 32


def full_tags(character: str) -> dict[str, str]:
    """50 tags of 128 and 256 characters, the most that EC2 takes (EC2 User Guide, tag
    restrictions), whatever the script."""
    key, value = (character * 126)[:126], (character * 256)[:256]
    return {f"{number:02}{key}": value for number in range(49)} | {"Name": value}


def tagged(event: Event, character: str) -> Event:
    row = event.reservation
    return event if row is None else replace(event, reservation=with_tags(row, character))


def with_tags(row: Reservation, character: str) -> Reservation:
    return replace(row, tags=full_tags(character))


def check_for_people(card: Card) -> None:
    limits.check_slack(slack.payload(card))
    limits.check_teams(teams.payload(card))
    limits.check_amazon_q(amazon_q.payload(card))
    limits.check_email(email.payload(card))


def check_for_machines(event: Event, late: timedelta | None) -> None:
    limits.check_publication(publication(event))
    for action in Action:
        incident = Incident("k" * 1000, action)
        limits.check_pagerduty(
            pagerduty.payload(event, incident, KEY, report_url=REPORT, late=late)
        )
        request = opsgenie.request(event, incident, report_url=REPORT, late=late)
        limits.check_opsgenie(request.path, request.body)


LONGEST = ("\x01", "\u2028", "👩‍👩‍👧‍👦")
"""Those that take the most room: escaped as JSON, in UTF-8, and as one character on the screen."""

longest = pytest.mark.parametrize("character", CHARACTERS if EFFORT > 1 else LONGEST, ids=ascii)


@longest
@pytest.mark.parametrize("event", of_every_type().values(), ids=list(of_every_type()))
def test_a_reservation_with_all_its_tags_fits_in_every_format(event: Event, character: str) -> None:
    hostile, late = tagged(event, character), timedelta(hours=2)
    check_for_people(event_card(hostile, report_url=REPORT, late=late, test=True))
    check_for_machines(hostile, late)


@longest
def test_a_digest_and_a_day_of_such_reservations_fit_in_every_format(character: str) -> None:
    row = with_tags(a_block("cr-0abc"), character)
    summary = (character * 5000)[:5000]
    events = [an_event(row, event_id=f"{it:032}", summary=summary) for it in range(60)]
    check_for_people(digest_card(events, report_url=REPORT, late=timedelta(hours=2), test=True))
    check_for_people(
        summary_card(a_full_day((character * 300)[:300]), report_url=REPORT, test=True)
    )


_scripts = st.lists(st.sampled_from(CHARACTERS) | st.characters(), min_size=1, max_size=8)


@settings(max_examples=examples(60))
@given(st.sampled_from(list(of_every_type().values())), _scripts)
def test_tags_of_any_mixture_fit_in_every_format(event: Event, script: Sequence[str]) -> None:
    hostile = tagged(event, "".join(script))
    check_for_people(event_card(hostile, report_url=REPORT))
    check_for_machines(hostile, None)


@pytest.mark.parametrize("character", CHARACTERS, ids=ascii)
def test_a_queue_takes_what_it_is_sent(character: str) -> None:
    event = tagged(an_event(), character)
    shown = json.loads(json.loads(publication(event)["Message"])["default"])
    limits.is_taken_by_sqs(to_json({**shown, "late_seconds": 86_400}))


def test_what_fits_is_whole_and_says_nothing_of_what_is_left_out() -> None:
    event = tagged(an_event(), "研")
    shown = json.loads(json.loads(publication(event)["Message"])["default"])
    assert "left_out" not in shown
    assert from_message(shown) == event


def test_of_too_many_accounts_some_are_left_out_before_any_tag() -> None:
    seen_by = tuple(f"{int(HOME) + turn}" for turn in range(30_000))
    event = an_event(replace(a_block("cr-0abc", tags=full_tags("a")), seen_by=seen_by))
    shown = json.loads(json.loads(publication(event)["Message"])["default"])
    assert shown["left_out"] == {"seen_by": 29_950}
    assert shown["reservation"]["seen_by"] == list(seen_by[:50])
    assert len(shown["reservation"]["tags"]) == 50
    assert from_message(shown).event_id == event.event_id


def test_the_longest_tags_are_left_out_last_and_the_message_says_so() -> None:
    tags = full_tags("\x01") | {"Team": "research"}
    reason = '"' * 30_000
    event = an_event(a_block("cr-0abc", tags=tags), reason=reason)
    limits.check_publication(publication(event))
    shown = json.loads(json.loads(publication(event)["Message"])["default"])
    assert shown["reservation"]["tags"]["Team"] == "research"
    assert len(shown["reservation"]["tags"]) + shown["left_out"]["tags"] == 51
    assert shown["left_out"]["tags"] > 0
