"""Extensions are asked when a scope has a new block or end, and else once a day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lambdas.store.beside import BesideCache, BesideStore, ItemKind
from lambdas.store.extensions import ScopeExtensions, to_extensions
from tests.builders import DAY, HOUR, NOON, OHIO
from tests.lambdas.collection.builders import World
from tests.lambdas.fakes import EXTENSION_HISTORY, a_raw_block, client_error

END = NOON + 8 * DAY


def an_extension(reservation_id: str = "cr-b") -> dict[str, Any]:
    return {
        "CapacityReservationId": reservation_id,
        "InstanceCount": 16,
        "CapacityBlockExtensionStatus": "payment-succeeded",
        "CapacityBlockExtensionStartDate": END,
        "CapacityBlockExtensionEndDate": END + DAY,
        "UpfrontFee": "500.00",
        "CurrencyCode": "USD",
    }


def known(world: World) -> ScopeExtensions | None:
    cache = BesideCache(BesideStore(world.scopes.groups), ItemKind.EXTENSIONS, to_extensions)
    return cache.everything().get(OHIO)


def asked(world: World) -> int:
    return sum(operation == EXTENSION_HISTORY for _, operation in world.fleet.asked)


@pytest.fixture
def held(world: World) -> World:
    world.fleet.holds(OHIO, a_raw_block("cr-b", EndDate=END))
    world.fleet.extensions[OHIO] = [an_extension()]
    world.collect()
    return world


def test_a_block_is_asked_for_with_its_first_listing(held: World) -> None:
    found = known(held)
    assert found is not None
    (extension,) = found.extensions
    assert (extension.reservation_id, extension.fee, extension.is_paid) == ("cr-b", "500.00", True)
    assert (extension.start_date, extension.end_date) == (END, END + DAY)


def test_an_hour_in_which_nothing_changes_asks_nothing(held: World) -> None:
    held.collect()
    assert asked(held) == 1


def test_a_later_end_is_asked_about_at_once(held: World) -> None:
    held.fleet.holds(OHIO, a_raw_block("cr-b", EndDate=END + DAY))
    held.collect()
    assert asked(held) == 2


def test_the_answer_is_at_most_a_day_old(held: World) -> None:
    held.clock.advance(timedelta(days=1) - HOUR)
    held.collect()
    assert asked(held) == 2


def test_odcrs_and_the_blocks_of_others_are_not_asked_about(world: World) -> None:
    world.holds(a="active")
    world.collect()
    world.fleet.holds(OHIO, a_raw_block("cr-b", OwnerId="999999999999"))
    world.collect()
    assert (asked(world), known(world)) == (0, None)


def test_a_refusal_keeps_what_was_known_and_fails_no_listing(held: World) -> None:
    held.fleet.fails(OHIO, client_error("UnauthorizedOperation"), EXTENSION_HISTORY)
    held.clock.advance(DAY)
    assert held.collect().failure is None
    found = known(held)
    assert found is not None
    assert (found.error, len(found.extensions)) == ("UnauthorizedOperation", 1)


def test_a_refusal_is_asked_again_with_the_next_listing(held: World) -> None:
    held.fleet.fails(OHIO, client_error("UnauthorizedOperation"), EXTENSION_HISTORY)
    held.clock.advance(DAY)
    held.collect()
    held.fleet.recovers()
    held.collect()
    found = known(held)
    assert found is not None
    assert (asked(held), found.error) == (3, None)
