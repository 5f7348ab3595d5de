"""All regions are queried at once; none of them delays the others."""

from __future__ import annotations

import signal
import threading
import time

import boto3
import pytest

from sandbox.ec2.faults import FaultKind
from tests.ec2.sts import STS
from tests.sandbox.worlds import FOR_GOOD, HOME, World, a_block, an_odcr
from tests.sources.worlds import IRELAND, OHIO, PARIS, RESERVATIONS, python
from truffle.core.filters import Filter
from truffle.core.model import FailureKind
from truffle.errors import (
    DeadlineError,
    UnreachableError,
)
from truffle.sources.listing import Listing, ScopeFailure
from truffle.sources.live import list_live, list_regions


def numbers(inventory: Listing) -> list[int]:
    """The reservations of an inventory by the numbers that they were made with."""
    return sorted(int(row.reservation_id.removeprefix("cr-"), 16) for row in inventory.reservations)


def failed(inventory: Listing) -> dict[str, str]:
    return {failure.region: failure.code for failure in inventory.failures}


class TestWhatIsListed:
    def test_all_regions_that_are_enabled_for_the_account(self) -> None:
        inventory = list_live()

        assert numbers(inventory) == [1, 2]
        assert (inventory.failures, inventory.scopes, inventory.warnings) == ([], 3, [])

    def test_only_the_regions_that_are_named_each_once(self, world: World) -> None:
        inventory = list_live(regions=[IRELAND, IRELAND])

        assert (numbers(inventory), inventory.scopes) == ([2], 1)
        assert world.control.calls() == {
            (IRELAND, RESERVATIONS): 1,
            (IRELAND, "ListTrainingPlans"): 1,
            (IRELAND, "DescribeCapacityReservationBillingRequests"): 1,
            (IRELAND, "DescribeDBCapacityReservations"): 1,
        }

    def test_nothing_where_no_region_is_named(self, world: World) -> None:
        assert list_live(regions=[]) == Listing([], [], 0, None)

    def test_the_row_says_where_and_whose_it_is(self) -> None:
        (row,) = list_live(regions=[IRELAND]).reservations

        assert (row.region, row.account_id, row.seen_by) == (IRELAND, HOME, (HOME,))

    def test_all_pages_of_a_region(self, world: World) -> None:
        world.has(*(an_odcr(number) for number in range(1, 2502)))

        assert numbers(list_live(regions=[OHIO])) == list(range(1, 2502))

    def test_blocks_with_what_other_calls_add(self, world: World) -> None:
        status = {"CapacityBlockId": f"cb-{7:017x}", "InterconnectStatus": "impaired"}
        world.has(a_block(7), CapacityBlockStatuses=[status])

        (row,) = list_live(regions=[OHIO]).reservations

        assert row.type == "capacity-block"
        assert getattr(row, "health").is_bad  # noqa: B009

    def test_with_a_filter_only_the_rows_that_it_keeps(self) -> None:
        kept = Filter(regions=frozenset({IRELAND}))

        assert numbers(list_live(filter=kept)) == [2]

    def test_it_is_as_old_as_its_oldest_answer(self) -> None:
        inventory = list_live()

        assert inventory.observed_at == min(
            row.observed_at for row in inventory.reservations if row.observed_at
        )

    def test_progress_is_reported_in_the_callers_own_thread(self, world: World) -> None:
        world.control.break_calls(FaultKind.UNAUTHORIZED, IRELAND)
        found: list[tuple[str, bool, int]] = []

        list_live(
            progress=lambda region, succeeded: found.append(
                (region, succeeded, threading.get_ident())
            )
        )

        here = threading.get_ident()
        assert sorted(found) == [(IRELAND, False, here), (PARIS, True, here), (OHIO, True, here)]

    def test_the_regions_alone(self) -> None:
        assert list_regions() == [IRELAND, PARIS, OHIO]


