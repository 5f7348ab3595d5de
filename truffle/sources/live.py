"""The live source: EC2 in every region at once, with the caller's own credentials.

The caller's thread resolves the credentials, which may prompt for an MFA code. Another thread then
finds the regions and starts a thread for each, while the caller's only waits for their messages. So
the deadline and an interrupt work even if a call hangs; all of these threads are daemons, which end
with the process.
"""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, NoReturn

from truffle import clock
from truffle.core.filters import Filter
from truffle.core.merging import merge
from truffle.core.model import (
    TYPES,
    Failure,
    Reservation,
    Scope,
    Snapshot,
    Unanswered,
)
from truffle.core.regions import COMMERCIAL, expanded, first_region, is_glob, unknown_regions
from truffle.errors import (
    DeadlineError,
    InvalidCredentialsError,
    UnreachableError,
    cause_of,
    known_error,
)
from truffle.query import BadArgument
from truffle.sources.lacking import LACKING, missing_of
from truffle.sources.listing import Listing, Progress, ScopeFailure

if TYPE_CHECKING:
    from truffle.ec2.clients import CallerClients
    from truffle.ec2.identity import Caller


def list_live(
    session_or_profile: Any = None,
    regions: Sequence[str] | None = None,
    deadline: float | None = None,
    progress: Progress | None = None,
    filter: Filter | None = None,  # noqa: A002
) -> Listing:
    """List everything in these regions, by default in all that are enabled for the account.

    A glob such as ``us-*`` means the enabled regions that it matches.

    The first argument is a session of boto3 or botocore, a profile's name, or None for the
    environment. ``deadline`` is in seconds, for everything after credentials are available; regions
    that have not responded by then are failures with the code ``DeadlineExceeded``. ``progress`` is
    called in the caller's thread. With a filter, only matching rows stay in memory.

    Raises TruffleError if nothing can be listed: AWS accepts the credentials nowhere, or the
    regions are unknown.
    """
    clients = _signed_in(session_or_profile, regions)
    messages: SimpleQueue[_Message] = SimpleQueue()
    end = _Deadline(deadline, time.monotonic())
    with _without_collector():
        types = (filter.types if filter else ()) or TYPES
        _start(messages, lambda: _list_regions(messages, clients, regions, end, types))
        gathered = _Gathered(
            targets=_await_targets(messages, end, clients),
            filter=filter or Filter(),
            progress=progress,
        )
        while gathered.open:
            try:
                gathered.take(messages.get(timeout=end.left()))
            except Empty:
                gathered.give_up(end)
        return gathered.inventory()


def list_regions(
    session_or_profile: Any = None,
    deadline: float | None = None,
    regions: Sequence[str] | None = None,
) -> list[str]:
    """The regions that ``list_live`` would query; arguments and errors as there."""
    clients = _signed_in(session_or_profile, regions)
    messages: SimpleQueue[_Message] = SimpleQueue()
    end = _Deadline(deadline, time.monotonic())
    _start(messages, lambda: _find_targets(clients, regions, end))
    return list(_await_targets(messages, end, clients).regions)


def _signed_in(session_or_profile: Any, regions: Sequence[str] | None) -> CallerClients:
    """Clients with resolved credentials. Raises TruffleError."""
    from truffle.credentials import sign_in
    from truffle.ec2.clients import CallerClients

    clients = CallerClients(session_or_profile, first_region(regions or ()))
    sign_in(clients.session)
    return clients


