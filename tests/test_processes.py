"""Tests that share what takes long to make are handed to one process."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

import pytest

from tests.processes import Rooms, process_of


@pytest.mark.parametrize(
    ("nodeid", "process"),
    [
        ("tests/end_to_end/test_query.py::test_a[x::y]", "end_to_end"),
        ("tests/end_to_end/test_sql.py::test_b", "end_to_end"),
        ("tests/end_to_end/test_organization.py::test_c", "own sandboxes"),
        ("tests/lambdas/test_organization.py::test_d", "tests/lambdas/test_organization.py"),
        ("tests/infra/test_app.py::test_e", "infra"),
        ("tests/core/test_usage.py::TestUsage::test_f", "tests/core/test_usage.py"),
        ("tests/core/test_usage.py::test_g", "tests/core/test_usage.py"),
    ],
)
def test_rooms_and_files_stay_whole(nodeid: str, process: str) -> None:
    assert process_of(nodeid) == process


def test_the_longest_room_is_handed_out_first() -> None:
    config: Any = MagicMock()
    config.getvalue.return_value = ["popen", "popen"]
    config.option.loadscopereorder = False
    tests = [
        "tests/alerts/test_a.py::a",
        "tests/core/test_b.py::b",
        "tests/end_to_end/test_c.py::c",
    ]
    rooms, nodes = Rooms(config), [MagicMock(), MagicMock()]
    for node in nodes:
        rooms.add_node(node)
        rooms.add_node_collection(node, tests)
    rooms.schedule()
    assert nodes[0].send_runtest_some.call_args_list[0].args == ([2],)
