"""The comparison: other dates, and changes of health."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.builders import DAY, HOUR, NOON, a_block, an_odcr
from tests.core.diffs import UNREACHED_END, happened, kinds, the_event
from truffle.core.codec import encode
from truffle.core.events import EventType, Severity
from truffle.core.model import TERMINAL_STATES, Health


class TestOtherDates:
    def test_a_later_end_of_a_block_is_a_good_extension(self) -> None:
        end = datetime(2026, 12, 2, 11, 30, tzinfo=UTC)

        event = the_event(a_block(end_date=end), a_block(end_date=end + 7 * DAY))

        assert (event.type, event.severity) == (EventType.EXTENDED, Severity.GOOD)
        assert event.before == {"end_date": "2026-12-02T11:30:00Z"}
        assert event.after == {"end_date": "2026-12-09T11:30:00Z"}
        assert event.reason == "end 2026-12-02T11:30:00Z → 2026-12-09T11:30:00Z"

    def test_a_later_end_of_an_odcr_is_information(self) -> None:
        event = the_event(an_odcr(end_date=NOON + DAY), an_odcr(end_date=NOON + 2 * DAY))

        assert (event.type, event.severity) == (EventType.EXTENDED, Severity.INFO)

    def test_an_end_that_is_taken_away_is_an_extension(self) -> None:
        event = the_event(an_odcr(end_date=NOON + DAY), an_odcr(end_date=None))

        assert event.type is EventType.EXTENDED
        assert event.after == {"end_date": None}

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ({"end_date": NOON + 2 * DAY}, {"end_date": NOON + DAY}),
            ({"end_date": None}, {"end_date": NOON + DAY}),
            ({"start_date": NOON + DAY}, {"start_date": NOON + 2 * DAY}),
            (
                {"start_date": NOON + DAY, "end_date": NOON + 2 * DAY},
                {"start_date": NOON + 3 * DAY, "end_date": NOON + 4 * DAY},
            ),
        ],
        ids=["an earlier end", "an end where there was none", "another start", "both later"],
    )
    def test_any_other_new_dates_are_a_warning(
        self, before: dict[str, Any], after: dict[str, Any]
    ) -> None:
        event = the_event(an_odcr(state="scheduled", **before), an_odcr(state="scheduled", **after))

        assert (event.type, event.severity) == (EventType.RESCHEDULED, Severity.WARNING)

    def test_a_start_that_ec2_corrects_as_it_happens_is_part_of_the_start(self) -> None:
        planned = a_block(state="scheduled", start_date=NOON, end_date=UNREACHED_END)
        started = a_block(state="active", start_date=NOON + HOUR / 60, end_date=UNREACHED_END)

        assert kinds(happened(planned, started)) == ["state_changed"]

    def test_a_start_that_was_not_known_before_is_not_a_new_date(self) -> None:
        row = an_odcr(state="pending", start_date=None)

        assert happened(row, replace(row, start_date=NOON)) == []

    @pytest.mark.parametrize("state", sorted(TERMINAL_STATES))
    def test_what_is_over_has_no_new_dates(self, state: str) -> None:
        row = an_odcr(end_date=UNREACHED_END)

        events = happened(row, replace(row, state=state, end_date=NOON))

        assert kinds(events) == ["state_changed"]


class TestHealthChanged:
    @pytest.mark.parametrize(
        ("was", "is_now", "severity", "says"),
        [
            (Health("ok", 0), Health("impaired", 0), Severity.CRITICAL, "interconnect impaired"),
            (Health("ok", 0), Health("ok", 1), Severity.CRITICAL, "1 instance unavailable"),
            (Health("ok", 1), Health("ok", 2), Severity.CRITICAL, "2 instances unavailable"),
            (None, Health("impaired", 1), Severity.CRITICAL, "is unhealthy"),
            (Health("impaired", 1), Health("ok", 0), Severity.GOOD, "healthy again"),
            (Health(None, 1), Health(None, 0), Severity.GOOD, "healthy again"),
            (
                Health("impaired", 0),
                Health("insufficient-data", 0),
                Severity.INFO,
                "interconnect insufficient-data",
            ),
        ],
    )
    def test_of_a_block(
        self, was: Health | None, is_now: Health, severity: Severity, says: str
    ) -> None:
        before, after = a_block(health=was), a_block(health=is_now)

        event = the_event(before, after)

        assert (event.type, event.severity) == (EventType.HEALTH_CHANGED, severity)
        assert says in event.summary
        assert event.after == {"health": encode(after)["health"]}
        assert event.before == {"health": encode(before)["health"]}

    @pytest.mark.parametrize(
        ("was", "is_now"),
        [
            (Health("impaired", 1), None),
            (Health("impaired", 1), Health(None, None)),
            (None, Health("ok", 0)),
            (None, Health("insufficient-data", 0)),
            (Health("insufficient-data", 0), Health("ok", 0)),
            (Health("ok", 0), Health("insufficient-data", 0)),
            (Health("ok", 0), Health("ok", 0)),
        ],
    )
    def test_not_knowing_and_finding_all_well_are_no_change(
        self, was: Health | None, is_now: Health | None
    ) -> None:
        assert happened(a_block(health=was), a_block(health=is_now)) == []

    @pytest.mark.parametrize("state", sorted(TERMINAL_STATES))
    def test_what_is_over_has_no_health(self, state: str) -> None:
        before = a_block(state=state, health=Health("ok", 0))

        assert happened(before, replace(before, health=Health("impaired", 1))) == []
