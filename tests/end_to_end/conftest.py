"""The whole stack, deployed once for all tests of this room, in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.box import Sandbox


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with the bundled organization and a first, complete collection."""
    sandbox = Sandbox.up(
        tmp_path_factory.mktemp("sandbox"), context={"calendar_feed": True}, environment={}
    )
    try:
        sandbox.collect()
        yield sandbox
    finally:
        sandbox.down()


@pytest.fixture(autouse=True)
def healthy(box: Sandbox) -> None:
    """Each test starts with the fleet as it was first, known to the stack, and no faults."""
    restore(box)


def restore(box: Sandbox) -> None:
    """The fleet as it was first, without faults, collected."""
    box.ec2.reset()
    box.ec2.clear_faults()
    box.collect()


def rows(box: Sandbox, path: str = "/reservations", **parameters: Any) -> list[dict[str, Any]]:
    """All items of a list, page after page."""
    items: list[dict[str, Any]] = []
    token: dict[str, Any] = {}
    while True:
        status, answer = box.get(path, **parameters, **token)
        assert status == 200, answer
        items += answer["items"]
        if answer["next_token"] is None:
            assert answer["count"] == len(items)
            return items
        token = {"next_token": answer["next_token"]}


def known(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without when they were observed: a unit that is tried again moves that at any time."""
    return [item | {"observed_at": None} for item in items]
