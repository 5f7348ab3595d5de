"""The scopes' states between requests."""

from datetime import timedelta

from lambdas.api.judging import Judge
from tests.builders import HOUR, NOON, OHIO, a_status
from truffle.core.expected import NOTHING_EXPECTED
from truffle.core.status import State

AGE = 3 * HOUR


def test_states_are_kept_while_no_status_was_written() -> None:
    judge, statuses = Judge(AGE, NOTHING_EXPECTED), [a_status(OHIO)]
    first = judge.of(statuses, NOON)
    assert judge.of(statuses, NOON + HOUR) is first
    assert judge.of(list(statuses), NOON + HOUR) is not first


def test_a_scope_gets_old_without_a_write() -> None:
    judge, statuses = Judge(AGE, NOTHING_EXPECTED), [a_status(OHIO, observed_at=NOON)]
    moments = (NOON, NOON + AGE, NOON + AGE + timedelta(seconds=1))
    found = [judge.of(statuses, at).scopes[0].state for at in moments]
    assert found == [State.CURRENT, State.CURRENT, State.OLD]
