"""Whose credentials these are; a listing does not wait for it for long."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from tests.ec2.stubbed import error
from truffle.ec2.identity import Caller


class Waiting(Future[str]):
    """A future that never comes; ``waited`` is how long it would have been waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float | None] = []

    def result(self, timeout: float | None = None) -> str:
        self.waited.append(timeout)
        raise TimeoutError


def identified(account_id: str) -> Future[str]:
    future: Future[str] = Future()
    future.set_result(account_id)
    return future


def test_the_account_is_what_sts_says() -> None:
    caller = Caller(identified("123456789012"))

    assert caller.account_id == caller.known == "123456789012"
    assert caller.is_accepted
    assert caller.warning is None


def test_an_account_that_the_credentials_name_is_not_proven() -> None:
    caller = Caller(identified("123456789012"), by_sts=False)

    assert caller.account_id == "123456789012"
    assert not caller.is_accepted


def test_nothing_is_known_before_anybody_asked() -> None:
    caller = Caller(identified("123456789012"))

    assert (caller.known, caller.warning, caller.is_accepted) == (None, None, False)


def test_where_sts_refuses_the_account_is_empty_and_the_warning_says_why() -> None:
    refused: Future[str] = Future()
    refused.set_exception(error("unauthorized", "GetCallerIdentity"))
    caller = Caller(refused)

    assert caller.account_id == ""
    assert caller.known is None
    assert "UnauthorizedOperation" in str(caller.warning)
    assert not caller.is_accepted


def test_an_sts_that_does_not_answer_is_waited_for_only_so_long() -> None:
    never_answered = Waiting()
    caller = Caller(never_answered, patience=0.05)

    assert caller.account_id == ""
    assert caller.account_id == ""

    (waited,) = never_answered.waited
    assert waited is not None
    assert 0 < waited <= 0.05
    assert "no response in time" in str(caller.warning)


def test_everybody_gets_the_same_answer_also_when_sts_answers_later() -> None:
    asked: Future[str] = Future()
    caller = Caller(asked, patience=0)
    assert caller.account_id == ""

    asked.set_result("123456789012")

    assert caller.account_id == ""


def test_a_fault_of_truffles_own_is_not_swallowed() -> None:
    broken: Future[str] = Future()
    broken.set_exception(ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        _ = Caller(broken).account_id
