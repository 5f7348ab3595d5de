"""One scope is listed completely, or it is a failure: never a part, never an empty list instead."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import ANY

from tests.builders import HOUR, NOON, OHIO
from tests.ec2.stubbed import Raw, StubbedEC2, page
from truffle.core.model import (
    Accelerator,
    CapacityBlock,
    Failure,
    FailureKind,
    Scope,
    Snapshot,
    Unanswered,
)
from truffle.ec2.listing import (
    FILTER_VALUES,
    DescribedTypes,
    client_config,
    list_scope,
    list_unnamed_scope,
)

RESERVATIONS = "describe_capacity_reservations"
BLOCKS = "describe_capacity_blocks"
STATUS = "describe_capacity_block_status"
TYPES = "describe_instance_types"


def an_odcr(name: str, **facts: Any) -> Raw:
    known = {"InstanceType": "p5.48xlarge", "State": "active"}
    return {"CapacityReservationId": name, **known, **facts}


def a_block(name: str = "cr-block") -> Raw:
    return an_odcr(name, ReservationType="capacity-block", CapacityBlockId="cb-1")


def answer_of(
    ec2: StubbedEC2,
    types: DescribedTypes | None = None,
    clock: Callable[[], datetime] = lambda: NOON,
    deadline: datetime | None = None,
) -> Snapshot | Failure:
    answer = list_scope(ec2, OHIO, types or DescribedTypes(), clock, deadline)
    ec2.assert_all_asked()
    return answer


def snapshot_of(ec2: StubbedEC2, types: DescribedTypes | None = None) -> Snapshot:
    answer = answer_of(ec2, types)
    assert isinstance(answer, Snapshot), answer
    return answer


def failure_of(ec2: StubbedEC2) -> Failure:
    answer = answer_of(ec2)
    assert isinstance(answer, Failure), answer
    return answer


def ids(answer: Snapshot) -> list[str]:
    return [row.reservation_id for row in answer.reservations]


def ticking(step_hours: int) -> Callable[[], datetime]:
    """A clock on which every look takes so many hours."""

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

    def test_a_fault_of_our_own_is_no_failure_of_the_region(self) -> None:
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
    def test_that_nobody_can_name_is_listed_without_an_account(self, raw: Raw) -> None:
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


class TestEnrichment:
    def test_without_blocks_nothing_is_asked_of_blocks(self) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(an_odcr("cr-1")))

        snapshot_of(ec2)

        assert ec2.asked == [RESERVATIONS]

    def test_with_a_block_blocks_and_their_status_are_asked_once(self) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(a_block("cr-1"), a_block("cr-2")))
        ec2.answers(BLOCKS, {"CapacityBlocks": []})
        ec2.answers(STATUS, {"CapacityBlockStatuses": []})

        snapshot_of(ec2)

        assert sorted(ec2.asked) == sorted([RESERVATIONS, BLOCKS, STATUS])

    def test_every_page_of_the_further_calls_is_read(self) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(a_block("cr-1")))
        ec2.answers(
            BLOCKS,
            {"CapacityBlocks": [], "NextToken": "more"},
            {
                "CapacityBlocks": [
                    {
                        "CapacityBlockId": "cb-1",
                        "CapacityReservationIds": ["cr-1"],
                        "UltraserverType": "u-1",
                    }
                ]
            },
        )
        ec2.answers(
            STATUS,
            {"CapacityBlockStatuses": [], "NextToken": "more"},
            {"CapacityBlockStatuses": [{"CapacityBlockId": "cb-1", "InterconnectStatus": "ok"}]},
        )

        (row,) = snapshot_of(ec2).reservations

        assert isinstance(row, CapacityBlock)
        assert row.ultraserver_type == "u-1"
        assert row.health is not None

    @pytest.mark.parametrize(
        ("name", "code"),
        [("unauthorized", "UnauthorizedOperation"), ("unsupported", "UnsupportedOperation")],
    )
    def test_what_ec2_refuses_to_tell_is_named_and_leaves_its_fields_empty(
        self, name: str, code: str
    ) -> None:
        # Given a block, of which this account may ask nothing more
        ec2 = StubbedEC2().answers(RESERVATIONS, page(a_block("cr-1")))
        ec2.refuses(BLOCKS, name).refuses(STATUS, name)

        # When its scope is listed
        answer = snapshot_of(ec2)

        # Then it is there, and what is missing is told
        assert ids(answer) == ["cr-1"]
        assert answer.unanswered == (
            Unanswered("DescribeCapacityBlocks", code),
            Unanswered("DescribeCapacityBlockStatus", code),
        )
        (row,) = answer.reservations
        assert isinstance(row, CapacityBlock)
        assert (row.health, row.ultraserver_type) == (None, None)

    def test_one_refusal_takes_nothing_from_the_other_answers(self) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(a_block("cr-1")))
        ec2.refuses(BLOCKS, "unauthorized")
        status = {"CapacityBlockId": "cb-1", "InterconnectStatus": "ok"}
        ec2.answers(STATUS, {"CapacityBlockStatuses": [status]})

        answer = snapshot_of(ec2)

        assert [refused.operation for refused in answer.unanswered] == ["DescribeCapacityBlocks"]
        (row,) = answer.reservations
        assert isinstance(row, CapacityBlock)
        assert row.health is not None

    @pytest.mark.parametrize("operation", [BLOCKS, STATUS])
    @pytest.mark.parametrize("name", ["throttled", "internal", "region_disabled"])
    def test_a_further_call_that_fails_fails_the_scope(self, operation: str, name: str) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(a_block("cr-1")))
        ec2.refuses(operation, name)
        (other,) = {BLOCKS, STATUS} - {operation}
        ec2.answers(other, {})

        failure = failure_of(ec2)

        assert failure.operation == "".join(word.title() for word in operation.split("_"))

    def test_an_answer_without_its_list_is_an_empty_one(self) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(a_block("cr-1")))
        ec2.answers(BLOCKS, {}).answers(STATUS, {})

        assert snapshot_of(ec2).unanswered == ()


class TestUnknownInstanceTypes:
    def test_are_asked_of_ec2_all_at_once(self) -> None:
        ec2 = StubbedEC2().answers(
            RESERVATIONS,
            page(
                an_odcr("cr-1", InstanceType="z9.large"),
                an_odcr("cr-2", InstanceType="p99.48xlarge"),
                an_odcr("cr-3", InstanceType="p99.48xlarge"),
                an_odcr("cr-4", InstanceType="p5.48xlarge"),
            ),
        )
        gpus = [{"Name": "R100", "Manufacturer": "NVIDIA", "Count": 8}]
        described = {"InstanceType": "p99.48xlarge", "GpuInfo": {"Gpus": gpus}}
        asked = [{"Name": "instance-type", "Values": ["p99.48xlarge", "z9.large"]}]
        ec2.answers(TYPES, {"InstanceTypes": [described]}, Filters=asked)

        answer = snapshot_of(ec2)

        names = [row.accelerator and row.accelerator.name for row in answer.reservations]
        assert names == [None, "R100", "R100", "H100"]

    def test_are_asked_once_for_all_listings_that_share_what_ec2_said(self) -> None:
        # Given a first listing, in which EC2 described one type and not the other
        types = DescribedTypes()
        rows = page(
            an_odcr("cr-1", InstanceType="p99.48xlarge"), an_odcr("cr-2", InstanceType="z9.large")
        )
        first = StubbedEC2().answers(RESERVATIONS, rows)
        gpus = [{"Name": "R100", "Manufacturer": "NVIDIA", "Count": 8}]
        described = {"InstanceType": "p99.48xlarge", "GpuInfo": {"Gpus": gpus}}
        first.answers(TYPES, {"InstanceTypes": [described]}, Filters=ANY)
        known = snapshot_of(first, types)

        # When the same types come again
        second = StubbedEC2().answers(RESERVATIONS, rows)
        again = snapshot_of(second, types)

        # Then EC2 is not asked for them again
        assert second.asked == [RESERVATIONS]
        assert again == known

    def test_that_ec2_may_not_tell_are_no_gpu_types_and_are_asked_again_next_time(self) -> None:
        types = DescribedTypes()
        ec2 = StubbedEC2().answers(RESERVATIONS, page(an_odcr("cr-1", InstanceType="p99.48xlarge")))
        ec2.refuses(TYPES, "unauthorized")

        answer = snapshot_of(ec2, types)

        assert answer.reservations[0].accelerator is None
        assert answer.unanswered == (Unanswered("DescribeInstanceTypes", "UnauthorizedOperation"),)
        assert types.known == {}

    def test_that_cannot_be_asked_for_now_fail_the_scope(self) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(an_odcr("cr-1", InstanceType="p99.48xlarge")))
        ec2.refuses(TYPES, "throttled")

        assert failure_of(ec2).operation == "DescribeInstanceTypes"

    def test_are_asked_for_in_as_many_calls_as_ec2s_filter_takes_values(self) -> None:
        names = sorted(f"z{number}.large" for number in range(FILTER_VALUES + 1))
        ec2 = StubbedEC2()
        for part in (names[:FILTER_VALUES], names[FILTER_VALUES:]):
            filters = [{"Name": "instance-type", "Values": part}]
            ec2.answers(TYPES, {"InstanceTypes": []}, Filters=filters)
        types = DescribedTypes()

        types.learn(ec2, names)

        ec2.assert_all_asked()
        assert types.known == dict.fromkeys(names)

    def test_that_others_have_learnt_meanwhile_are_not_asked_for(self) -> None:
        types = DescribedTypes({"p99.48xlarge": Accelerator("R100", "NVIDIA", 8)})
        ec2 = StubbedEC2()

        types.learn(ec2, ["p99.48xlarge", "p5.48xlarge", "m5.large"])

        assert ec2.asked == []


def test_a_client_retries_in_the_standard_mode_and_never_waits_for_long() -> None:
    config = client_config(max_connections=25)

    assert config.retries == {"mode": "standard", "total_max_attempts": 4}
    assert 4 * (config.connect_timeout + config.read_timeout) < 60
    assert config.max_pool_connections == 25
