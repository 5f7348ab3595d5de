"""The secrets of destinations: webhook URLs, tokens and keys, which never appear in logs or
errors."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import quote, unquote, unquote_plus, urlsplit

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from lambdas.errors import reason_of

# At DEBUG, botocore logs the response with the secret.
logging.getLogger("botocore").setLevel(logging.INFO)

MAX_AGE_SECONDS = 300
"""How long a secret is used before it is read again."""

_SHORTEST_HIDDEN = 6


class BadSecret(Exception):
    """A secret cannot be read, or lacks what its destination needs; the text does not contain the
    secret."""


@dataclass(frozen=True, slots=True)
class Secret:
    """The content of a secret: one text, or a JSON object of texts."""

    name: str
    text: str = field(repr=False)
    values: Mapping[str, str] = field(repr=False)

    def get(self, key: str, default: str | None = None) -> str:
        """A value of the JSON object. Raises BadSecret without it and without a default."""
        found = self.values.get(key, default)
        if found is None:
            raise BadSecret(f"the secret {self.name} has no key {key}")
        return found

    def sole(self, key: str) -> str:
        """A value of the JSON object, or the whole text of a secret that is not JSON.

        Raises BadSecret.
        """
        return self.get(key) if self.values else self.text

    def hidden_in(self, text: str) -> str:
        """The text with every part of the secret replaced."""
        parts = sorted(self._parts(), key=len, reverse=True)
        if not parts:
            return text
        return re.sub("|".join(map(re.escape, parts)), "…", text, flags=re.IGNORECASE)

    def _parts(self) -> set[str]:
        """The values and, of a URL, also its path, its query and their pieces, in every form in
        which they may be repeated."""
        pieces = {part for value in (self.text, *self.values.values()) for part in _pieces(value)}
        written = {form for piece in pieces for form in _forms(piece)}
        return {part for part in written if len(part) >= _SHORTEST_HIDDEN}


def _pieces(value: str) -> Iterator[str]:
    yield value
    if value.startswith("https://"):
        try:
            parts = urlsplit(value)
        except ValueError:
            return
        yield from (parts.path, parts.query, *re.split("[/&=]", f"{parts.path}&{parts.query}"))


def _forms(piece: str) -> Iterator[str]:
    """A piece as it is, decoded as a form value or a path, and encoded for JSON, HTML and URLs."""
    for text in (piece, unquote(piece), unquote_plus(piece)):
        as_json = json.dumps(text)[1:-1]
        yield from (text, as_json, as_json.replace("/", "\\/"), escape(text), quote(text, safe=""))


class Secrets:
    """Reads secrets from AWS Secrets Manager; ``service`` creates a boto3 client, in a region."""

    def __init__(self, service: Callable[..., Any]) -> None:
        self._service = service
        self._providers: dict[str | None, SecretsProvider] = {}

    def read(self, name: str) -> Secret:
        """The secret of this name or ARN, at most five minutes old. Raises BadSecret."""
        try:
            text = str(self._provider(_region_of(name)).get(name, max_age=MAX_AGE_SECONDS))
        except GetParameterError as error:
            # Powertools keeps AWS's error as the context of its own error.
            cause = reason_of(error.__context__ or error)
            raise BadSecret(f"the secret {name} cannot be read: {cause}") from error
        return to_secret(name, text)

    def _provider(self, region: str | None) -> SecretsProvider:
        if region not in self._providers:
            client = self._service("secretsmanager", *([region] if region else []))
            self._providers[region] = SecretsProvider(boto3_client=client)
        return self._providers[region]


def to_secret(name: str, text: str) -> Secret:
    """Parse the text of a secret. Raises BadSecret."""
    stripped = text.strip()
    if not stripped.startswith("{"):
        return Secret(name, stripped, {})
    try:
        values = json.loads(stripped)
    except ValueError:
        raise BadSecret(f"the secret {name} begins with a brace but is not JSON") from None
    texts = {key: value.strip() for key, value in values.items() if isinstance(value, str)}
    if not texts:
        raise BadSecret(f"the secret {name} is a JSON object without string values")
    return Secret(name, stripped, texts)


def _region_of(name: str) -> str | None:
    return name.split(":")[3] if name.startswith("arn:") else None
