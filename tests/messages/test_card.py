"""The content of messages, before formatting."""

from datetime import timedelta

import pytest

from tests.builders import (
    DAY,
    HOUR,
    NOON,
    OHIO,
    a_block,
    a_scope_event,
    a_status,
    an_event,
    an_odcr,
)
from tests.messages.samples import (
    a_day,
    a_run_of,
    ending_soon,
    fleet_short,
    of_every_type,
    starting_soon,
)
from truffle.core.daily import day
from truffle.core.events import Event, EventType, Severity
from truffle.messages.card import digest_card, event_card, summary_card

TITLES = {
    EventType.DISCOVERED: "New capacity block",
    EventType.STATE_CHANGED: "Capacity block active",
    EventType.VANISHED: "Capacity block gone",
    EventType.RESIZED: "Capacity block resized",
    EventType.RESCHEDULED: "Capacity block rescheduled",
    EventType.EXTENDED: "Capacity block extended",
    EventType.HEALTH_CHANGED: "Capacity block unhealthy",
    EventType.BILLING_REQUEST: "Billing request pending",
    EventType.CHANGE_REJECTED: "Capacity block: change of dates rejected",
    EventType.STARTING_SOON: "Capacity block starts soon",
    EventType.ENDING_SOON: "Capacity block ends soon",
    EventType.PAYMENT_DUE: "Capacity block not paid yet",
    EventType.LATE_DELIVERY: "Capacity block late",
    EventType.IDLE: "Capacity block idle",
    EventType.FLEET_SHORT: "Fleet below its target",
    EventType.SCOPE_FAILING: "Region cannot be listed",
    EventType.SCOPE_RECOVERED: "Region listed again",
    EventType.OFFERING_APPEARED: "Capacity block for sale",
    EventType.PRICE_DROPPED: "Capacity block for sale at a lower price",
    EventType.OFFERING_GONE: "Capacity block no longer for sale",
}


@pytest.mark.parametrize("kind", list(EventType))
def test_every_type_has_a_title(kind: EventType) -> None:
    assert event_card(of_every_type()[kind]).title == f"{TITLES[kind]} · us-east-2"


@pytest.mark.parametrize(
    ("event", "title"),
    [
        (an_event(a_block(state="payment-failed")), "Capacity block payment failed"),
        (an_event(an_odcr(state="delayed")), "ODCR delayed"),
        (an_event(an_odcr(), type=EventType.DISCOVERED), "New ODCR"),
        (
            an_event(type=EventType.HEALTH_CHANGED, severity=Severity.GOOD),
            "Capacity block healthy again",
        ),
        (
            an_event(type=EventType.HEALTH_CHANGED, severity=Severity.INFO),
            "Capacity block health changed",
        ),
        (starting_soon(observed_at=NOON + DAY), "Capacity block reached its start"),
        (ending_soon(observed_at=NOON + 2 * HOUR), "Capacity block reached its end"),
    ],
)
def test_the_title_describes_the_present_state(event: Event, title: str) -> None:
    assert event_card(event).title.partition(" · ")[0] == title


@pytest.mark.parametrize(
    ("event", "subject"),
    [
        (an_event(a_block("cr-1", capacity_block_id="cb-1")), "cb-1"),
        (an_event(an_odcr("cr-2")), "cr-2"),
        (a_scope_event(), str(OHIO)),
    ],
)
def test_messages_of_one_block_reservation_or_scope_belong_together(
    event: Event, subject: str
) -> None:
    assert event_card(event).subject == subject


def test_the_command_shows_more() -> None:
    assert event_card(an_event(an_odcr("cr-2"))).command == "truffle history cr-2"
    assert event_card(a_scope_event()).command == "truffle status"


def test_links_lead_to_the_console_and_to_the_published_report() -> None:
    links = event_card(an_event(an_odcr("cr-2")), report_url="https://report.example/gpu").links

    assert [link.title for link in links] == ["EC2 console", "Report"]
    assert links[1].url == "https://report.example/gpu#q=cr-2"


