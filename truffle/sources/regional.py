"""One call in every region at once, with the result or error of each region."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar

from truffle import clock
from truffle.core import error_codes
from truffle.core.model import CLOSED_KINDS
from truffle.core.regions import first_region, is_glob
from truffle.credentials import sign_in
from truffle.ec2.clients import CallerClients
from truffle.ec2.errors import (
    FAILURES,
    error_code,
    error_message,
    failure_kind,
)
from truffle.ec2.identity import identify
from truffle.errors import known_error
from truffle.results import Results
from truffle.sources.listing import Progress, ScopeFailure
from truffle.sources.live import list_regions, raise_as_truffle_error
from truffle.threads import start

Result = TypeVar("Result")
Item = TypeVar("Item")

ListRegion = Callable[[Any, str, str | None, datetime], Iterable[Item]]
"""Lists one region: takes an EC2 client, the region, the account if known, the time."""


@dataclass(frozen=True, slots=True)
class Everywhere(Generic[Item]):
    """The combined results of the regions.

    ``failures`` has regions without a result; ``unsupported`` those that do not support the call.
    """

    items: list[Item]
    failures: list[ScopeFailure]
    regions: int
    unsupported: list[str] = field(default_factory=list)

    def without_denied(self) -> Everywhere[Item]:
        """The same without the regions that are denied or not enabled, if others responded."""
        others = [each for each in self.failures if each.kind not in CLOSED_KINDS]
        denied = len(self.failures) - len(others)
        if len(self.failures) == self.regions:
            return self
        return replace(self, failures=others, regions=self.regions - denied)


class RegionalResults(Results[Item]):
    """The regions' results; ``failures`` has regions without one, ``unsupported`` those that do not
    support the call."""

    def __init__(self, found: Everywhere[Item]) -> None:
        super().__init__(found.items)
        self.failures = list(found.failures)
        self.unsupported = list(found.unsupported)


def list_everywhere(
    caller: Any,
    list_region: ListRegion[Item],
    regions: Sequence[str] | None,
    timeout: float | None = None,
    progress: Progress | None = None,
) -> Everywhere[Item]:
    """List every region at once; one that fails on a later page has failed.

    ``caller`` is a session, a profile's name, or None; ``regions`` None means those enabled for the
    account; ``timeout`` is in seconds after credentials are available. Raises TruffleError without
    credentials, or if every region failed for one reason.
    """
    clients = CallerClients(caller, first_region(regions or ()))
    sign_in(clients.session)
    deadline = None if timeout is None else time.monotonic() + timeout
    try:
        if regions is None or any(map(is_glob, regions)):
            regions = list_regions(clients.session, timeout, regions)
        account_id = identify(clients, timeout).account_id or None
        requested = {
            start(partial(_listed, clients, list_region, region, account_id)): region
            for region in dict.fromkeys(regions)
        }
    except FAILURES as error:
        raise_as_truffle_error(error, clients.profile)

    def arrived(region: str, answer: list[Item] | ScopeFailure) -> None:
        if progress is not None:
            progress(region, not isinstance(answer, ScopeFailure))

    answers = gather(requested, deadline, arrived)
    late = {
        region: ScopeFailure.late(region) for region in requested.values() if region not in answers
    }
    found = _together({**answers, **late})
    raise_common_cause(found.failures, found.regions, clients.profile)
    return found


def gather(
    requested: Mapping[Future[Result], str],
    deadline: float | None,
    arrived: Callable[[str, Result], None],
) -> dict[str, Result]:
    """The results that arrive before a deadline of the monotonic clock, by region."""
    answers: dict[str, Result] = {}
    left = None if deadline is None else max(0.0, deadline - time.monotonic())
    try:
        for future in as_completed(requested, timeout=left):
            region = requested[future]
            answers[region] = future.result()
            arrived(region, answers[region])
    except TimeoutError:
        pass
    return answers


def _listed(
    clients: CallerClients, list_region: ListRegion[Item], region: str, account_id: str | None
) -> list[Item] | ScopeFailure:
    try:
        return list(list_region(clients.of(region), region, account_id, clock.now()))
    except FAILURES as error:
        return ScopeFailure(
            account_id=account_id,
            region=region,
            code=error_code(error),
            message=error_message(error),
            kind=failure_kind(error),
        )


def _together(answers: Mapping[str, list[Item] | ScopeFailure]) -> Everywhere[Item]:
    items: list[Item] = []
    failures: list[ScopeFailure] = []
    unsupported: list[str] = []
    for region, answer in sorted(answers.items()):
        if not isinstance(answer, ScopeFailure):
            items += answer
        elif answer.code in error_codes.UNSUPPORTED:
            unsupported.append(region)
        else:
            failures.append(answer)
    return Everywhere(items, failures, len(answers), unsupported)


def raise_common_cause(failures: list[ScopeFailure], regions: int, profile: str | None) -> None:
    """Raise the common error if every region failed for one known reason."""
    if failures and len(failures) == regions:
        first = failures[0]
        known = known_error(first.code, first.message, profile)
        if known is not None and {failure.code for failure in failures} == {first.code}:
            known.failures = tuple(failures)
            raise known
