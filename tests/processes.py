"""Which tests share a process in parallel runs, so that slow set-ups run once."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from xdist.scheduler.loadscope import LoadScopeScheduling  # type: ignore[import-untyped]

SHARED_SETUP = ("end_to_end", "infra")
"""Rooms whose tests share what takes long to make: a sandbox, the synthesized templates."""

LONGEST = "end_to_end"
"""The slowest room, which mostly waits: it starts first, so it never ends last."""

OWN_SETUP = ("test_organization.py", "test_sixty_accounts.py", "test_two_weeks.py")
"""End to end tests with sandboxes of their own, which take turns in another process."""


def process_of(nodeid: str) -> str:
    """The name of the tests that run in one process with this one: a room's, or its file's."""
    file = PurePosixPath(nodeid.partition("::")[0])
    room = next((name for name in file.parts if name in SHARED_SETUP), None)
    if room == "end_to_end" and file.name in OWN_SETUP:
        return "own sandboxes"
    return room or str(file)


class Rooms(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out rooms and files. xdist's own ``loadgroup`` reads marks through the ids of tests,
    which cannot be changed with pytest 9.2, and then groups nothing, silently."""

    def _split_scope(self, nodeid: str) -> str:
        return process_of(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        if LONGEST in self.workqueue:
            self.workqueue.move_to_end(LONGEST, last=False)
        super()._assign_work_unit(node)
