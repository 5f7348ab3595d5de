"""Reads ledgers: the totals of a day from its index, stretches from its lines."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache

from truffle.core.codec import Json, decode
from truffle.core.ledger import HOURS, INDEX, SCHEMA_VERSION, STRETCHES, lines_of
from truffle.core.model import Reservation, utilization_of
from truffle.core.spans import Span
from truffle.core.times import parse_time

_GZIP = zlib.MAX_WBITS | 16

_PIECE = 2**16
"""Bytes decompressed at once: the index of about 1,000 reservations."""


@dataclass(frozen=True, slots=True)
class DayTotals:
    """The use of reservations on the day that begins at ``start``: instance time in microseconds.

    The numbers of ``rows`` are not those of the day.
    """

    start: datetime
    rows: Sequence[Reservation]
    reserved: Sequence[int]
    used: Sequence[int]
    unobserved: Sequence[int]


class Ledger:
    """The ledger of a day as it is stored, gzipped: decompressed as far as it is read.

    Reading it raises OSError, EOFError, zlib.error and ValueError where it is damaged.
    """

    def __init__(self, packed: bytes) -> None:
        self._rest = packed
        self._zip = zlib.decompressobj(_GZIP)
        self._text = b""
        self._lines: list[str] | None = None

    def index(self) -> Json | None:
        """The content of the first line; None for a ledger without one."""
        while b"\n" not in self._text and self._rest:
            self._text += self._zip.decompress(self._rest, _PIECE)
            self._rest = self._zip.unconsumed_tail
        first, _, _ = self._text.partition(b"\n")
        if not first.startswith(INDEX.encode()):
            return None
        index: Json = json.loads(first)["index"]
        return index

    def lines(self) -> list[str]:
        """The lines of the reservations."""
        if self._lines is None:
            text = self._text + self._zip.decompress(self._rest)
            if not self._zip.eof:
                raise EOFError("it is truncated")
            self._lines = lines_of(text.decode())
        return self._lines


Numbers = tuple[int | None, int | None]
"""Reserved and used instances."""

moment = lru_cache(65_536)(parse_time)
"""Most stretches begin and end with a listing of their scope."""


@dataclass(slots=True)
class Reader:
    """Reads ledgers, and keeps what it decoded: spans with the same facts and numbers share a
    row."""

    _facts: dict[str, Reservation] = field(default_factory=dict)
    _rows: dict[str, dict[Numbers, Reservation]] = field(default_factory=dict)
    _known: dict[str, Reservation] = field(default_factory=dict)

    def spans(self, lines: Sequence[str]) -> Iterator[Span]:
        """The spans of lines of a ledger. Raises ValueError, KeyError and TypeError for any other
        text."""
        heads, arrays = [], []
        for line in lines:
            facts, mark, numbers = line.partition(STRETCHES)
            if not mark:
                raise ValueError("a line of the ledger has no stretches")
            heads.append(facts.partition(HOURS)[0])
            arrays.append(numbers[:-1])
        # One call for the day is faster than one for each line.
        for facts, stretches in zip(heads, json.loads(f"[{','.join(arrays)}]"), strict=True):
            rows = self._rows.setdefault(facts, {})
            for it in stretches:
                total, used = it["total_capacity"], it["used_capacity"]
                row = rows.get((total, used))
                if row is None:
                    row = rows[total, used] = _with_numbers(self._described(facts), total, used)
                yield Span(row, moment(it["start"]), moment(it["end"]), it["is_observed"])

    def totals(self, ledger: Ledger, day: datetime) -> Iterator[DayTotals | Span]:
        """The same ledger as totals of the day. Lines without reserved time, and ledgers without an
        index, are returned as spans. No price depends on the counts that totals lack.

        Raises what ``Ledger`` and ``spans`` do.
        """
        index = ledger.index()
        if index is None:
            yield from self.spans(ledger.lines())
            return
        digests, reserved = index["facts"], index["reserved"]
        for number, digest in enumerate(digests):
            if digest not in self._known:
                facts = ledger.lines()[number].partition(HOURS)[0]
                self._known[digest] = self._described(facts)
        found = zip(
            map(self._known.__getitem__, digests),
            reserved,
            index["used"],
            index["unobserved"],
            strict=True,
        )
        totals = [it for it in found if it[1]]
        if len(totals) < len(digests):
            others = [number for number, time in enumerate(reserved) if not time]
            yield from self.spans([ledger.lines()[number] for number in others])
        if totals:
            yield DayTotals(day, *zip(*totals, strict=True))

    def _described(self, facts: str) -> Reservation:
        """The reservation of a line, without counts."""
        if facts not in self._facts:
            data = json.loads(facts + "}")
            if data["schema_version"] != SCHEMA_VERSION:
                raise ValueError(f"the schema version is {data['schema_version']}")
            self._facts[facts] = decode(data)
        return self._facts[facts]


def _with_numbers(row: Reservation, total: int | None, used: int | None) -> Reservation:
    available = None if total is None or used is None else total - used
    carried = row.accelerator
    return replace(
        row,
        total_capacity=total,
        available_capacity=available,
        used_capacity=used,
        utilization=utilization_of(used, total),
        accelerator=None
        if carried is None
        else carried.times(row.size if total is None else total),
    )
