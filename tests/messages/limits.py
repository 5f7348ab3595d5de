"""The published schema and limits of each destination, as assertions.

Lengths are UTF-16 code units, the strictest reading of "characters".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

Json = dict[str, Any]


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def is_text(text: Any, most: int) -> bool:
    """A text of one character or more, of which UTF-8 can be made."""
    return isinstance(text, str) and bool(text.strip()) and units(text) <= most


def is_url(url: Any, most: int = 3000) -> bool:
    parts = urlsplit(url)
    return url.isascii() and parts.scheme == "https" and bool(parts.hostname) and len(url) <= most


def keys(value: Json, required: str, optional: str = "") -> None:
    names = set(required.split())
    assert names <= value.keys() <= names | set(optional.split()), value.keys()


def check_slack(body: Json) -> None:
    """Slack's reference of messages, blocks and attachments."""
    keys(body, "text blocks attachments", "unfurl_links unfurl_media")
    assert is_text(body["text"], 4000)
    assert len(body["attachments"]) <= 20
    _slack_blocks(body["blocks"])
    for attachment in body["attachments"]:
        keys(attachment, "color blocks", "fallback")
        assert re.fullmatch("#[0-9a-f]{6}", attachment["color"])
        _slack_blocks(attachment["blocks"])
    assert len(json.dumps(body)) < 100_000


def _slack_blocks(blocks: list[Json]) -> None:
    assert 1 <= len(blocks) <= 50
    for block in blocks:
        _SLACK_BLOCKS[block["type"]](block)


def _slack_header(block: Json) -> None:
    keys(block, "type text")
    assert block["text"]["type"] == "plain_text"
    assert is_text(block["text"]["text"], 150)


def _slack_section(block: Json) -> None:
    keys(block, "type", "text fields")
    assert ("text" in block) != ("fields" in block)
    if "text" in block:
        _slack_text(block["text"], 3000)
    assert len(block.get("fields", ())) <= 10
    for field in block.get("fields", ()):
        _slack_text(field, 2000)


def _slack_actions(block: Json) -> None:
    keys(block, "type elements")
    assert 1 <= len(block["elements"]) <= 25
    for button in block["elements"]:
        keys(button, "type text url")
        assert button["type"] == "button"
        assert button["text"]["type"] == "plain_text"
        assert is_text(button["text"]["text"], 75)
        assert is_url(button["url"])


def _slack_context(block: Json) -> None:
    keys(block, "type elements")
    assert 1 <= len(block["elements"]) <= 10
    for element in block["elements"]:
        _slack_text(element, 3000)


def _slack_text(text: Json, most: int) -> None:
    if text["type"] == "plain_text":
        assert text.keys() == {"type", "text", "emoji"}
        assert is_text(text["text"], most)
        return
    assert text.keys() == {"type", "text", "verbatim"}
    assert text["type"] == "mrkdwn"
    assert text["verbatim"] is True
    assert is_text(text["text"], most)


_SLACK_BLOCKS: dict[str, Callable[[Json], None]] = {
    "header": _slack_header,
    "section": _slack_section,
    "actions": _slack_actions,
    "context": _slack_context,
}


def slack_marked_up(body: Json) -> Iterator[str]:
    """Every text in which Slack looks for mentions and links."""
    yield body["text"]
    for attachment in body["attachments"]:
        yield attachment["fallback"]
    for block in [*body["blocks"], *body["attachments"][0]["blocks"]]:
        for text in (block.get("text"), *block.get("fields", ()), *block.get("elements", ())):
            if text and text["type"] == "mrkdwn":
                yield text["text"]


_TEAMS: dict[str, tuple[str, str]] = {
    "TextBlock": ("type text", "wrap weight size isSubtle spacing separator fontType color"),
    "Container": ("type items", "style bleed spacing"),
    "FactSet": ("type facts", "separator spacing"),
    "Action.OpenUrl": ("type title url", ""),
}
_TEAMS_VALUES = {
    "weight": {"Default", "Lighter", "Bolder"},
    "size": {"Default", "Small", "Medium", "Large", "ExtraLarge"},
    "spacing": {"None", "Small", "Default", "Medium", "Large", "ExtraLarge", "Padding"},
    "fontType": {"Default", "Monospace"},
    "style": {"default", "emphasis", "good", "attention", "warning", "accent"},
}


def check_teams(body: Json) -> None:
    """The message of a workflow's webhook with an Adaptive Card of version 1.4, 20 KB at most as
    the workflow passes it on: as a string, with every character that is not ASCII escaped."""
    assert len(json.dumps(json.dumps(body))) <= 20 * 1024
    keys(body, "type attachments")
    assert body["type"] == "message"
    (attachment,) = body["attachments"]
    keys(attachment, "contentType contentUrl content")
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    keys(card, "$schema type version body", "actions msteams fallbackText")
    assert card["type"] == "AdaptiveCard"
    assert card["version"] == "1.4"
    assert card["msteams"] == {"width": "Full"}
    assert len(card.get("actions", ())) <= 6
    for element in (*card["body"], *card.get("actions", ())):
        _teams_element(element)