@contextmanager
def _without_collector() -> Iterator[None]:
    """Disable Python's cycle collector, which would traverse all rows repeatedly.

    A listing creates objects that stay, and hardly any cycles; collection doubled its time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True, slots=True)
class _Deadline:
    """A number of seconds from a moment of the monotonic clock, or no deadline."""

    seconds: float | None
    began: float

    def left(self) -> float | None:
        """Seconds from now, at least 0."""
        if self.seconds is None:
            return None
        return max(0.0, self.began + self.seconds - time.monotonic())

    def __str__(self) -> str:
        return f"{self.seconds:g} s"


@dataclass(frozen=True, slots=True)
class _Targets:
    """The queried regions, and the caller.

    ``unknown`` has those that neither this release nor the account's list of regions knows.
    """

    regions: Sequence[str]
    caller: Caller
    profile: str | None
    unknown: Sequence[str] = ()


_Message = _Targets | Snapshot | Failure | BaseException
"""The messages of threads: first the queried regions, then a snapshot or a failure for each; or an
exception."""


def _start(messages: SimpleQueue[_Message], task: Callable[[], _Message | None]) -> None:
    """Run a task in a thread; its result or exception becomes a message."""

    def run() -> None:
        try:
            result = task()
        except BaseException as error:
            result = error
        if result is not None:
            messages.put(result)

    Thread(target=run, daemon=True).start()


def _list_regions(
    messages: SimpleQueue[_Message],
    clients: CallerClients,
    regions: Sequence[str] | None,
    end: _Deadline,
    kinds: Collection[str],
) -> None:
    """Start a thread for each region; the regions are a message before the results."""
    from truffle.ec2.billing_requests import listed_with_requests
    from truffle.ec2.listing import DescribedTypes, list_unnamed_scope
    from truffle.ec2.other_kinds import OtherKinds

    targets = _find_targets(clients, regions, end)
    messages.put(targets)
    types, left = DescribedTypes(), end.left()
    latest = None if left is None else _now() + timedelta(seconds=left)
    for region in targets.regions:
        client, scope_of = clients.of(region), partial(_scope, targets.caller, region)
        others = OtherKinds(clients.service_of(region), kinds)
        listing = partial(list_unnamed_scope, client, scope_of, types, _now, latest, others)
        _start(messages, partial(listed_with_requests, listing, client, _now, latest))


def _scope(caller: Caller, region: str) -> Scope:
    return Scope(caller.account_id, region)


def _now() -> datetime:
    """The time, to the millisecond."""
    moment = clock.now()
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _find_targets(
    clients: CallerClients, regions: Sequence[str] | None, end: _Deadline
) -> _Targets:
    """The account and regions to list. Raises the errors of botocore."""
    from truffle.ec2.identity import identify

    caller = identify(clients, end.left())
    if regions is None:
        return _Targets(_enabled(clients), caller, clients.profile)
    enabled = _listed(clients, regions)
    names = expanded(regions, enabled)
    if regions and not names:
        allowed = f"The regions that are enabled for the account are {', '.join(enabled)}."
        raise BadArgument("regions", ", ".join(regions), allowed)
    unknown = [name for name in unknown_regions(names) if name not in enabled]
    return _Targets(names, caller, clients.profile, unknown)


def _listed(clients: CallerClients, regions: Sequence[str]) -> list[str]:
    """The enabled regions, if needed to match a glob or to confirm a region that this release does
    not know."""
    from truffle.ec2.errors import FAILURES

    if any(map(is_glob, regions)):
        return _enabled(clients)
    if not unknown_regions(regions):
        return []
    try:
        return _enabled(clients)
    except FAILURES:
        return []


def _enabled(clients: CallerClients) -> list[str]:
    """The regions enabled for the account. Raises what botocore does.

    While EC2 responds, the clients of the likely regions are created.
    """
    from truffle.ec2.regions import enabled_regions
    from truffle.threads import start

    answer = start(partial(enabled_regions, clients.of(clients.home)))
    for region in COMMERCIAL if clients.home in COMMERCIAL else ():
        if answer.done():
            break
        clients.of(region)
    return answer.result()


def _await_targets(
    messages: SimpleQueue[_Message], end: _Deadline, clients: CallerClients
) -> _Targets:
    """Wait for the first message. Raises TruffleError, and DeadlineError if it does not arrive in
    time."""
    try:
        first = messages.get(timeout=end.left())
    except Empty:
        raise DeadlineError(
            f"AWS did not list the regions within {end}: raise --timeout or name the regions."
        ) from None
    if isinstance(first, BaseException):
        raise_as_truffle_error(first, clients.profile)
    assert isinstance(first, _Targets)
    return first


def raise_as_truffle_error(error: BaseException, profile: str | None) -> NoReturn:
    """Raise the error that prevents all calls: as a TruffleError, unless it is a bug in truffle."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    from truffle.ec2.errors import error_code, error_message

    if not isinstance(error, (BotoCoreError, ClientError, ResponseParserError)):
        raise error
    code, message = error_code(error), error_message(error)
    unknown = UnreachableError(
        f"AWS gave no usable response {cause_of(code, message)}. Try again in a minute, or name "
        "the regions."
    )
    raise (known_error(code, message, profile) or unknown) from error