class TestWhoseItIs:
    def test_credentials_that_name_their_account_are_believed(
        self, sts: STS, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ACCOUNT_ID", "210987654321")

        rows = list_live().reservations

        assert {row.account_id for row in rows} == {"210987654321"}
        assert sts.calls == 0

    def test_without_an_answer_of_sts_it_is_unknown_and_the_rows_are_there(self, sts: STS) -> None:
        sts.refuses("AccessDenied")

        inventory = list_live()

        assert numbers(inventory) == [1, 2]
        assert {(row.account_id, row.seen_by) for row in inventory.reservations} == {(None, ())}
        assert inventory.warnings == [
            "STS did not identify these credentials (AccessDenied): account_id and seen_by "
            "are empty."
        ]

    def test_a_filter_by_account_is_not_answered_without_knowing_it(self, sts: STS) -> None:
        sts.refuses("AccessDenied")
        with pytest.raises(UnreachableError, match=r"AccessDenied.*omit --accounts"):
            list_live(filter=Filter(accounts=frozenset({HOME})))

    def test_without_rows_there_is_no_warning_of_what_they_lack(
        self, sts: STS, world: World
    ) -> None:
        sts.refuses("AccessDenied")
        world.control.break_calls(FaultKind.UNSUPPORTED)

        inventory = list_live(regions=[OHIO])

        assert (len(inventory.failures), inventory.warnings) == (1, [])

    def test_a_session_of_the_callers_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        session = boto3.Session("own", "own", region_name=OHIO, aws_account_id="210987654321")

        rows = list_live(session).reservations

        assert {row.account_id for row in rows} == {"210987654321"}


class TestRegionsThatFail:
    def test_are_named_and_the_others_are_listed(self, world: World) -> None:
        world.control.break_calls(FaultKind.UNAUTHORIZED, OHIO, RESERVATIONS)
        world.control.break_calls(FaultKind.OPT_IN, PARIS, RESERVATIONS)

        inventory = list_live()

        assert (numbers(inventory), inventory.scopes) == ([2], 3)
        assert inventory.failures == [
            ScopeFailure(
                account_id=HOME,
                region=PARIS,
                code="OptInRequired",
                message="You are not subscribed to this service.",
                kind=FailureKind.DISABLED,
            ),
            ScopeFailure(
                account_id=HOME,
                region=OHIO,
                code="UnauthorizedOperation",
                message="You are not authorized to perform this operation.",
                kind=FailureKind.DENIED,
            ),
        ]

    def test_later_than_on_the_first_page_show_none_of_their_rows(self, world: World) -> None:
        world.has(*(an_odcr(number) for number in range(1, 1002)))
        world.control.break_calls(FaultKind.UNAUTHORIZED, OHIO, RESERVATIONS, page=2)

        inventory = list_live()

        assert (numbers(inventory), failed(inventory)) == ([], {OHIO: "UnauthorizedOperation"})

    def test_with_an_answer_that_is_cut_short_have_failed(self, world: World) -> None:
        world.control.break_calls(FaultKind.MALFORMED, OHIO, RESERVATIONS)

        inventory = list_live()

        assert (numbers(inventory), failed(inventory)) == ([2], {OHIO: "ResponseParserError"})

    def test_for_a_moment_are_asked_again(self, world: World) -> None:
        world.control.break_calls(FaultKind.THROTTLED, OHIO, RESERVATIONS, times=1)

        assert numbers(list_live()) == [1, 2]

    def test_all_of_them_for_reasons_of_their_own_are_data(self, world: World) -> None:
        world.control.break_calls(FaultKind.UNSUPPORTED, operation=RESERVATIONS)

        inventory = list_live()

        assert inventory.observed_at is None
        assert failed(inventory) == dict.fromkeys([IRELAND, PARIS, OHIO], "UnsupportedOperation")

    def test_to_answer_an_enrichment_are_listed_with_a_warning(self, world: World) -> None:
        world.has(a_block(7))
        world.control.break_calls(FaultKind.UNAUTHORIZED, operation="DescribeCapacityBlockStatus")

        inventory = list_live()

        assert (numbers(inventory), inventory.failures) == ([7], [])
        assert inventory.warnings == [
            "DescribeCapacityBlockStatus was refused (UnauthorizedOperation) in us-east-2: health "
            "of blocks is empty."
        ]


class TestTheDeadline:
    def test_regions_that_hang_have_failed_by_then_and_the_others_are_listed(
        self, world: World
    ) -> None:
        world.control.break_calls(FaultKind.HANG, PARIS, RESERVATIONS, seconds=FOR_GOOD)
        found: list[tuple[str, bool]] = []

        inventory = list_live(deadline=10, progress=lambda *news: found.append(news))

        assert (numbers(inventory), inventory.scopes) == ([1, 2], 3)
        assert inventory.failures == [
            ScopeFailure(
                account_id=HOME,
                region=PARIS,
                code="DeadlineExceeded",
                message="There was no complete response within 10 s.",
                kind=FailureKind.ERROR,
            )
        ]
        assert found[-1] == (PARIS, False)

    def test_without_knowing_the_regions_there_is_nothing_to_list(self, world: World) -> None:
        world.control.break_calls(FaultKind.HANG, operation="DescribeRegions", seconds=FOR_GOOD)

        with pytest.raises(DeadlineError, match="list the regions within 2 s"):
            list_live(deadline=2)

    @pytest.mark.parametrize("deadline", [30, 10])
    def test_a_slow_sts_is_not_waited_for(self, sts: STS, deadline: float) -> None:
        sts.keeps_waiting()

        inventory = list_live(deadline=deadline)

        assert numbers(inventory) == [1, 2]
        assert "no response in time" in inventory.warnings[0]

    def test_a_process_ends_although_a_region_still_hangs(self, world: World) -> None:
        world.control.break_calls(FaultKind.HANG, PARIS, RESERVATIONS, seconds=FOR_GOOD)

        with python(
            "from truffle.sources.live import list_live; print(list_live(deadline=10).failures)"
        ) as (process):
            out, err = process.communicate(timeout=60)

        assert (process.returncode, err) == (0, "")
        assert "DeadlineExceeded" in out

    def test_an_interrupt_ends_it_while_regions_hang(self, world: World) -> None:
        world.control.break_calls(FaultKind.HANG, operation=RESERVATIONS, seconds=FOR_GOOD)
        program = "from truffle.sources.live import list_live; print(1, flush=True); list_live()"
        with python(program) as process:
            assert process.stdout is not None
            process.stdout.readline()
            while (OHIO, RESERVATIONS) not in world.control.calls():
                time.sleep(0.05)

            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)

        assert "KeyboardInterrupt" in err
