"""An event as an Opsgenie alert: Alert API v2, created and closed by its alias.

Limits (Opsgenie, Alert API): message 130 characters, alias 512, description 15,000, tags 20 of 50,
details 8,000 in all, entity 512, source 100, note 25,000.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from truffle.core.events import Event, Severity
from truffle.core.incidents import Incident
from truffle.messages.card import Card, event_card
from truffle.messages.text import defused, fit

API_URL = "https://api.opsgenie.com"
DETAIL_LENGTH = 400
"""The limit of one detail, of 8,000 characters for all; a card has less than twenty facts."""

_PRIORITIES = {
    Severity.INFO: "P5",
    Severity.GOOD: "P5",
    Severity.WARNING: "P3",
    Severity.CRITICAL: "P1",
}


@dataclass(frozen=True, slots=True)
class OpsgenieRequest:
    """A POST: the path below the API's URL, with its query, and the body."""

    path: str
    body: dict[str, Any]


def request(
    event: Event,
    incident: Incident,
    *,
    report_url: str | None = None,
    late: timedelta | None = None,
    test: bool = False,
) -> OpsgenieRequest:
    """The request that creates or closes the alert.

    ``report_url`` is where the report is published, None if it is not.
    """
    card = event_card(event, report_url=report_url, late=late, test=test)
    alias = fit(f"test/{event.event_id}" if test else incident.key, 512)
    if incident.is_end:
        path = f"/v2/alerts/{quote(alias, safe='')}/close?identifierType=alias"
        return OpsgenieRequest(path, {"source": "truffle", "note": fit(card.summary, 2000, escape)})
    return OpsgenieRequest("/v2/alerts", _alert(event, card, alias))


def _alert(event: Event, card: Card, alias: str) -> dict[str, Any]:
    words = (event.type.value, event.severity.value, *card.keywords)
    return {
        "message": fit(f"{'TEST: ' if card.test else ''}{card.summary}", 130, escape),
        "alias": alias,
        "description": _description(card),
        "tags": [fit(word, 50, escape) for word in words],
        "details": {it.name: fit(it.value, DETAIL_LENGTH, escape) for it in card.facts},
        "entity": fit(card.subject, 512, escape),
        "source": "truffle",
        "priority": "P5" if card.test else _PRIORITIES[event.severity],
    }


def escape(text: str) -> str:
    """Escape for HTML, which Opsgenie shows; a text message would show entities literally."""
    return defused(text.replace("<", "‹").replace(">", "›"))


def _description(card: Card) -> str:
    paragraphs = [*card.notes, fit(card.summary, 5000, escape)]
    if card.step:
        paragraphs.append(f"What to do: {fit(card.step, 5000, escape)}")
    paragraphs += [f"{link.title}: {link.url}" for link in card.links]
    return "\n\n".join([*paragraphs, fit(card.footer, 1000, escape)])