def test_without_a_published_report_the_command_is_the_way_back() -> None:
    card = event_card(an_event(an_odcr("cr-2")))

    assert [link.title for link in card.links] == ["EC2 console"]
    assert card.command == "truffle history cr-2"


def test_an_id_cannot_lead_elsewhere() -> None:
    links = event_card(
        an_event(an_odcr("x/../?a=b#c")), report_url="https://report.example/gpu"
    ).links

    assert links[1].url == "https://report.example/gpu#q=x%2F..%2F%3Fa%3Db%23c"


def test_the_resource_is_the_reservations_arn() -> None:
    assert event_card(an_event(an_odcr("cr-2", reservation_arn="arn:x"))).resources == ("arn:x",)
    assert event_card(an_event(a_block("cr-1"))).resources == (
        "arn:aws:ec2:us-east-2:123456789012:capacity-reservation/cr-1",
    )


def test_a_punctual_card_of_a_true_event_has_no_notes() -> None:
    assert event_card(an_event()).notes == ()


def test_a_late_card_counts_times_from_its_delivery() -> None:
    card = event_card(starting_soon(), late=timedelta(hours=3))

    (start,) = [fact.value for fact in card.facts if fact.name == "Start"]
    assert start.endswith("(in 20 h 30 min)")
    assert card.notes == ("Delivered late: observed 3 h ago.",)


def test_a_card_that_comes_after_its_moment_says_that_it_is_over() -> None:
    event = an_event(
        a_block("cr-1", state="active", end_date=NOON + DAY), type=EventType.ENDING_SOON
    )
    card = event_card(event, late=timedelta(hours=30))

    assert card.title.startswith("Capacity block reached its end")
    assert card.step == "No action needed: it has reached its end."
    assert event_card(event).title.startswith("Capacity block ends soon")


def test_times_in_a_change_are_shown_like_all_others() -> None:
    reason = "end 2026-11-25T11:30:00Z → 2026-12-02T11:30:00.5Z"
    card = event_card(an_event(a_block(), type=EventType.EXTENDED, reason=reason))

    (change,) = [fact.value for fact in card.facts if fact.name == "Change"]
    assert change == "end Wed 25 Nov 2026, 11:30 UTC → Wed 2 Dec 2026, 11:30 UTC"


def test_a_first_observation_has_none_before_it() -> None:
    footer = event_card(an_event(previous_observed_at=None)).footer

    assert footer == f"Observed Tue 24 Nov 2026, 12:00 UTC · event {an_event().event_id}"


def test_a_digest_counts_by_severity_and_begins_with_the_worst() -> None:
    card = digest_card(a_run_of(50))

    assert card.title == "50 events · us-east-2"
    assert card.summary == "50 events in one run: 17 critical, 16 warning, 17 info."
    assert card.severity is Severity.CRITICAL
    (section,) = card.sections
    ranks = [list(Severity).index(line.severity) for line in section.lines if line.severity]
    assert ranks == sorted(ranks, reverse=True)
    assert len(section.lines) == 50


def test_a_digest_of_several_regions_counts_them() -> None:
    rows = [a_block("cr-1", region="us-east-1"), a_block("cr-2", region="eu-west-1")]

    card = digest_card([an_event(row) for row in rows], report_url="https://report.example/gpu")

    assert card.title == "2 events · 2 regions"
    assert [link.url for link in card.links] == ["https://report.example/gpu"]


def test_a_digest_of_the_same_events_is_the_same_message() -> None:
    events = a_run_of(5)

    assert digest_card(events).message_id == digest_card(events[::-1]).message_id
    assert digest_card(events).message_id != digest_card(events[1:]).message_id


