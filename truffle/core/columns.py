"""Many unchanging rows, stored by column: a test runs once per distinct value, not per row.

``Filter`` and ``summary`` decide what matches and what the totals are: the results equal those of
``Filter.apply`` and ``summarize``.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import islice
from operator import and_
from typing import Any

from truffle.core.filters import Filter, Predicate, Read
from truffle.core.model import Reservation
from truffle.core.pricing import NO_PRICES, PriceBook
from truffle.core.summary import Summary, SummaryTally

FEW = 256
"""With at most this many distinct values, a column has one byte per row."""

MOST_COLUMNS = 32
"""The maximum number of columns kept, the newest: callers choose the tag keys, so the number must
be bounded."""


class Index:
    """An index of many values by hash, with 12 bytes per value."""

    def __init__(self, values: Sequence[Any]) -> None:
        hashes = list(map(hash, values))
        self._values = values
        self._places = array("I", sorted(range(len(hashes)), key=hashes.__getitem__))
        self._hashes = array("q", map(hashes.__getitem__, self._places))

    def verdicts(self, allowed: Iterable[Any]) -> bytes:
        """One byte per value: 1 if it is allowed, else 0."""
        verdicts = bytearray(len(self._values))
        for value in allowed:
            wanted = hash(value)
            at = bisect_left(self._hashes, wanted)
            while at < len(self._hashes) and self._hashes[at] == wanted:
                place = self._places[at]
                verdicts[place] |= self._values[place] == value
                at += 1
        return bytes(verdicts)


@dataclass(frozen=True, slots=True)
class ValueColumn:
    """One field of all rows: the value of each, or the distinct ``values`` and each row's index
    in them (``codes``) if there are few."""

    values: Sequence[Any]
    codes: bytes | None = None
    index: Index | None = None

    @classmethod
    def of(cls, rows: Iterable[Reservation], read: Read, *, indexed: bool = False) -> ValueColumn:
        """``indexed``: the tests search for values, with an index if there are many."""
        values = list(map(read, rows))
        some = dict.fromkeys(islice(values, 2 * FEW))
        distinct = some if len(some) > FEW else dict.fromkeys(values)
        if len(distinct) > FEW:
            return cls(values, index=Index(values) if indexed else None)
        codes = {value: code for code, value in enumerate(distinct)}
        return cls(list(codes), bytes(map(codes.__getitem__, values)))

    def verdicts(self, predicate: Predicate) -> bytes:
        """One byte per row: 1 if the test holds, else 0."""
        if self.index is not None and predicate.allowed is not None:
            return self.index.verdicts(predicate.allowed)
        verdicts = bytes(predicate.test(self.values))
        if self.codes is None:
            return verdicts
        return self.codes.translate(verdicts.ljust(FEW, b"\0"))


@dataclass(frozen=True, slots=True)
class Matches:
    """The rows that match a filter, in order. Counting them reads no row.

    ``mask`` has one byte per row, 1 for a match; None if all rows match.
    """

    rows: Sequence[Reservation]
    mask: bytes | None

    def __len__(self) -> int:
        return len(self.rows) if self.mask is None else self.mask.count(1)

    def first(self, most: int, start: int = 0) -> list[Reservation]:
        """At most ``most`` matches, beginning at the row with index ``start``."""
        if self.mask is None:
            return list(self.rows[start : start + most])
        found: list[Reservation] = []
        index = self.mask.find(1, start)
        while index >= 0 and len(found) < most:
            found.append(self.rows[index])
            index = self.mask.find(1, index + 1)
        return found


class Columns:
    """Rows in some order. The list must not change."""

    def __init__(self, rows: list[Reservation]) -> None:
        self.rows = rows
        self._columns: dict[str, ValueColumn] = {}
        self._totals: _PricedTotals | None = None

    def matches(self, chosen: Filter) -> Matches:
        return Matches(self.rows, self._mask(chosen))

    def summarize(self, chosen: Filter, prices: PriceBook = NO_PRICES) -> Summary:
        """The totals of the matching rows, cached while the prices are the same object."""
        if self._totals is None or self._totals.prices is not prices:
            self._totals = _PricedTotals(self.rows, prices)
        mask = self._mask(chosen)
        return self._totals.whole if mask is None else self._totals.tally.summary(mask)

    def _mask(self, chosen: Filter) -> bytes | None:
        masks = [self._column(predicate).verdicts(predicate) for predicate in chosen.predicates()]
        if len(masks) < 2:
            return masks[0] if masks else None
        bits = reduce(and_, (int.from_bytes(mask, "little") for mask in masks))
        return bits.to_bytes(len(self.rows), "little")

    def _column(self, predicate: Predicate) -> ValueColumn:
        if predicate.name not in self._columns:
            if len(self._columns) == MOST_COLUMNS:
                del self._columns[next(iter(self._columns))]
            is_equality = predicate.allowed is not None
            column = ValueColumn.of(self.rows, predicate.read, indexed=is_equality)
            self._columns[predicate.name] = column
        return self._columns[predicate.name]


class _PricedTotals:
    """The totals of rows at some prices."""

    def __init__(self, rows: list[Reservation], prices: PriceBook) -> None:
        self.prices = prices
        self.tally = SummaryTally(rows, prices)

    @cached_property
    def whole(self) -> Summary:
        return self.tally.summary()