def _teams_element(element: Json) -> None:
    keys(element, *_TEAMS[element["type"]])
    for name, allowed in _TEAMS_VALUES.items():
        assert element.get(name) in {None, *allowed}
    for text in ("text", "title"):
        assert text not in element or is_text(element[text], 10_000)
    assert "url" not in element or is_url(element["url"])
    for fact in element.get("facts", ()):
        keys(fact, "title value")
        assert is_text(fact["title"], 200)
        assert is_text(fact["value"], 3000)
    for item in element.get("items", ()):
        _teams_element(item)


def teams_marked_up(body: Json) -> Iterator[str]:
    """Every text in which Teams looks for markdown."""
    card = body["attachments"][0]["content"]
    yield card["fallbackText"]
    elements = [item for it in card["body"] for item in (it, *it.get("items", ()))]
    for element in elements:
        if "text" in element:
            yield element["text"]
        for fact in element.get("facts", ()):
            yield from (fact["title"], fact["value"])


def check_amazon_q(body: Json) -> None:
    """The schema of custom notifications; SNS's 256 KiB; the bounds that public senders keep."""
    assert len(json.dumps(body).encode()) < 256 * 1024
    keys(body, "version source content", "id metadata")
    assert (body["version"], body["source"]) == ("1.0", "custom")
    assert is_text(body["id"], 256)
    content, metadata = body["content"], body["metadata"]
    keys(content, "textType description", "title nextSteps keywords")
    assert content["textType"] == "client-markdown"
    assert is_text(content["title"], 250)
    assert is_text(content["description"], 8000)
    for text in (*content.get("nextSteps", ()), *content.get("keywords", ())):
        assert is_text(text, 1000)
    keys(metadata, "", "threadId summary eventType relatedResources additionalContext")
    for text in (metadata["threadId"], metadata["summary"], *metadata["relatedResources"]):
        assert is_text(text, 256)
    assert all(isinstance(value, str) for value in metadata["additionalContext"].values())


def check_email(arguments: Json) -> None:
    """SNS's Publish: a subject of less than 100 printable ASCII characters, 256 KiB of text."""
    keys(arguments, "Subject Message")
    subject = arguments["Subject"]
    assert 1 <= len(subject) < 100
    assert subject.isascii()
    assert subject.isprintable()
    assert not subject.startswith(" ")
    assert 1 <= len(arguments["Message"].encode()) < 256 * 1024


def check_publication(arguments: Json) -> None:
    """SNS's Publish with a message for each protocol: 256 KiB with the attributes, of which a fifth
    stays free, in characters that SNS takes."""
    assert 1 <= len(arguments["Subject"]) < 100
    attributes = arguments["MessageAttributes"]
    assert 1 <= len(attributes) <= 10
    size = len(arguments["Message"].encode()) + sum(
        len(name.encode()) + len("String") + len(value["StringValue"].encode())
        for name, value in attributes.items()
    )
    assert size <= 0.8 * 256 * 1024
    is_taken_by_sqs(arguments["Message"])


def is_taken_by_sqs(text: str) -> None:
    """SQS's SendMessage: 256 KiB of characters that XML 1.0 knows."""
    assert 1 <= len(text.encode()) <= 256 * 1024
    assert re.fullmatch(r"[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+", text)


def check_pagerduty(body: Json) -> None:
    """Events API v2: enqueue."""
    assert len(json.dumps(body).encode()) < 512 * 1024
    keys(body, "routing_key event_action dedup_key payload", "client client_url links images")
    assert len(body["routing_key"]) == 32
    assert body["event_action"] in ("trigger", "acknowledge", "resolve")
    assert is_text(body["dedup_key"], 255)
    payload = body["payload"]
    keys(payload, "summary source severity", "timestamp component group class custom_details")
    assert is_text(payload["summary"], 1024)
    assert is_text(payload["source"], 255)
    assert payload["severity"] in ("critical", "error", "warning", "info")
    for link in body["links"]:
        keys(link, "href text")
        assert is_url(link["href"])
        assert is_text(link["text"], 255)


def check_opsgenie(path: str, body: Json) -> None:
    """Alert API v2: create, and close by alias."""
    if path != "/v2/alerts":
        assert re.fullmatch(r"/v2/alerts/[^/?]{1,1600}/close\?identifierType=alias", path)
        keys(body, "", "user source note")
        assert is_text(body["source"], 100)
        assert is_text(body["note"], 25_000)
        return
    keys(body, "message", "alias description tags details entity source priority note user")
    for name, most in (("message", 130), ("alias", 512), ("description", 15_000)):
        assert is_text(body[name], most)
    assert is_text(body["entity"], 512)
    assert is_text(body["source"], 100)
    assert body["priority"] in ("P1", "P2", "P3", "P4", "P5")
    assert len(body["tags"]) <= 20
    assert all(is_text(tag, 50) for tag in body["tags"])
    assert sum(units(name) + units(value) for name, value in body["details"].items()) <= 8000