def test_a_day_shows_old_data_first() -> None:
    card = summary_card(a_day())

    assert card.summary == (
        "Data is old for 1 of 2 scopes. 6 reservations held, 576 accelerators; "
        "2 starting and 1 ending in the next 24 h."
    )
    assert card.footer == (
        "As of Tue 24 Nov 2026, 12:00 UTC · oldest data: Tue 24 Nov 2026, 03:00 UTC (9 h ago)"
    )


def test_a_day_with_one_of_each_is_in_the_singular() -> None:
    row = an_odcr("cr-1", instance_type="g5.xlarge", total_capacity=1, available_capacity=1)
    card = summary_card(day([row], [a_status()], [], NOON, 2 * HOUR))

    assert card.summary == (
        "1 reservation held, 1 accelerator; 0 starting and 0 ending in the next 24 h."
    )
    assert [line.text for section in card.sections for line in section.lines] == [
        "ODCR cr-1 (1 × g5.xlarge, us-east-2): 1 of 1 instance unused",
        "1 × A10G: 1 instance in 1 ODCR, 1 active, 1 unused",
    ]


def test_a_day_lists_what_needs_a_decision_before_what_is_held() -> None:
    sections = {
        section.title: [line.text for line in section.lines]
        for section in summary_card(a_day()).sections
    }

    assert list(sections.items()) == [
        (
            "Old data",
            [
                "123456789012/us-west-2: UnauthorizedOperation, last listed "
                "Tue 24 Nov 2026, 03:00 UTC (9 h ago). You may not."
            ],
        ),
        ("Failed in the last 24 h", [an_event().summary]),
        (
            "Not paid yet",
            [
                "Capacity block cr-unpaid (16 × p5.48xlarge, us-east-2) must be paid by "
                "Tue 24 Nov 2026, 23:00 UTC (in 11 h)"
            ],
        ),
        (
            "Late",
            [
                "Capacity block cr-late (16 × p5.48xlarge, us-east-2) should have started "
                "Tue 24 Nov 2026, 11:00 UTC (1 h ago)"
            ],
        ),
        (
            "Starting in the next 24 h",
            [
                "Capacity block cr-starts (16 × p5.48xlarge, us-east-2) starts "
                "Wed 25 Nov 2026, 11:00 UTC (in 23 h)",
                "Capacity block cr-unpaid (16 × p5.48xlarge, us-east-2) starts "
                "Wed 25 Nov 2026, 11:30 UTC (in 23 h 30 min)",
            ],
        ),
        (
            "Ending in the next 24 h",
            [
                "Capacity block cr-ends (16 × p5.48xlarge, us-east-2) is usable until "
                "Tue 24 Nov 2026, 16:30 UTC (in 4 h 30 min)"
            ],
        ),
        (
            "Idle",
            [
                "ODCR cr-idle (8 × p4d.24xlarge, us-east-2): 8 of 8 instances unused",
                "Capacity block cr-ends (16 × p5.48xlarge, us-east-2): 2 of 16 instances unused",
            ],
        ),
        (
            "Held",
            [
                "512 × H100: 64 instances in 4 blocks, 16 active, 2 unused",
                "64 × A100: 8 instances in 1 ODCR, 8 active, 8 unused",
                "no accelerator: 8 instances in 1 ODCR, 8 active, 0 unused",
            ],
        ),
    ]


def test_a_day_without_worries_is_information() -> None:
    quiet = a_day(failing=(), failed=(), unpaid=(), late=())

    assert summary_card(quiet).severity is Severity.INFO
    assert summary_card(a_day()).severity is Severity.WARNING


def test_a_day_on_which_nothing_has_been_read_says_so() -> None:
    empty = a_day(
        held=(), starting=(), ending=(), late=(), unpaid=(), idle=(), failed=(), oldest=None
    )

    card = summary_card(empty)

    assert "no scope has been listed yet" in card.footer
    assert [section.title for section in card.sections] == ["Old data"]


def test_a_fleet_is_its_own_subject_with_its_own_command() -> None:
    card = event_card(fleet_short())
    assert (card.subject, card.command) == ("crf-0abc", "truffle fleets --regions us-east-2")
