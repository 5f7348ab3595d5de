"""The Python client: capacity, offerings, validation and events, live or from the deployed API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from truffle.completeness import find, incomplete, nothing_known, unanswered, unknown_regions
from truffle.core.kinds.registry import DEFAULT_TYPE
from truffle.core.model import TYPES, ReservationType
from truffle.results import Reservations

if TYPE_CHECKING:
    from datetime import date, datetime
    from typing import Unpack

    from botocore.session import Session

    from truffle.core.codec import Json
    from truffle.core.events import Event
    from truffle.core.fleets import CapacityFleet
    from truffle.core.model import CapacityBlock, Odcr, Reservation
    from truffle.core.offerings import Wanted
    from truffle.core.pricing import PriceBook
    from truffle.core.recommendation import Recommendation
    from truffle.core.topology import Placement
    from truffle.core.validation import Validation
    from truffle.query import Filters, Question, Several
    from truffle.sources.api import Api
    from truffle.sources.history import History
    from truffle.sources.listing import Listing, Progress
    from truffle.sources.market import Finds, Points
    from truffle.sources.offerings import Market, Offerings
    from truffle.sources.regional import Everywhere, RegionalResults
    from truffle.sources.stranded import StrandedSpend
    from truffle.sources.usage import Usage

DEFAULT_TIMEOUT = 60.0
"""Seconds for one call of the client, over all regions and pages."""


class Truffle:
    """Capacity reservations of an account, or of all accounts that a deployed stack collects.

    ``Truffle()`` asks EC2 in every region at once with the caller's credentials;
    ``Truffle(api_url=…)`` asks the deployed stack, signed with them. ``profile`` is a profile of
    the AWS configuration, ``timeout`` the seconds that one call may take once there are
    credentials. ``ignore_denied`` leaves regions that are denied or not enabled out of what a live
    listing has to answer; for the deployed stack its setting ``expected_denied`` does. Every method
    raises a ``TruffleError`` whose text says what to do.
    """

    def __init__(
        self,
        *,
        profile: str | None = None,
        api_url: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        ignore_denied: bool = False,
    ) -> None:
        if not isinstance(timeout, int | float) or not timeout > 0:
            from truffle.query import BadArgument

            raise BadArgument("timeout", str(timeout), "It must be a number of seconds above 0.")
        if api_url is not None:
            from truffle.sources.api import check_url

            check_url(api_url)
            _check_live(ignore_denied)
        self.profile = profile
        self.api_url = api_url
        self.timeout = timeout
        self.ignore_denied = ignore_denied
        self._session: Session | None = None

    @property
    def _caller(self) -> Session | str | None:
        return self._session or self.profile

    def sign_in(self, region: str | None = None) -> None:
        """Resolve the credentials now, and keep them for the calls of this client.

        Without it each call resolves them anew, before its timeout begins. A profile with
        ``mfa_serial`` asks for a code on the terminal; the AWS CLI's cache is shared. ``region`` is
        the one whose STS is asked where none is configured. Raises TruffleError.
        """
        from truffle.credentials import sign_in
        from truffle.ec2.sessions import open_session

        session = open_session(self.profile, region)
        sign_in(session)
        self._session = session

    @overload
    def capacity(
        self,
        instance_types: Several | None = ...,
        regions: Several | None = ...,
        reservation_type: Literal[ReservationType.ODCR] = ...,
        *,
        sort: str | None = ...,
        limit: int | None = ...,
        as_of: datetime | str | None = ...,
        **filters: Unpack[Filters],
    ) -> Reservations[Odcr]: ...

    @overload
    def capacity(
        self,
        instance_types: Several | None = ...,
        regions: Several | None = ...,
        *,
        reservation_type: Literal[ReservationType.CAPACITY_BLOCKS],
        sort: str | None = ...,
        limit: int | None = ...,
        as_of: datetime | str | None = ...,
        **filters: Unpack[Filters],
    ) -> Reservations[CapacityBlock]: ...

    @overload
    def capacity(
        self,
        instance_types: Several | None = ...,
        regions: Several | None = ...,
        reservation_type: str | Iterable[str] = ...,
        *,
        sort: str | None = ...,
        limit: int | None = ...,
        as_of: datetime | str | None = ...,
        **filters: Unpack[Filters],
    ) -> Reservations[Any]: ...

    def capacity(
        self,
        instance_types: Several | None = None,
        regions: Several | None = None,
        reservation_type: str | Iterable[str] = DEFAULT_TYPE,
        *,
        sort: str | None = None,
        limit: int | None = None,
        as_of: datetime | str | None = None,
        **filters: Unpack[Filters],
    ) -> Reservations[Any]:
        """The reservations that match, in the order of every truffle.

        ``instance_types`` takes globs (``p5*``). ``reservation_type`` takes one or several.
        ``min_capacity`` counts available instances of ODCRs, all instances of blocks.
        ``active_only`` None keeps active ODCRs and blocks in any state, and is off where ``states``
        are named. ``name`` takes names or globs of the tag Name, ``tags`` a mapping or
        ``key=value`` texts, ``sort`` a field, ``-field`` descending. ``…_after`` includes its
        bound, ``…_before`` excludes it; times are datetimes, or texts such as ``2026-12-01``,
        ``tomorrow`` or ``36h`` (from now). ``as_of`` asks a deployed stack what was held at a
        time of the past (``2026-11-03T12:00:00Z``, ``7d`` ago).

        Raises TruffleError where no scope answers; a scope that fails while others answer is in
        ``failures``.
        """
        from truffle.query import ask

        question = ask(
            instance_types=instance_types,
            regions=regions,
            reservation_type=reservation_type,
            sort=sort,
            limit=limit,
            as_of=as_of,
            **filters,
        )
        inventory = self.inventory(question)
        if inventory.failures and inventory.observed_at is None:
            raise nothing_known(inventory.failures)
        answer = question.answer(inventory.reservations)
        return Reservations(answer.rows, inventory, len(answer.matches), question.warnings)

    def reservation(
        self,
        reservation_id: str,
        regions: Several | None = None,
        *,
        as_of: datetime | str | None = None,
    ) -> Reservation:
        """The reservation with this id, as it is or was at a time. Raises TruffleNotFoundError."""
        from truffle.arguments import check_reservation_id
        from truffle.query import ask

        check_reservation_id(reservation_id, is_of_ec2=self.api_url is None)
        everything = ask(
            reservation_type=list(TYPES), regions=regions, active_only=False, as_of=as_of
        )
        inventory = self.inventory(everything)
        return find(inventory, reservation_id)

    def list_regions(self) -> list[str]:
        """The regions that are asked: those enabled for the account, or those collected."""
        if self.api_url is not None:
            return list(self.api().get("/status", "regions", [("limit", "1")])["regions"])
        from truffle.sources.live import list_regions

        return list_regions(self._caller, self.timeout)

    @overload
    def offerings(
        self,
        instance_type: str,
        count: int = ...,
        days: float | str | None = ...,
        duration_hours: float | None = ...,
        start_after: datetime | str | None = ...,
        end_by: datetime | str | None = ...,
        regions: Several | None = ...,
        sort: str | None = ...,
        start: str | None = ...,
        *,
        source: Literal["live"] = ...,
    ) -> Offerings: ...

    @overload
    def offerings(
        self,
        instance_type: Several | None = ...,
        *,
        start_after: datetime | str | None = ...,
        regions: Several | None = ...,
        sort: str | None = ...,
        source: Literal["api"],
        watches: Several | None = ...,
        since: datetime | str | None = ...,
        until: datetime | str | None = ...,
    ) -> Finds: ...

    def offerings(
        self,
        instance_type: Several | None = None,
        count: int | None = None,
        days: float | str | None = None,
        duration_hours: float | None = None,
        start_after: datetime | str | None = None,
        end_by: datetime | str | None = None,
        regions: Several | None = None,
        sort: str | None = None,
        start: str | None = None,
        *,
        source: str = "live",
        watches: Several | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
    ) -> Offerings | Finds:
        """Blocks that can be bought now, by price or start; asks EC2 itself.

        The duration is rounded up to what AWS sells: days to 14, then weeks to 182 days. ``days``
        and ``start`` may be ranges (``5..10``, ``2026-12-05..2026-12-20``): then the best window
        comes first. Only the result's ``outcomes`` tell a region that sells none now from one that
        never does.

        With ``source="api"`` a deployed stack answers what its watches found: as known now, or all
        that was found between ``since`` and ``until``. Types may then be globs, and ``sort`` is a
        field of the JSON.
        """
        from truffle.sources.offerings import Offerings

        if source == "api":
            given = {"count": count, "days": days, "duration_hours": duration_hours}
            return self._finds(
                {**given, "end_by": end_by, "start": start},
                instance_types=instance_type,
                regions=regions,
                watches=watches,
                sort=sort,
                starts_after=start_after,
                period=(since, until),
            )
        wanted = _wanted(instance_type, count, days, duration_hours, start_after, end_by, start)
        market = self.market(wanted, regions)
        return Offerings(market, sort or ("hourly" if wanted.is_flexible else "price"))

    def _finds(
        self,
        of_a_watch: Mapping[str, Any],
        period: tuple[datetime | str | None, datetime | str | None],
        starts_after: datetime | str | None,
        **chosen: Several | None,
    ) -> Finds:
        from truffle.arguments import check_of_a_watch, moment, past_period
        from truffle.sources.market import finds_query, read_finds

        check_of_a_watch(**of_a_watch)
        since, until = past_period(*period)
        start = moment("start_after", starts_after)
        query = finds_query(**chosen, starts_after=start, since=since, until=until)
        return read_finds(self.api(), query)

    def offering_history(
        self,
        instance_types: Several | None = None,
        regions: Several | None = None,
        watches: Several | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
    ) -> Points:
        """The price and the lead time of each answer to a watch; of the last 7 days where
        ``since`` is None. Needs a deployed stack."""
        from truffle.arguments import past_period
        from truffle.sources.market import history_query, read_points

        start, end = past_period(since, until)
        query = history_query(
            instance_types=instance_types, regions=regions, watches=watches, since=start, until=end
        )
        return read_points(self.api(), query)

    def fleets(self, regions: Several | None = None) -> RegionalResults[CapacityFleet]:
        """Capacity Reservation Fleets, by region and id."""
        from truffle.query import ask
        from truffle.sources.regional import RegionalResults

        return RegionalResults(self.every_fleet(ask(regions=regions).regions))

    def topology(
        self, instance_types: Several | None = None, regions: Several | None = None
    ) -> RegionalResults[Placement]:
        """The network nodes of reservations and blocks.

        ``truffle.core.topology`` makes trees of them. Regions without the call have none.
        """
        from truffle.query import ask
        from truffle.sources.regional import RegionalResults

        question = ask(regions=regions, instance_types=instance_types)
        types = sorted(question.filter.instance_types)
        return RegionalResults(self.every_placement(question.regions, types))

    def validate(
        self,
        instance_type: str,
        count: int,
        days: float,
        start_by: datetime | str | None = None,
        regions: Several | None = None,
    ) -> Validation:
        """Whether a training run has capacity, on what, on what network, and why not.

        Raises TruffleError where nothing fits and some scope gave no answer: then nobody knows.
        A region that is denied or not enabled has given one.
        """
        from truffle import clock
        from truffle.arguments import training_request
        from truffle.core.validation import validate
        from truffle.query import run_question

        request = training_request(instance_type, count, days, start_by)
        inventory = self.inventory(run_question(request.instance_type, regions))
        rows, unknown = inventory.reservations, unknown_regions(inventory)
        validation = validate(rows, request, clock.now(), unknown)
        if not validation.ok and (silent := unanswered(inventory)):
            raise incomplete(silent)
        return self.placed(validation)[0]

    def recommend(
        self,
        purpose: str,
        days: float | None = None,
        start: date | str | None = None,
        instance_type: str | None = None,
        count: int | None = None,
        source: str | None = None,
    ) -> Recommendation:
        """Which type of capacity a workload should have, with the facts; asks nobody.

        ``source="api"`` adds what the watches of a deployed stack know of a block to buy.
        """
        from truffle import clock
        from truffle.arguments import workload
        from truffle.core.recommendation import recommend, with_market

        work = workload(purpose, days, start, instance_type, count)
        answer = recommend(work, clock.now().date())
        if source != "api":
            return answer
        return with_market(answer, self.offerings(source="api").market, clock.now())

    def events(
        self,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        types: Several | None = None,
        severities: Several | None = None,
        reservation_id: str | None = None,
        limit: int | None = None,
    ) -> list[Event]:
        """Events, the newest first; of the last 7 days where ``since`` is None."""
        from truffle.arguments import event_limit, event_query
        from truffle.core.events import from_message
        from truffle.sources.api import list_events

        limit = None if limit is None else event_limit(limit)
        query = event_query(since, until, types, severities, reservation_id)
        api = self.api()
        found = list_events(api, query, limit)
        with api.understood():
            return [from_message(item) for item in found.items]

    def history(self, reservation_id: str, *, as_of: datetime | str | None = None) -> History:
        """One reservation with its events, also when it is gone, now or at a time of the past.

        Raises TruffleNotFoundError."""
        from truffle.arguments import as_of_query
        from truffle.sources.history import to_history

        api = self.api()
        told = api.get(f"/reservations/{reservation_id}", "events", as_of_query(as_of))
        with api.understood():
            return to_history(told)

    def usage(
        self,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        interval: str = "day",
        by: Several = "type",
        *,
        instance_types: Several | None = None,
        regions: Several | None = None,
        reservation_type: str | Iterable[str] = TYPES,
        **filters: Unpack[Filters],
    ) -> Usage:
        """Hours held, used and idle, and their cost, by interval and group.

        The last 7 whole days in UTC where no period is given. ``interval`` is ``hour``, ``day``,
        ``week``, ``month`` or ``total``; ``by`` one or several of ``reservation``, ``account``,
        ``owner``, ``region``, ``instance_type``, ``accelerator``, ``type`` and ``tag:KEY``. A cost
        is None where no price is known. Needs a deployed stack.
        """
        from truffle.arguments import usage_query
        from truffle.query import ask
        from truffle.sources.usage import read_usage

        filters.setdefault("active_only", False)
        question = ask(
            reservation_type=reservation_type,
            instance_types=instance_types,
            regions=regions,
            **filters,
        )
        return read_usage(self.api(), usage_query(question, since, until, interval, by))

    def prices(self) -> PriceBook:
        """What a deployed stack knows of prices: the alerts file's own, AWS's price list, fees."""
        from truffle.core.pricing_json import from_json

        api = self.api()
        answer = api.get("/prices", "price_list")
        with api.understood():
            return from_json(answer)

    def stranded(
        self,
        instance_types: Several | None = None,
        regions: Several | None = None,
        accounts: Several | None = None,
    ) -> StrandedSpend:
        """Instances that run On-Demand beside idle reserved capacity, why, and what to change.

        Needs a deployed stack with the setting ``stranded``; raises TruffleNotFoundError without.
        """
        from truffle.core.queries import to_values
        from truffle.query import ask
        from truffle.sources.stranded import read_stranded

        question = ask(
            reservation_type=list(ReservationType),
            instance_types=instance_types,
            regions=regions,
            accounts=accounts,
            active_only=False,
        )
        return read_stranded(self.api(), list(to_values(question.filter, only="")))

    def status(self) -> Json:
        """Every scope, their totals and the last runs, as ``GET /status`` gives them."""
        from truffle.scopes import read_status

        return read_status(self.api())

    def explain(self, event_id: str, *, since: datetime | str | None = None) -> Json:
        """Who gets an event, why, and what became of it, as ``GET /alerts/explain`` answers.

        ``event_id`` may be the beginning of an id; ``since`` is how far back the event is looked
        for, by default 31 days. Raises TruffleNotFoundError for an unknown
        event, ApiError where the ids of several begin so.
        """
        from truffle.arguments import explain_query

        return self.api().get("/alerts/explain", "decisions", explain_query(event_id, since))

    def test_route(self, route: str) -> Json:
        """Send a sample to each destination of a route, as ``POST /alerts/test`` does; an unknown
        route is an ApiError that names those that there are."""
        from truffle.arguments import check_route

        check_route(route)
        return self.api().post("/alerts/test", "sent", [("route", route)])

    def republish(self, since: datetime | str, until: datetime | str | None = None) -> Json:
        """Publish the events of a period that could not be published, as ``POST
        /alerts/republish`` does until nothing is left: how many were ``published`` now, how many
        ``already_published``, how many ``failed`` and why (``error``). Where all that is tried
        fails it ends early: ``next`` has the parameters to go on with."""
        from truffle.arguments import republish_query

        counts = dict.fromkeys(("published", "already_published", "failed"), 0)
        query, error = republish_query(since, until), None
        while True:
            answer = self.api().post("/alerts/republish", "published", query)
            with self.api().understood():
                counts = {name: count + answer[name] for name, count in counts.items()}
                error = error or answer["error"]
                if not answer["next"] or (answer["error"] and not answer["published"]):
                    return {**answer, **counts, "error": error}
                query = list(answer["next"].items())

    def inventory(self, question: Question, progress: Progress | None = None) -> Listing:
        """Everything that the source knows of a question, unordered; the failures are data."""
        if self.api_url is not None:
            from truffle.sources.api import list_api

            return list_api(self.api(), question)
        from truffle.sources.live import list_live

        question.check_live()
        found = list_live(self._caller, question.regions, self.timeout, progress, question.filter)
        return found.without_denied() if self.ignore_denied else found

    def market(
        self,
        wanted: Wanted,
        regions: Several | None = None,
        progress: Progress | None = None,
        include: Sequence[str] = (),
    ) -> Market:
        """The offerings of every region for a wanted block (``truffle.core.offerings.Wanted``)."""
        from truffle.query import ask
        from truffle.sources.offerings import list_market

        named = ask(regions=regions).regions
        market = list_market(self._caller, wanted, named, self.timeout, progress, include)
        return market.without_denied() if self.ignore_denied else market

    def every_fleet(
        self, regions: Sequence[str] | None, progress: Progress | None = None
    ) -> Everywhere[CapacityFleet]:
        """The fleets of every region, and how each region or scope answered."""
        if self.api_url is not None:
            return self._deployed_fleets(regions)
        from truffle.core.fleets import by_name
        from truffle.ec2.fleets import list_fleets
        from truffle.sources.regional import list_everywhere

        found = list_everywhere(self._caller, list_fleets, regions, self.timeout, progress)
        found.items.sort(key=by_name)
        return found.without_denied() if self.ignore_denied else found

    def every_placement(
        self,
        regions: Sequence[str] | None,
        instance_types: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Everywhere[Placement]:
        """The network nodes of every region's reservations, and how each region or scope
        answered."""
        if self.api_url is not None:
            from truffle.core.topology import from_json
            from truffle.sources.deployed import list_deployed

            types = [("instance_type", ",".join(instance_types))] if instance_types else []
            return list_deployed(self.api(), "/topology", from_json, _of_regions(regions), types)
        from functools import partial

        from truffle.ec2.topology import list_placements
        from truffle.sources.regional import list_everywhere

        listing = partial(list_placements, instance_types=instance_types)
        found = list_everywhere(self._caller, listing, regions, self.timeout, progress)
        return found.without_denied() if self.ignore_denied else found

    def _deployed_fleets(self, regions: Sequence[str] | None) -> Everywhere[CapacityFleet]:
        from truffle.core.fleets import by_name, from_json
        from truffle.sources.deployed import list_deployed

        found = list_deployed(self.api(), "/fleets", from_json, _of_regions(regions))
        found.items.sort(key=by_name)
        return found

    def placed(self, validation: Validation) -> tuple[Validation, str | None]:
        """A validation with the network nodes of what was found, and why they are not known where
        that failed: one call more."""
        from dataclasses import replace

        from truffle.sources.placements import placements_of

        if validation.found is None:
            return validation, None
        api = self.api() if self.api_url is not None else None
        rows = validation.found.rows
        found, reason = placements_of(self._caller, api, rows, self.timeout)
        return replace(validation, placements=found), reason

    def api(self) -> Api:
        """The deployed API. Raises BadArgument where there is none."""
        if self.api_url is None:
            from truffle.query import BadArgument

            allowed = "Events, history, usage, status and alerts need a stack: Truffle(api_url=…)."
            raise BadArgument("api_url", "", allowed)
        from truffle.sources.api import open_api

        return open_api(self.api_url, self._caller, self.timeout)


def _wanted(instance_type: Several | None, count: int | None, *others: Any) -> Wanted:
    """The block to look for. Raises BadArgument."""
    from truffle.arguments import wanted_block

    name = instance_type if isinstance(instance_type, str) else ",".join(instance_type or ())
    return wanted_block(name, 1 if count is None else count, *others)


def _of_regions(regions: Sequence[str] | None) -> list[tuple[str, str]]:
    return [("region", ",".join(regions))] if regions else []


def _check_live(ignore_denied: bool) -> None:
    """Raises BadArgument: what a stack expects to be denied is its setting."""
    if ignore_denied:
        from truffle.query import BadArgument

        allowed = (
            "It is for live listings: for the deployed stack, set expected_denied in its cdk.json."
        )
        raise BadArgument("ignore_denied", "", allowed)


def check_gpu_capacity(
    available_only: bool = True, min_capacity: int | None = None
) -> Reservations[Odcr]:
    """The active ODCRs of GPU types, live; ``Truffle().capacity(gpu_only=True, …)`` in short."""
    return Truffle().capacity(
        gpu_only=True, available_only=available_only, min_capacity=min_capacity
    )
