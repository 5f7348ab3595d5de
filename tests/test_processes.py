"""Tests that share what takes long to make are handed to one process."""

from __future__ import annotations

import pytest

from tests.processes import process_of


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
