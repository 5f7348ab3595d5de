"""The finds of the deployed stack's watches: ``GET /offerings`` and its history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from truffle.core.codec import Json
from truffle.core.market.answers import Answer, Outcome
from truffle.core.market.finds import Find, Market, Standing, market_of
from truffle.core.market.history import Point
from truffle.core.market.matrix import Cell, matrix
from truffle.core.market.queries import HISTORY, OFFERINGS
from truffle.core.market.watches import Question
from truffle.core.model import FailureKind
from truffle.core.parameters import MAX_LIMIT, BadParameter, Parameter
from truffle.core.times import format_time
from truffle.ec2.plan_offerings import plan_type
from truffle.query import BadArgument, Several
from truffle.results import Results
from truffle.sources.api import Api, Parameters
from truffle.sources.listing import ScopeFailure
from truffle.sources.offerings import LiveOfferings

_ARGUMENTS: Mapping[str, str] = {
    "watches": "watch",
    "instance_types": "instance_type",
    "regions": "region",
    "availability_zones": "availability_zone",
}
"""Parameters of the API by the names of arguments, where they differ."""

_NOT_ASKED = "The request budget of the region allowed no call in time."


class Finds(Results[Find]):
    """Offerings that watches found, in order.

    ``standings`` has each region's answers to each watch; ``failures`` those whose last attempt did
    not show what is sold. Their last known offerings are among the finds, with their time.
    """

    def __init__(self, finds: Iterable[Find], standings: Iterable[Standing]) -> None:
        super().__init__(finds)
        self.standings: list[Standing] = list(standings)
        self.failures = [_failure(it) for it in self.standings if not it.outcome.is_known]

    @property
    def market(self) -> Market:
        return Market(tuple(self), tuple(self.standings))

    def matrix(self) -> list[Cell]:
        """The cheapest accelerator-hour and the soonest start of each type and region."""
        return matrix(self.market)


class Points(Results[Point]):
    """The answers to watches, by watch, region and time. ``failures`` is empty: each point has its
    own outcome."""

    def __init__(self, points: Iterable[Point]) -> None:
        super().__init__(points)
        self.failures = []


def _failure(standing: Standing) -> ScopeFailure:
    is_waiting = standing.outcome is Outcome.NOT_ASKED
    message = _NOT_ASKED if is_waiting else standing.message or ""
    return ScopeFailure(
        account_id=standing.account_id,
        region=standing.region,
        code=f"{standing.watch}: {standing.code or standing.outcome.value}",
        message=message,
        kind=FailureKind.ERROR,
        last_success=standing.known_at,
    )


LIVE: Final = "live"
"""The name in place of a watch if EC2 itself was queried."""


def live_matrix(found: LiveOfferings, now: datetime) -> list[Cell]:
    """The matrix of one search of EC2 itself; training plans, if included, have their own rows."""
    wanted = found.wanted
    requested = [(name, it.of_type(name, wanted)) for name in wanted.types for it in found.regions]
    requested += [
        (name, it.of_type(name, wanted))
        for name in map(plan_type, wanted.types)
        for it in found.plans
    ]
    answers = [
        Answer(
            watch=LIVE,
            region=it.region,
            account_id="",
            question=Question(name, wanted.count, wanted.duration_hours),
            outcome=it.as_answer,
            observed_at=now,
            offerings=it.offerings,
            code=it.code,
            message=it.message,
        )
        for name, it in requested
    ]
    known = [(it, it if it.outcome.is_known else None) for it in answers]
    return matrix(market_of(known))


def finds_query(**arguments: Several | datetime | str | None) -> list[tuple[str, str]]:
    """The parameters of ``GET /offerings``. Raises BadArgument."""
    return list(_query(OFFERINGS, arguments))


def history_query(**arguments: Several | datetime | str | None) -> list[tuple[str, str]]:
    """The parameters of ``GET /offerings/history``. Raises BadArgument."""
    return list(_query(HISTORY, arguments))


def _query(
    parameters: Iterable[Parameter], arguments: Mapping[str, Any]
) -> Iterable[tuple[str, str]]:
    known = {parameter.name: parameter for parameter in parameters}
    for argument, given in arguments.items():
        name = _ARGUMENTS.get(argument, argument)
        texts = _texts(given)
        if texts:
            yield name, ",".join(_checked(known[name], argument, texts))


def _texts(given: Any) -> list[str]:
    if given is None or given is False:
        return []
    if given is True:
        return ["true"]
    if isinstance(given, datetime):
        return [format_time(given)]
    if isinstance(given, str | int | float):
        return [str(given)]
    return [str(each) for each in given]


def _checked(parameter: Parameter, argument: str, texts: list[str]) -> list[str]:
    try:
        parameter.values(texts)
    except BadParameter as error:
        raise BadArgument(argument, error.value, error.allowed, error.nearest) from None
    return texts


def read_finds(api: Api, query: Parameters) -> Finds:
    """Read every page. Raises ApiError."""
    items: list[Json] = []
    answers: list[Json] = []
    for page in api.pages("/offerings", [*query, ("limit", str(MAX_LIMIT))]):
        items += page["items"]
        answers = page["answers"]
    with api.understood():
        return Finds(map(Find.from_json, items), map(Standing.from_json, answers))


def read_points(api: Api, query: Parameters) -> Points:
    """Read every page. Raises ApiError."""
    items: list[Json] = []
    for page in api.pages("/offerings/history", [*query, ("limit", str(MAX_LIMIT))]):
        items += page["items"]
    with api.understood():
        return Points(map(Point.from_json, items))
