"""A deployed stack for tests: its API over HTTP, answered by the real code from listed regions."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lambdas.api import answers, market
from lambdas.api.answers import Context
from lambdas.api.fleets import fleets as fleets_of
from lambdas.api.inventory import View
from lambdas.api.stranded import answer as stranded_of
from lambdas.api.topology import topology as topology_of
from lambdas.api.usage import answer as usage_of
from lambdas.api.usage import to_usage_query
from lambdas.republishing import SECONDS, republish
from lambdas.store.fleets import StoredFleets
from lambdas.store.placements import ScopePlacements
from lambdas.store.stranded import StrandedResult
from tests.sandbox.worlds import running_now
from truffle.alerts.explanation import ExplainedDelivery, explain_delivered
from truffle.alerts.sample import sample_event
from truffle.alerts.settings import AlertSettings
from truffle.core import parameters
from truffle.core.codec import encode
from truffle.core.events import Event, to_message
from truffle.core.expected import NOTHING_EXPECTED, ExpectedDenials
from truffle.core.kinds.registry import KINDS
from truffle.core.market.answers import Answer as WatchAnswer
from truffle.core.market.finds import finds_of, latest, market_of
from truffle.core.market.history import points
from truffle.core.market.queries import HISTORY, OFFERINGS, to_period, to_query
from truffle.core.merging import merge
from truffle.core.model import FailureKind, Reservation, Scope
from truffle.core.parameters import BadParameter, parse
from truffle.core.pricing import PriceBook
from truffle.core.queries import parse_list, to_page
from truffle.core.runs import Run
from truffle.core.spans import Span
from truffle.core.status import ScopeError, ScopeStatus, judge_all
from truffle.core.times import parse_time

Answer = tuple[int, Any]
Given = dict[str, list[str]]

TYPES: dict[str, list[str]] = {kind.path: [name] for name, kind in KINDS.items()}


@dataclass
class Deployed:
    """The stack's data and its faults: ``broken`` answers its next requests, ``unreachable`` are
    destinations and the error of each, ``unpublishable`` the ids of events."""

    rows: list[Reservation] = field(default_factory=list)
    statuses: list[ScopeStatus] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    deliveries: dict[str, ExplainedDelivery] = field(default_factory=dict)
    unreachable: dict[str, str] = field(default_factory=dict)
    expected: ExpectedDenials = NOTHING_EXPECTED
    published: list[str] = field(default_factory=list)
    unpublishable: list[str] = field(default_factory=list)
    broken: list[Answer] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    gzips: bool = False
    past: dict[datetime, Deployed] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    missing_days: list[str] = field(default_factory=list)
    fleets: dict[Scope, StoredFleets] = field(default_factory=dict)
    placements: dict[Scope, ScopePlacements] = field(default_factory=dict)
    prices: PriceBook = field(default_factory=PriceBook)
    stranded: list[StrandedResult] = field(default_factory=list)
    market: list[WatchAnswer] = field(default_factory=list)
    clock: Callable[[], datetime] = running_now

    def collected(self, scope: Scope, *rows: Reservation, at: datetime | None = None) -> None:
        """A scope that was listed, a minute ago."""
        moment = at or self.clock() - timedelta(minutes=1)
        self.rows += rows
        self.statuses.append(
            ScopeStatus(
                scope=scope, observed_at=moment, attempted_at=moment, reservations=len(rows)
            )
        )

    def failed(
        self, scope: Scope, code: str, *rows: Reservation, since: timedelta = timedelta()
    ) -> None:
        """A scope that has failed for so long, and was listed 3 hours ago."""
        now = self.clock()
        error = ScopeError(code, "It says no.", FailureKind.DENIED, now - since)
        seen = now - timedelta(hours=3) if rows else None
        self.rows += rows
        self.statuses.append(
            ScopeStatus(scope=scope, observed_at=seen, attempted_at=now, error=error)
        )

    def answer(self, method: str, path: str, given: Given) -> Answer:
        try:
            if (method == "POST") != (path in ("/alerts/test", "/alerts/republish")):
                return 404, {"title": "Unknown route", "detail": "The route is unknown."}
            return self._answer(path, given)
        except BadParameter as error:
            detail = {"title": "Bad parameter", "status": 400, "detail": str(error)}
            return 400, {**detail, "parameter": error.name}

    def _answer(self, path: str, given: Given) -> Answer:
        if "as_of" in given:
            given = dict(given)
            moment = parse_time(given.pop("as_of")[0])
            known = [at for at in self.past if at <= moment]
            if not known:
                return 404, {"title": "Before the first snapshot", "detail": "Nothing is known."}
            return self.past[max(known)]._answer(path, given)
        merged = merge(self.rows)
        view = View(self.statuses, merged, {row.reservation_id: row for row in merged})
        now = self.clock()
        judged = judge_all(self.statuses, now, timedelta(hours=2), self.expected)
        context = Context(view, now, judged)
        question = answers.fingerprint_of(path, given)
        if path in TYPES or path == "/reservations":
            asked = {**given, "type": TYPES[path]} if path in TYPES else given
            return 200, json.loads(answers.reservations(context, parse_list(asked), question))
        if path == "/prices":
            chosen = parse_list(given, parameters.PRICES).filter
            return 200, answers.prices(context, chosen, self.prices)
        if path == "/stranded":
            chosen = parse_list(given, parameters.STRANDED).filter
            return 200, stranded_of(context, chosen, self.stranded, self.prices)
        if path == "/usage":
            asked_for = to_usage_query(parse(given, parameters.USAGE), self.clock())
            found = usage_of(asked_for, self.spans, self.prices)
            more = {"missing_days": self.missing_days, "collection": context.collection}
            return 200, json.loads(found.text(**more))
        if path in ("/offerings", "/offerings/history"):
            return 200, self._market(path, given, question)
        if path == "/status":
            values = parse(given, parameters.STATUS)
            return 200, answers.status(context, self.runs, values, to_page(values), question)
        if path == "/fleets":
            values = parse(given, parameters.FLEETS)
            return 200, fleets_of(context, self.fleets, values, to_page(values), question)
        if path == "/topology":
            values = parse(given, parameters.TOPOLOGY)
            page = to_page(values)
            return 200, topology_of(context, self.placements, values, page, question)
        if path == "/events":
            return 200, self._events(context, given)
        if path == "/alerts/explain":
            return self._explain(parse(given, parameters.EXPLAIN)["event_id"][0])
        if path == "/alerts/republish":
            return self._republish(given)
        if path == "/alerts/test":
            return self._try_route(parse(given, parameters.TEST)["route"][0])
        return self._one(context, path.removeprefix("/reservations/"))

    def _events(self, context: Context, given: Given) -> Any:
        values = parse(given, parameters.EVENTS)
        since, until = values.get("since", [None])[0], values.get("until", [None])[0]
        output = sorted(
            (
                (event.event_id, to_message(event))
                for event in self.events
                if (since is None or event.observed_at >= since)
                and (until is None or event.observed_at < until)
            ),
            reverse=True,
        )
        found = answers.matching_events(output, values)
        return answers.events(
            context, found, to_page(values), answers.fingerprint_of("/events", given)
        )

    def _market(self, path: str, given: Given, question: str) -> Any:
        """The answers to watches, as the routes of the market give them."""
        is_history = path == "/offerings/history"
        values = parse(given, HISTORY if is_history else OFFERINGS)
        query = to_query(values, self.clock())
        since, until = query.period or to_period(values, self.clock())
        output = [it for it in self.market if since <= it.observed_at < until]
        if is_history:
            chosen = filter(query.chosen.covers_question, output)
            return market.history(points(chosen), query.page, question)
        known = market_of(latest(self.market))
        if query.period is not None:
            known = replace(market_of(latest(output)), finds=tuple(finds_of(output)))
        return market.offerings(known, query, question)

    def _explain(self, event_id: str) -> Answer:
        found = [event for event in self.events if event.event_id.startswith(event_id)]
        if not found:
            return 404, {"title": "Unknown event", "detail": f"No event has the id {event_id}."}
        (event,) = found
        decisions = explain_delivered(event, self.alerts, self.deliveries)
        return 200, {"event": to_message(event), "decisions": decisions}

    def since(
        self, since: datetime, until: datetime, after: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """The messages of the events of a period, as the table's store reads them."""
        found = [event for event in self.events if since <= event.observed_at < until]
        for event in sorted(found, key=lambda event: (event.observed_at, event.event_id)):
            if (event.observed_at, event.event_id) > (since, after or ""):
                yield to_message(event)

    def _republish(self, given: Given) -> Answer:
        """One event a call; those of ``unpublishable`` fail."""
        parse(given, parameters.REPUBLISH)

        def publish(message: dict[str, Any]) -> bool:
            if message["event_id"] in self.unpublishable:
                raise ValueError(message["event_id"])
            is_new = message["event_id"] not in self.published
            self.published.append(message["event_id"])
            return is_new

        ticks = count(step=1 + SECONDS / 2)
        asked = {name: texts[0] for name, texts in given.items()}
        return 200, republish(self, asked, publish, lambda: next(ticks))

    def _try_route(self, name: str) -> Answer:
        routes = {route.name: route for route in self.alerts.routes}
        if name not in routes:
            raise BadParameter("route", name, f"The routes are {', '.join(routes)}.")
        message = to_message(sample_event(routes[name], self.clock()))
        sent = [
            {
                "destination": destination,
                "kind": self.alerts.destination(destination).kind.value,
                "error": self.unreachable.get(destination),
            }
            for destination in routes[name].to
        ]
        return 200, {"route": name, "event": message, "sent": sent}

    def _one(self, context: Context, name: str) -> Answer:
        row = context.view.by_id.get(name)
        if row is None:
            return 404, {"title": "Unknown reservation", "detail": f"No scope lists {name}."}
        output = [
            to_message(event)
            for event in self.events
            if event.reservation is not None and event.reservation.reservation_id == name
        ]
        return 200, answers.reservation(context, encode(row), output, len(output))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, deployed: Callable[[], Deployed]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.deployed = deployed


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._reply("GET")

    def do_POST(self) -> None:
        self._reply("POST")

    def _reply(self, method: str) -> None:
        parts = urlsplit(self.path)
        deployed = self.server.deployed()
        deployed.requests.append(self.path)
        if not _is_signed(self.headers):
            self._send(403, {"message": "Forbidden"})
        elif deployed.broken:
            self._send(*deployed.broken.pop(0))
        else:
            given = parse_qs(parts.query, keep_blank_values=True)
            self._send(*deployed.answer(method, parts.path.removeprefix(STAGE), given))

    def _send(self, status: int, body: Any) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        if self.server.deployed().gzips and "gzip" in self.headers.get("Accept-Encoding", ""):
            content = gzip.compress(content)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Tests read stderr."""


def _is_signed(headers: Message) -> bool:
    """With Signature Version 4, for the service of the API Gateway."""
    authorization = headers.get("Authorization") or ""
    return authorization.startswith("AWS4-HMAC-SHA256") and "/execute-api/" in authorization


STAGE = "/_aws/execute-api/abc123/$default"
"""The path of an API behind an endpoint that serves all of AWS."""


class Serving:
    """Serves whatever ``deployed`` is, at ``url``."""

    def __init__(self) -> None:
        self.deployed = Deployed()
        self._server = _Server(lambda: self.deployed)
        self.url = f"http://127.0.0.1:{self._server.server_port}{STAGE}"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
