"""AWS's offerings in all regions at once, with the outcome of each region."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock
from typing import Any

from truffle import clock
from truffle.core.model import CLOSED_KINDS, DEADLINE_EXCEEDED, FailureKind, TrainingPlan
from truffle.core.offerings import Offering, Wanted, sorted_offerings
from truffle.core.regions import first_region, is_glob
from truffle.credentials import sign_in
from truffle.ec2.clients import CallerClients
from truffle.ec2.errors import FAILURES
from truffle.ec2.offerings import (
    Budget,
    RegionOfferings,
    RegionOutcome,
    list_offerings,
    offerings_config,
)
from truffle.ec2.plan_offerings import search_plans
from truffle.results import Results
from truffle.sources.listing import LATE, Progress, ScopeFailure
from truffle.sources.live import list_regions, raise_as_truffle_error
from truffle.sources.regional import gather, raise_common_cause
from truffle.threads import start

_ANSWERS = frozenset({RegionOutcome.ANSWERED, RegionOutcome.NOT_SOLD})

budgets: dict[tuple[str, str], Budget] = {}
_budgets_lock = Lock()


@dataclass(frozen=True, slots=True)
class LiveOfferings:
    """The results of every region for one block.

    ``left_out`` has regions that are denied or not enabled, as expected.
    """

    wanted: Wanted
    regions: tuple[RegionOfferings, ...]
    left_out: tuple[RegionOfferings, ...] = ()
    plans: tuple[RegionOfferings, ...] = ()

    @property
    def failures(self) -> list[ScopeFailure]:
        """Regions without a result: failed ones, those whose budget is used up, and those whose
        requested training plans are unknown."""
        unknown = (RegionOutcome.FAILED, RegionOutcome.LIMITED)
        failed = [_failure(region) for region in self.regions if region.outcome in unknown]
        named = {failure.region for failure in failed}
        plans = [each for each in self.plans if each.region not in named]
        return failed + [_failure(each) for each in plans if each.outcome in unknown]

    @property
    def closed(self) -> list[ScopeFailure]:
        """Regions that are denied or not enabled, as expected, and so not failures."""
        return [_failure(region) for region in self.left_out]

    def without_denied(self) -> LiveOfferings:
        """The same without the regions that are denied or not enabled, if others responded."""
        others = tuple(each for each in self.regions if each.kind not in CLOSED_KINDS)
        closed = tuple(each for each in self.regions if each.kind in CLOSED_KINDS)
        is_any_known = any(each.outcome in _ANSWERS for each in others)
        return replace(self, regions=others, left_out=closed) if is_any_known else self

    def of(self, outcome: RegionOutcome) -> list[str]:
        """The regions with this outcome."""
        return [region.region for region in self.regions if region.outcome is outcome]

    @property
    def is_sold_nowhere(self) -> bool:
        """Whether, by every region that responded, this type is not sold as blocks."""
        blocks = bool(self.of(RegionOutcome.NOT_SOLD)) and not self.of(RegionOutcome.ANSWERED)
        return blocks and not any(each.offerings for each in self.plans)

    def offerings(self, sort: str) -> list[Offering]:
        return sorted_offerings(
            (offering for region in (*self.regions, *self.plans) for offering in region.offerings),
            sort,
        )


def _failure(region: RegionOfferings) -> ScopeFailure:
    code, message = region.code or "", region.message or ""
    return ScopeFailure(
        account_id=None,
        region=region.region,
        code=code,
        message=message,
        kind=region.kind or FailureKind.ERROR,
    )


class Offerings(Results[Offering]):
    """Offerings in order; ``outcomes`` has the outcome of each region, ``failures`` the errors.

    ``duration_hours`` is the requested duration, rounded up to one that AWS sells.
    """

    def __init__(self, market: LiveOfferings, sort: str) -> None:
        super().__init__(market.offerings(sort))
        self.failures = market.failures
        self.outcomes: Mapping[str, RegionOutcome] = {
            region.region: region.outcome for region in market.regions
        }
        self.duration_hours = market.wanted.duration_hours

    def _join(self, other: Results[Any]) -> None:
        """Add another list; for a region in both, the outcome of the first one stays."""
        super()._join(other)
        if isinstance(other, Offerings):
            self.outcomes = {**other.outcomes, **self.outcomes}


def list_market(
    caller: Any,
    wanted: Wanted,
    regions: Sequence[str] | None,
    timeout: float | None = None,
    progress: Progress | None = None,
    include: Collection[str] = (),
) -> LiveOfferings:
    """Query every region at once, each within its own request budget.

    ``caller`` is a session, a profile's name, or None; ``regions`` None means those enabled for the
    account; ``timeout`` is in seconds after credentials are available. ``include`` may name
    ``training-plans``. Raises TruffleError without credentials, or if every region failed for one
    reason.
    """
    clients = CallerClients(caller, first_region(regions or ()))
    sign_in(clients.session)
    deadline = None if timeout is None else time.monotonic() + timeout
    try:
        if regions is None or any(map(is_glob, regions)):
            regions = list_regions(clients.session, timeout, regions)
        begun = _ask_for_plans(clients, wanted, dict.fromkeys(regions), include)
        answers = _ask_all(clients, wanted, dict.fromkeys(regions), deadline, progress)
        found = gather(begun, deadline, lambda region, answer: None)
        plans = tuple(found.get(region) or _late(region) for region in sorted(begun.values()))
    except FAILURES as error:
        raise_as_truffle_error(error, clients.profile)
    by_region = tuple(sorted(answers, key=lambda answer: answer.region))
    market = LiveOfferings(wanted, by_region, plans=plans)
    raise_common_cause(market.failures, len(market.regions), clients.profile)
    return market


def _ask_all(
    clients: CallerClients,
    wanted: Wanted,
    regions: Iterable[str],
    deadline: float | None,
    progress: Progress | None,
) -> list[RegionOfferings]:
    requested = {_ask(clients, wanted, region, deadline): region for region in regions}

    def arrived(region: str, answer: RegionOfferings) -> None:
        if progress is not None:
            progress(region, answer.outcome in _ANSWERS)

    answers = gather(requested, deadline, arrived)
    return [answers.get(region) or _late(region) for region in requested.values()]


def _ask(
    clients: CallerClients, wanted: Wanted, region: str, deadline: float | None
) -> Future[RegionOfferings]:
    client = clients.made("ec2", region, offerings_config())
    budget = budget_of(_key(clients), region)
    now = clock.now
    return start(partial(list_offerings, client, region, wanted, budget, now, deadline))


def _ask_for_plans(
    clients: CallerClients, wanted: Wanted, regions: Iterable[str], include: Collection[str]
) -> dict[Future[RegionOfferings], str]:
    """Start the search for training plans in each region, if included."""
    if TrainingPlan.kind.option not in include:
        return {}
    return {
        start(
            partial(
                search_plans, clients.service_of(region)("sagemaker"), region, wanted, clock.now
            )
        ): region
        for region in regions
    }


def _late(region: str) -> RegionOfferings:
    return RegionOfferings(
        region=region,
        outcome=RegionOutcome.FAILED,
        offerings=(),
        code=DEADLINE_EXCEEDED,
        message=LATE,
        kind=FailureKind.ERROR,
    )


def _key(clients: CallerClients) -> str:
    """The key of the caller's budget, as far as it is known without a call."""
    credentials = clients.session.get_credentials()
    return str(credentials.access_key) if credentials else ""


def budget_of(caller: str, region: str) -> Budget:
    """The budget of a caller in a region, shared by all clients and kept after they are closed."""
    with _budgets_lock:
        return budgets.setdefault((caller, region), Budget())
