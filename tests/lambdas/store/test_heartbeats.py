"""Heartbeats as texts: short, since 50 of them are billed with every write, and read back whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lambdas.store.heartbeats import heartbeat_of, with_heartbeat
from lambdas.store.statuses import StoredStatus
from tests.builders import HOUR, NOON, OHIO

SCHEDULED = "20261124T120000Z-scheduled"
OBSERVED = StoredStatus(
    scope=OHIO,
    observed_at=NOON + timedelta(microseconds=7),
    attempted_at=NOON + timedelta(microseconds=7),
    run_id=SCHEDULED,
    reservations=33,
    changed=1,
    seconds=0.851,
    baselines=12,
    delivery="Erk3fL5+",
    writes=2,
)
STATUSES = {
    "observed": OBSERVED,
    "failed since": replace(OBSERVED, attempted_at=NOON + HOUR),
    "never observed": replace(OBSERVED, observed_at=None, attempted_at=NOON),
    "never attempted": replace(OBSERVED, observed_at=None, attempted_at=None),
    "outside of runs": replace(OBSERVED, run_id=None, delivery=None),
    "started by a person": replace(OBSERVED, run_id="20261124T120000Z-1a2b3c4d"),
    "named by a person": replace(OBSERVED, run_id="mine-scheduled"),
}


@pytest.mark.parametrize("status", STATUSES.values(), ids=STATUSES)
def test_a_heartbeat_reads_back(status: StoredStatus) -> None:
    text = heartbeat_of(status)
    assert with_heartbeat(StoredStatus(scope=OHIO), text) == replace(status, heartbeat=text)


def test_a_heartbeat_of_the_release_before_is_read() -> None:
    text = (
        f'[1795521600000007,1795521600000007,0.851,"{SCHEDULED}",'
        '"5fea7756-0ea4-451a-a703-a558b933e274",12,33,1,0,2,0]'
    )
    known = replace(OBSERVED, delivery="5fea7756-0ea4-451a-a703-a558b933e274")
    assert with_heartbeat(StoredStatus(scope=OHIO), text) == known


def test_the_heartbeats_of_a_unit_are_billed_as_four_kilobytes() -> None:
    texts = {f"{number:012}": heartbeat_of(OBSERVED) for number in range(50)}
    assert sum(len(name) + len(text) for name, text in texts.items()) < 4 * 1024 - 100