@dataclass(slots=True, kw_only=True)
class _Gathered:
    """The result so far; ``open`` has the regions that have not ended."""

    targets: _Targets
    filter: Filter
    progress: Progress | None
    open: set[str] = field(init=False)
    rows: list[Reservation] = field(default_factory=list)
    moments: list[datetime] = field(default_factory=list)
    failures: dict[str, ScopeFailure] = field(default_factory=dict)
    unanswered: dict[Unanswered, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.open = set(self.targets.regions)

    def take(self, message: _Message) -> None:
        """Add a message. Raises an exception that is not the failure of a region."""
        if isinstance(message, Snapshot):
            self._keep(message)
        elif isinstance(message, Failure):
            self._fail(ScopeFailure.of(message))
        elif isinstance(message, BaseException):
            raise_as_truffle_error(message, self.targets.profile)

    def _keep(self, snapshot: Snapshot) -> None:
        self.rows += self.filter.apply(snapshot.reservations)
        self.moments.append(snapshot.observed_at)
        for gap in snapshot.unanswered:
            self.unanswered.setdefault(gap, []).append(snapshot.scope.region)
        missing = missing_of(snapshot, self.filter.types)
        if missing is not None:
            self.failures[missing.region] = missing
        self._end(snapshot.scope.region, missing is None)

    def _fail(self, failure: ScopeFailure) -> None:
        self.failures[failure.region] = failure
        self._end(failure.region, False)

    def _end(self, region: str, succeeded: bool) -> None:
        self.open.discard(region)
        if self.progress is not None:
            self.progress(region, succeeded)

    def give_up(self, end: _Deadline) -> None:
        """Mark the open regions as failed when time is over."""
        account_id = self.targets.caller.known
        message = f"There was no complete response within {end}."
        for region in sorted(self.open):
            self._fail(ScopeFailure.late(region, account_id, message))

    def inventory(self) -> Listing:
        """The result. Raises TruffleError if every region failed for one reason, or STS did not
        return the account that the filter needs."""
        if self.moments and self.filter.accounts and self.targets.caller.warning:
            raise UnreachableError(
                f"{self.targets.caller.warning} Which reservations these accounts see is unknown: "
                "omit --accounts, or filter by --owners."
            )
        failures = [self.failures[region] for region in sorted(self.failures)]
        if failures and not self.moments:
            _raise_common_cause(failures, self.targets)
        return Listing(
            merge(self.rows),
            failures,
            len(self.targets.regions),
            min(self.moments, default=None),
            self._warnings(),
        )

    def _warnings(self) -> list[str]:
        unnamed = [self.targets.caller.warning] if self.moments else []
        unknown = [
            f"{region} is unknown to this release, and is not enabled for the account."
            for region in self.targets.unknown
        ]
        refused = [
            f"{gap.operation} was refused ({gap.code}) in {', '.join(sorted(regions))}: "
            f"{LACKING[gap.operation]}."
            for gap, regions in self.unanswered.items()
        ]
        return [text for text in (*unknown, *unnamed, *refused) if text]


def _raise_common_cause(failures: list[ScopeFailure], targets: _Targets) -> None:
    """If no region responded, raise the common cause, if there is one.

    Credentials that STS accepts are valid; then the regions are not enabled.
    """
    causes = [known_error(each.code, each.message, targets.profile) for each in failures]
    found = [cause for cause in causes if cause is not None]
    if len(found) < len(failures):
        return
    [(kind, _)] = Counter(map(type, found)).most_common(1)
    if kind is InvalidCredentialsError and targets.caller.is_accepted:
        return
    error = next(cause for cause in found if isinstance(cause, kind))
    error.failures = tuple(failures)
    raise error
