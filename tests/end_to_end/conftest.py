"""The whole stack, deployed once for all tests of this room, in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from lambdas.clients import wall_clock
from sandbox.box import Sandbox


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with the bundled organization, a watch, and a first, complete collection."""
    folder = tmp_path_factory.mktemp("sandbox")
    alerts = folder / "alerts.yaml"
    alerts.write_text(a_watch(wall_clock()))
    sandbox = Sandbox.up(
        folder / "box",
        alerts=alerts,
        context={"calendar_feed": True, "stranded": True},
        environment={},
    )
    try:
        sandbox.collect()
        yield sandbox
    finally:
        sandbox.down()


def a_watch(now: datetime) -> str:
    """A file of alerts with a watch for a block of a day that ends in twenty days: longer than the
    tests let pass."""
    end = (now + timedelta(days=20)).replace(hour=11, minute=30, second=0, microsecond=0)
    question = "instance_type: p5.48xlarge, count: 1, days: 1"
    regions = "regions: [eu-west-1, ap-northeast-3]"
    return f"watches: [{{name: hunt, {question}, end_by: {end.isoformat()}, {regions}}}]"


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
