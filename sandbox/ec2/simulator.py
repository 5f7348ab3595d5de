"""The simulated EC2: its mutable state, behind one lock."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any

from sandbox.ec2.bucket import Bucket, full_bucket
from sandbox.ec2.errors import EC2Error, not_credible
from sandbox.ec2.faults import Fault, FaultKind
from sandbox.ec2.filters import Fields, matcher
from sandbox.ec2.fleet import Fleet, Offer, Region, Reservation
from sandbox.ec2.lifecycle import patched
from sandbox.ec2.listings import Call, Ids, Listing
from sandbox.ec2.operations import Operation, operation_named
from sandbox.ec2.others import Form
from sandbox.ec2.pages import page_of, token_after
from sandbox.ec2.protocol import Request, Service, ServiceCall
from sandbox.ec2.wire import (
    Render,
    answer_xml,
    credential_of,
    error_xml,
    parse_parameters,
    renderer,
)

Clock = Callable[[], datetime]
AccountOf = Callable[[str], str | None]
"""The account of an access key; None if the key does not identify one."""


def wall_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Reply:
    """A response, sent after ``delay`` seconds; without a body the connection drops."""

    status: int
    body: bytes | None
    request_id: str
    delay: float = 0


@dataclass(slots=True)
class _Kept:
    """A cached listing with its rendered items; valid for one region object until a moment."""

    region: Region
    listing: Listing
    render: Render
    rendered: dict[int, str] = field(default_factory=dict)

    def xml(self, index: int) -> str:
        if index not in self.rendered:
            self.rendered[index] = self.render(self.listing.items[index])
        return self.rendered[index]


class Simulator:
    """Serves EC2 calls from a fleet, which its methods can change.

    Its clock is the wall clock and an offset. All methods may be called from any thread.
    """

    def __init__(
        self,
        fleet: Fleet,
        clock: Clock = wall_clock,
        account_of: AccountOf = lambda access_key: None,
    ) -> None:
        self._lock = RLock()
        self._initial = fleet
        self._clock = clock
        self._account_of = account_of
        self.reset()

    # The world

    def reset(self) -> None:
        """Restore the initial fleet, clock, faults, latency, counts."""
        with self._lock:
            self._fleet = self._initial
            self._offset = timedelta()
            self._latency: dict[str, float] = {}
            self._calls: Counter[tuple[str, str]] = Counter()
            self._buckets: dict[tuple[str, str, str], Bucket] = {}
            self._kept: dict[tuple[str, str, str], _Kept] = {}
            self.set_faults(self._fleet.faults)

    @property
    def fleet(self) -> Fleet:
        return self._fleet

    def replace_fleet(self, fleet: Fleet) -> None:
        """Replace the fleet and its faults; clock and counts stay."""
        with self._lock:
            self._fleet = fleet
            self.set_faults(fleet.faults)

    def now(self) -> datetime:
        return self._clock() + self._offset

    def set_clock(self, now: datetime) -> None:
        with self._lock:
            self._offset = now - self._clock()
            self._kept.clear()

    def advance(self, distance: timedelta) -> None:
        with self._lock:
            self._offset += distance
            self._kept.clear()

    def put(self, region: str, reservation: Reservation) -> None:
        """Add a reservation, or replace the one with its id. Raises KeyError."""
        with self._lock:
            changed = self._fleet.regions[region].with_reservation(reservation)
            self._fleet = self._fleet.with_regions([changed])

    def patch(self, reservation_id: str, fields: Fields) -> Reservation:
        """Set fields of a reservation, None removes one. Raises KeyError."""
        with self._lock:
            region = self._fleet.region_of(reservation_id)
            changed = patched(region.reservations[reservation_id], fields, self.now())
            self._fleet = self._fleet.with_regions([region.with_reservation(changed)])
            return changed

    def set_billing_request(self, reservation_id: str, request: Fields | None) -> None:
        """Set the last request to bill another account for unused capacity. Raises KeyError."""
        with self._lock:
            region = self._fleet.region_of(reservation_id)
            changed = replace(region.reservations[reservation_id], billing_request=request)
            self._fleet = self._fleet.with_regions([region.with_reservation(changed)])

    def remove(self, reservation_id: str) -> None:
        """Raises KeyError."""
        with self._lock:
            region = self._fleet.region_of(reservation_id)
            self._fleet = self._fleet.with_regions([region.without_reservation(reservation_id)])

    def patch_held(self, form: Form, name: str, raw: Mapping[str, Any]) -> Fields:
        """Set fields of another service's reservation, None removes one. Raises KeyError and
        ValueError."""
        with self._lock:
            region = self._fleet.region_of_held(form, name)
            held = next(it for it in region.held(form) if it.is_named(name))
            changed = held.patched(raw, self.now())
            others = {**region.others, held.arn: changed}
            self._fleet = self._fleet.with_regions([replace(region, others=others)])
            return changed.fields

    def remove_held(self, form: Form, name: str) -> None:
        """Raises KeyError."""
        with self._lock:
            region = self._fleet.region_of_held(form, name)
            gone = {it.arn for it in region.held(form) if it.is_named(name)}
            kept = {arn: it for arn, it in region.others.items() if arn not in gone}
            self._fleet = self._fleet.with_regions([replace(region, others=kept)])

    def set_status(self, region: str, block_id: str, fields: Fields) -> None:
        """Set fields of a block's status. Raises KeyError."""
        with self._lock:
            changed = self._fleet.regions[region].with_status(block_id, fields)
            self._fleet = self._fleet.with_regions([changed])

    def set_market(self, region: str, market: Iterable[Offer]) -> None:
        """Set the capacity blocks that a region sells from now on. Raises KeyError."""
        with self._lock:
            changed = replace(self._fleet.regions[region], market=tuple(market))
            self._fleet = self._fleet.with_regions([changed])

    def set_faults(self, faults: Iterable[Fault]) -> None:
        with self._lock:
            self._faults = list(faults)

    def add_fault(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def end_faults(self, region: str) -> None:
        """End the faults of one region; those of all regions stay."""
        with self._lock:
            self._faults = [fault for fault in self._faults if fault.region != region]

    def faults(self) -> list[Fault]:
        """The active faults, with their remaining ``times``."""
        with self._lock:
            return list(self._faults)

    def set_latency(self, milliseconds: float, region: str | None = None) -> None:
        """Set the latency of calls in one region, or in all without their own."""
        with self._lock:
            self._latency[region or "*"] = milliseconds

    def calls(self) -> dict[tuple[str, str], int]:
        """The number of calls by region and operation, including failed ones."""
        with self._lock:
            return dict(self._calls)

    def forget_calls(self) -> None:
        with self._lock:
            self._calls.clear()

    # Answering

    def answer(self, authorization: str, query: Mapping[str, str]) -> Reply:
        """Serve one EC2 call, given its Authorization header and its Query parameters."""
        request_id = str(uuid.uuid4())
        try:
            return self._answer(authorization, query, request_id)
        except EC2Error as error:
            return Reply(error.status, error_xml(error, request_id), request_id)

    def _answer(self, authorization: str, query: Mapping[str, str], request_id: str) -> Reply:
        action = query.get("Action", "")
        credential = credential_of(authorization)
        # Outside the lock, because resolving the owner of a key may need the network.
        account = self._account_of(credential.access_key) or self._fleet.account
        with self._lock:
            self._calls[credential.region, action] += 1
            delay = self._delay(credential.region)
            try:
                reply = self._listed(credential.region, account, action, query, request_id)
            except EC2Error as error:
                reply = Reply(error.status, error_xml(error, request_id), request_id)
        return replace(reply, delay=reply.delay + delay)

    def answer_service(self, service: Service, authorization: str, request: Request) -> Reply:
        """Serve one call of another service, given its Authorization header."""
        request_id = str(uuid.uuid4())
        credential = credential_of(authorization, service.name)
        try:
            account = self._account_of(credential.access_key) or self._fleet.account
        except EC2Error as error:
            return Reply(*service.error(error, request_id), request_id)
        with self._lock:
            name = credential.region
            self._calls[name, service.operation(request)] += 1
            try:
                reply = self._answered(service, name, account, request, request_id)
            except EC2Error as error:
                reply = Reply(*service.error(error, request_id), request_id)
            return replace(reply, delay=reply.delay + self._delay(name))

    def _answered(
        self, service: Service, name: str, account: str, request: Request, request_id: str
    ) -> Reply:
        region = self._fleet.regions.get(name)
        if region is None or not self._fleet.is_enabled(region, account):
            raise not_credible()
        operation = service.operation(request)
        parameters, page = service.read(request)
        fault = self._hit(name, operation, account, page)
        if fault is not None and fault.error is not None:
            raise fault.error
        call = ServiceCall(region, account, self.now(), parameters, request_id)
        return _with_fault(fault, Reply(200, service.answer(operation, call), request_id))

    def _delay(self, region: str) -> float:
        return self._latency.get(region, self._latency.get("*", 0)) / 1000

    def _listed(
        self, name: str, account: str, action: str, query: Mapping[str, str], request_id: str
    ) -> Reply:
        region = self._fleet.regions.get(name)
        if region is None or not self._fleet.is_enabled(region, account):
            raise not_credible()
        operation = operation_named(action)
        parameters = parse_parameters(action, query)
        page = page_of(action, name, parameters)
        fault = self._hit(name, action, account, page.number)
        if fault is not None and fault.error is not None:
            raise fault.error
        if parameters.get("DryRun"):
            message = "Request would have succeeded, but DryRun flag is set."
            raise EC2Error("DryRunOperation", message)
        if operation.is_rationed:
            self._take_token(name, account, action)
        call = Call(self._fleet, region, account, self.now(), parameters)
        kept = self._keep(operation, call)
        chosen = _chosen(operation, kept.listing, parameters)
        shown = chosen[page.start : page.start + page.size]
        more = page.start + page.size < len(chosen)
        token = token_after(page, action, name, parameters) if more else None
        facts = operation.facts(call) if operation.facts else {}
        items = map(kept.xml, shown)
        body = answer_xml(action, operation.member, items, token, request_id, facts)
        return _with_fault(fault, Reply(200, body, request_id))

    def _hit(self, region: str, action: str, account: str, page: int) -> Fault | None:
        """The first fault that applies to a call; one with ``times`` is counted down."""
        for index, fault in enumerate(self._faults):
            if fault.hits(region, action, account, page):
                left = None if fault.times is None else fault.times - 1
                if left == 0:
                    del self._faults[index]
                else:
                    self._faults[index] = replace(fault, times=left)
                return fault
        return None

    def _take_token(self, region: str, account: str, action: str) -> None:
        key, now = (region, account, action), self.now()
        taken = self._buckets.get(key, full_bucket(now)).taken(now)
        if taken is None:
            message = "The maximum number of describe requests was exceeded. Try again later."
            raise EC2Error("CapacityBlockDescribeLimitExceeded", message)
        self._buckets[key] = taken

    def _keep(self, operation: Operation, call: Call) -> _Kept:
        """The listing of a call, from the cache if nothing has changed."""
        key = (operation.name, call.region.name, call.account)
        kept = self._kept.get(key)
        if kept is not None and kept.region is call.region and _holds(kept.listing, call.now):
            return kept
        listing = operation.list(call)
        fresh = _Kept(call.region, listing, renderer(operation.name, operation.member))
        if operation.kept:
            self._kept[key] = fresh
        return fresh


def _holds(listing: Listing, now: datetime) -> bool:
    return listing.until is None or now < listing.until


def _chosen(operation: Operation, listing: Listing, parameters: Mapping[str, Any]) -> list[int]:
    """The indexes in the listing of the items that a call requests. Raises EC2Error."""
    passes = matcher(parameters.get("Filters", ()), operation.filters)
    wanted = _wanted(operation.ids, listing.items, parameters)
    return [index for index, item in enumerate(listing.items) if wanted(item) and passes(item)]


def _wanted(
    ids: Ids | None, items: Iterable[Fields], parameters: Mapping[str, Any]
) -> Callable[[Fields], bool]:
    requested = parameters.get(ids.parameter) if ids else None
    if ids is None or not requested:
        return lambda item: True
    member = ids.member
    unknown = set(requested) - {item.get(member) for item in items}
    if unknown and ids.code:
        raise EC2Error(ids.code, ids.message.format(", ".join(sorted(unknown))))
    return lambda item: item.get(member) in requested


def _with_fault(fault: Fault | None, reply: Reply) -> Reply:
    """The response as modified by a fault without an error code."""
    if fault is None or reply.body is None:
        return reply
    if fault.kind is FaultKind.HANG:
        return replace(reply, delay=fault.seconds)
    if fault.kind is FaultKind.DROP:
        return replace(reply, body=None)
    return replace(reply, body=reply.body[: len(reply.body) // 2])
