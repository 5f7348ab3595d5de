"""One scope is listed completely, or it is a failure: never a part, never an empty list instead."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import ANY

from tests.builders import HOUR, NOON, OHIO
from tests.ec2.listings import (
    BLOCKS,
    RESERVATIONS,
    STATUS,
    TYPES,
    a_block,
    an_odcr,
    answer_of,
    failure_of,
    ids,
    snapshot_of,
)
from tests.ec2.stubbed import Raw, StubbedEC2, page
from truffle.core.model import (
    Failure,
    FailureKind,
    Scope,
    Snapshot,
)
from truffle.ec2.listing import (
    DescribedTypes,
    client_config,
    list_scope,
    list_unnamed_scope,
)


def ticking(step_hours: int) -> Callable[[], datetime]:
    """A clock that advances by that many hours with each reading."""

    def moments() -> Iterator[datetime]:
        moment = NOON
        while True:
            yield moment
            moment += step_hours * HOUR

    return moments().__next__


class TestPages:
    def test_an_empty_scope_is_an_empty_snapshot(self) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page())

        assert snapshot_of(ec2) == Snapshot(OHIO, NOON, ())

    def test_all_pages_are_read_the_largest_at_a_time_and_ordered_by_id(self) -> None:
        ec2 = StubbedEC2().answers(
            RESERVATIONS,
            page(an_odcr("cr-3"), token="more"),
            page(an_odcr("cr-1"), token="still more"),
            page(an_odcr("cr-2")),
            MaxResults=1000,
        )

        assert ids(snapshot_of(ec2)) == ["cr-1", "cr-2", "cr-3"]

    def test_a_page_can_be_empty_although_more_follow(self) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(token="more"), page(an_odcr("cr-1")))

        assert ids(snapshot_of(ec2)) == ["cr-1"]

    def test_a_reservation_that_moved_between_pages_is_there_once_as_it_was_read_last(
        self,
    ) -> None:
        ec2 = StubbedEC2().answers(
            RESERVATIONS,
            page(an_odcr("cr-1", State="pending"), an_odcr("cr-2"), token="more"),
            page(an_odcr("cr-1", State="active")),
        )

        answer = snapshot_of(ec2)

        assert ids(answer) == ["cr-1", "cr-2"]
        assert answer.reservations[0].state == "active"

    @pytest.mark.parametrize(
        ("first", "last"), [("p5.48xlarge", "p99.large"), ("p99.large", "p5.48xlarge")]
    )
    def test_so_is_one_whose_accelerator_is_known_on_only_one_of_the_pages(
        self, first: str, last: str
    ) -> None:
        ec2 = StubbedEC2().answers(
            RESERVATIONS,
            page(an_odcr("cr-1", InstanceType=first), token="more"),
            page(an_odcr("cr-1", InstanceType=last)),
        )
        if last == "p99.large":
            ec2.answers(TYPES, {"InstanceTypes": []}, Filters=ANY)

        (row,) = snapshot_of(ec2).reservations

        assert row.instance_type == last

    def test_a_second_page_that_fails_fails_the_scope(self) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(an_odcr("cr-1"), token="more"))
        ec2.refuses(RESERVATIONS, "throttled")

        assert failure_of(ec2) == Failure(
            scope=OHIO,
            failed_at=NOON,
            kind=FailureKind.THROTTLED,
            code="RequestLimitExceeded",
            message="Request limit exceeded.",
            operation="DescribeCapacityReservations",
        )

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("unauthorized", FailureKind.DENIED),
            ("region_disabled", FailureKind.DISABLED),
            ("unsupported", FailureKind.ERROR),
            ("internal", FailureKind.ERROR),
        ],
    )
    def test_a_scope_that_ec2_refuses_to_list_is_a_failure(
        self, name: str, kind: FailureKind
    ) -> None:
        assert failure_of(StubbedEC2().refuses(RESERVATIONS, name)).kind is kind

    def test_a_region_that_does_not_answer_is_a_failure(self) -> None:
        class Unreachable:
            def get_paginator(self, operation: str) -> Any:
                raise EndpointConnectionError(endpoint_url="https://ec2")

        answer = list_scope(Unreachable(), OHIO, DescribedTypes(), lambda: NOON)

        assert isinstance(answer, Failure)
        assert (answer.code, answer.kind) == ("EndpointConnectionError", FailureKind.ERROR)

    def test_a_fault_of_our_own_is_not_a_failure_of_the_region(self) -> None:
        class Broken:
            def get_paginator(self, operation: str) -> Any:
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            list_scope(Broken(), OHIO, DescribedTypes(), lambda: NOON)

    def test_a_snapshot_is_observed_at_the_moment_before_the_first_call(self) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(an_odcr("cr-1")))

        answer = answer_of(ec2, clock=ticking(1))

        assert isinstance(answer, Snapshot)
        assert answer.observed_at == answer.reservations[0].observed_at == NOON


class TestAScopeThatIsStillBeingFoundOut:
    def test_is_asked_for_only_after_the_first_page_has_come(self) -> None:
        # Given a caller who learns the account's number while EC2 makes the first page
        ec2 = StubbedEC2().answers(RESERVATIONS, page(an_odcr("cr-1")))
        asked_by_then: list[list[str]] = []

        def scope_of() -> Scope:
            asked_by_then.append(list(ec2.asked))
            return OHIO

        # When the scope is listed
        answer = list_unnamed_scope(ec2, scope_of, DescribedTypes(), lambda: NOON)

        # Then nobody waited for the number, and the rows carry it
        assert asked_by_then[0] == [RESERVATIONS]
        assert isinstance(answer, Snapshot)
        assert answer.scope == OHIO
        assert answer.reservations[0].account_id == OHIO.account_id

    @pytest.mark.parametrize("raw", [an_odcr("cr-1"), a_block("cr-1")], ids=["ODCR", "block"])
    def test_without_a_known_owner_is_listed_without_an_account(self, raw: Raw) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(raw))
        if raw.get("ReservationType") == "capacity-block":
            ec2.answers(BLOCKS, {}).answers(STATUS, {})
        nobodys = Scope("", "us-east-2")

        answer = list_unnamed_scope(ec2, lambda: nobodys, DescribedTypes(), lambda: NOON)

        assert isinstance(answer, Snapshot)
        (row,) = answer.reservations
        assert (row.account_id, row.seen_by) == (None, ())

    def test_is_named_by_its_failure_too(self) -> None:
        ec2 = StubbedEC2().refuses(RESERVATIONS, "unauthorized")

        answer = list_unnamed_scope(ec2, lambda: OHIO, DescribedTypes(), lambda: NOON)

        assert isinstance(answer, Failure)
        assert answer.scope == OHIO


class TestTheDeadline:
    def test_a_listing_that_is_not_complete_by_then_is_a_failure(self) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(an_odcr("cr-1"), token="more"))

        answer = answer_of(ec2, clock=ticking(1), deadline=NOON + HOUR)

        assert isinstance(answer, Failure)
        assert (answer.code, answer.kind) == ("DeadlineExceeded", FailureKind.ERROR)
        assert (answer.scope, answer.failed_at) == (OHIO, NOON)

    def test_a_listing_that_is_complete_is_a_snapshot_however_late(self) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(an_odcr("cr-1")))

        answer = answer_of(ec2, clock=ticking(9), deadline=NOON + HOUR)

        assert isinstance(answer, Snapshot)

    def test_pages_that_come_in_time_are_all_read(self) -> None:
        ec2 = StubbedEC2().answers(
            RESERVATIONS, page(an_odcr("cr-1"), token="more"), page(an_odcr("cr-2"))
        )

        answer = answer_of(ec2, clock=ticking(1), deadline=NOON + 9 * HOUR)

        assert isinstance(answer, Snapshot)


def test_a_client_retries_in_the_standard_mode_and_never_waits_for_long() -> None:
    config = client_config(max_connections=25)

    assert config.retries == {"mode": "standard", "total_max_attempts": 4}
    assert 4 * (config.connect_timeout + config.read_timeout) < 60
    assert config.max_pool_connections == 25
