"""Consumers of shared reservations: listed page by page, within a budget; an error is not an empty
list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.builders import NOON, an_odcr
from truffle.core.model import Consumer, Odcr, Scope, Snapshot, Unanswered
from truffle.ec2.consumers import with_consumers

OWNER, FRIEND, OTHER = "123456789012", "210987654321", "333333333333"
SCOPE = Scope(OWNER, "us-east-2")
LATE = NOON + timedelta(hours=1)
OPERATION = "GetCapacityReservationUsage"


class Usages:
    """EC2's answers by reservation, in pages of one account; or its refusal of one of them."""

    def __init__(self, usages: Mapping[str, Mapping[str, int]], **refusals: str) -> None:
        self.usages = usages
        self.refusals = refusals
        self.asked: list[str] = []

    def get_capacity_reservation_usage(self, **parameters: Any) -> Mapping[str, Any]:
        name = parameters["CapacityReservationId"]
        self.asked.append(name)
        code = self.refusals.get(name.replace("-", "_"))
        if code is not None:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, OPERATION)
        users = list(self.usages[name].items())
        start = int(parameters.get("NextToken", 0))
        page = [{"AccountId": it, "UsedInstanceCount": n} for it, n in users[start : start + 1]]
        token = {"NextToken": str(start + 1)} if start + 1 < len(users) else {}
        return {"InstanceUsages": page, **token}


def listed(*rows: Odcr) -> Snapshot:
    return Snapshot(SCOPE, NOON, rows)


def asked(
    ec2: Usages, snapshot: Snapshot, shared: Iterable[str], now: datetime = NOON
) -> tuple[dict[str, tuple[Consumer, ...] | None], tuple[Unanswered, ...]]:
    found = with_consumers(ec2, snapshot, frozenset(shared), lambda: now, LATE)
    return {row.reservation_id: row.consumers for row in found.reservations}, found.unanswered


def test_every_account_of_every_page_with_its_instances() -> None:
    ec2 = Usages({"cr-a": {OWNER: 3, FRIEND: 2, OTHER: 0}})

    found, unanswered = asked(ec2, listed(an_odcr("cr-a")), ["cr-a"])

    assert found == {"cr-a": (Consumer(OWNER, 3), Consumer(FRIEND, 2), Consumer(OTHER, 0))}
    assert unanswered == ()


@pytest.mark.parametrize(
    "row",
    [
        an_odcr("cr-a", state="scheduled"),
        an_odcr("cr-a", owner_id=FRIEND),
        an_odcr("cr-b"),
    ],
    ids=["not active", "of another owner", "not shared"],
)
def test_nobody_is_asked_for_a_reservation_that_has_no_answer(row: Odcr) -> None:
    ec2 = Usages({})

    found, unanswered = asked(ec2, listed(row), ["cr-a"])

    assert (ec2.asked, set(found.values()), unanswered) == ([], {None}, ())


def test_the_most_used_come_first_and_the_rest_is_left_unknown() -> None:
    names = [f"cr-{number:03}" for number in range(60)]
    rows = [an_odcr(it, total_capacity=100, available_capacity=n) for n, it in enumerate(names)]
    ec2 = Usages({name: {OWNER: 1} for name in names})

    found, unanswered = asked(ec2, listed(*rows), names)

    assert ec2.asked == names[:50]
    assert {name for name, consumers in found.items() if consumers is None} == set(names[50:])
    assert unanswered == (Unanswered(OPERATION, "BudgetExceeded"),)


def test_a_page_counts_as_a_call() -> None:
    ec2 = Usages({"cr-a": {f"{number:012}": 1 for number in range(60)}})

    found, unanswered = asked(ec2, listed(an_odcr("cr-a")), ["cr-a"])

    assert (len(ec2.asked), found) == (50, {"cr-a": None})
    assert unanswered == (Unanswered(OPERATION, "BudgetExceeded"),)


def test_after_the_deadline_nothing_is_asked() -> None:
    ec2 = Usages({"cr-a": {OWNER: 1}})

    found, unanswered = asked(ec2, listed(an_odcr("cr-a")), ["cr-a"], now=LATE)

    assert (ec2.asked, found) == ([], {"cr-a": None})
    assert unanswered == (Unanswered(OPERATION, "DeadlineExceeded"),)


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "RequestLimitExceeded", "InvalidAction"])
def test_a_refusal_ends_the_asking_and_is_named(code: str) -> None:
    ec2 = Usages({"cr-b": {OWNER: 1}}, cr_a=code)
    rows = listed(an_odcr("cr-a", available_capacity=0), an_odcr("cr-b"))

    found, unanswered = asked(ec2, rows, ["cr-a", "cr-b"])

    assert found == {"cr-a": None, "cr-b": None}
    assert (ec2.asked, unanswered) == (["cr-a"], (Unanswered(OPERATION, code),))


def test_one_that_vanished_since_it_was_listed_keeps_the_others_answers() -> None:
    gone = "InvalidCapacityReservationId.NotFound"
    ec2 = Usages({"cr-b": {FRIEND: 1}}, cr_a=gone)
    rows = listed(an_odcr("cr-a", available_capacity=0), an_odcr("cr-b"))

    found, unanswered = asked(ec2, rows, ["cr-a", "cr-b"])

    assert (found, unanswered) == ({"cr-a": None, "cr-b": (Consumer(FRIEND, 1),)}, ())
