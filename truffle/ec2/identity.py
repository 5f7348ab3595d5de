"""The account of the credentials: as named by them, else by STS, within seconds."""

from __future__ import annotations

import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as OutOfTime
from threading import Lock

from truffle.ec2.clients import CallerClients
from truffle.ec2.errors import FAILURES, error_code
from truffle.threads import start

PATIENCE = 3.0
"""Seconds after which a listing continues without the account."""


class Caller:
    """The account of a caller, requested in parallel with the regions. Thread-safe.

    Every reader gets the same result, even if STS responds later.
    """

    def __init__(
        self, requested: Future[str], patience: float = PATIENCE, *, by_sts: bool = True
    ) -> None:
        self._asked = requested
        self._by_sts = by_sts
        self._until = time.monotonic() + patience
        self._lock = Lock()
        self._account: str | None = None
        self._problem: str | None = None

    @property
    def account_id(self) -> str:
        """Empty if unknown; waits for STS if it has not responded yet."""
        with self._lock:
            if self._account is None:
                self._account = self._answer()
            return self._account

    @property
    def known(self) -> str | None:
        """The account, without waiting."""
        return self._account or None

    @property
    def is_accepted(self) -> bool:
        """Whether STS has accepted the credentials; naming an account does not make them valid."""
        return self._by_sts and bool(self._account)

    @property
    def warning(self) -> str | None:
        """The fields that rows lack because the account of the credentials is unknown."""
        if self._problem is None:
            return None
        return (
            f"STS did not identify these credentials ({self._problem}): account_id and "
            "seen_by are empty."
        )

    def _answer(self) -> str:
        try:
            return self._asked.result(max(0.0, self._until - time.monotonic()))
        except FAILURES as error:
            self._problem = error_code(error)
        except OutOfTime:
            self._problem = "no response in time"
        return ""


def identify(clients: CallerClients, left: float | None = None) -> Caller:
    """Begin to identify the credentials. Raises what botocore does without any.

    ``left`` are the seconds until the caller's deadline; at most half of them are spent waiting for
    STS.
    """
    account_id = clients.account_id()
    if account_id is None:
        sts = clients.sts()
        patience = PATIENCE if left is None else min(PATIENCE, left / 2)
        return Caller(start(lambda: str(sts.get_caller_identity()["Account"])), patience)
    known: Future[str] = Future()
    known.set_result(account_id)
    return Caller(known, by_sts=False)
