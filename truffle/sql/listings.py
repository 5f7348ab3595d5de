"""Read the objects of a day's listings, each distinct row once.

Most rows differ from those of the previous listing only in ``observed_at``, so the rest of a row is
stored, written and decoded once, and a listing refers to its rows by number.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from truffle.core.codec import Json

_MOMENT = re.compile(r'"observed_at": ?"([^"]*)"')
_NAME = '"observed_at"'

_DAMAGES = (ValueError, KeyError, TypeError)
"""Errors of a text without listings."""


class Damaged(Exception):
    """An object that cannot be read; the text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedScope:
    """An attempt to list a scope, with the numbers of its rows."""

    account_id: str
    region: str
    observed_at: str
    outcome: str
    error: str | None
    reservations: int | None
    rows: list[int] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.account_id, self.region, self.observed_at


@dataclass(slots=True)
class ListingContents:
    """The distinct rows without ``observed_at``, by number; ``take`` gets each new one.

    ``scopes`` has the account and the region of each.
    """

    take: Callable[[str], Any]
    scopes: list[tuple[str, str]] = field(default_factory=list)
    _numbers: dict[bytes, int] = field(default_factory=dict)

    def number(self, text: str) -> int:
        """The number of a row."""
        mark = blake2b(text.encode(), digest_size=16).digest()
        number = self._numbers.get(mark)
        if number is None:
            row = json.loads(text)
            number = self._numbers[mark] = len(self.scopes)
            self.scopes.append((row["account_id"], row["region"]))
            self.take(text)
        return number


def read_listings(objects: Iterable[Path], contents: ListingContents) -> Iterator[ListedScope]:
    """The listings of these objects; one that is in several is read once. Raises Damaged."""
    seen: set[tuple[str, str, str]] = set()
    for path in sorted(objects):
        text = read_text(path)
        try:
            found = _read(text, contents)
        except _DAMAGES as error:
            raise Damaged(f"{path} is damaged: {error}") from error
        for listing in found:
            if listing.key not in seen:
                seen.add(listing.key)
                yield listing


def read_text(path: Path) -> str:
    """The text of an object, gzipped or not. Raises Damaged."""
    try:
        content = path.read_bytes()
        return (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    except (EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise Damaged(f"{path} is damaged: {error}") from error


def _read(text: str, contents: ListingContents) -> list[ListedScope]:
    listings: dict[tuple[str, str, str], ListedScope] = {}
    # str.splitlines would also split at U+2028, which JSON text may hold.
    for line in filter(None, text.split("\n")):
        if line.startswith('{"schema_version"'):
            listing = _listing(json.loads(line))
            listings[listing.key] = listing
            continue
        content, observed_at = _parted(line)
        number = contents.number(content)
        account_id, region = contents.scopes[number]
        key = account_id, region, observed_at
        if key not in listings:  # An object without lines for its scopes.
            listings[key] = ListedScope(
                account_id=account_id,
                region=region,
                observed_at=observed_at,
                outcome="succeeded",
                error=None,
                reservations=None,
            )
        listings[key].rows.append(number)
    return list(listings.values())


def _listing(line: Json) -> ListedScope:
    return ListedScope(
        account_id=line["account_id"],
        region=line["region"],
        observed_at=line["observed_at"],
        outcome=line["outcome"],
        error=line["error"],
        reservations=line["reservations"],
    )


def _parted(line: str) -> tuple[str, str]:
    """A row without ``observed_at``, and that."""
    match = _MOMENT.search(line)
    if match is not None and line.count(_NAME) == 1:
        return f"{line[: match.start()]}{_NAME}: null{line[match.end() :]}", match[1]
    row = json.loads(line)
    observed_at = row["observed_at"]
    return json.dumps({**row, "observed_at": None}, ensure_ascii=False), observed_at
