"""Lists of results that keep their completeness and age when sliced and joined."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Generic, Self, SupportsIndex, TypeVar, overload

from truffle.core.wording import counted

if TYPE_CHECKING:
    from datetime import datetime

    from pandas import DataFrame

    from truffle.core.pricing import PriceBook
    from truffle.core.summary import Summary
    from truffle.sources.listing import Listing, ScopeFailure

Row = TypeVar("Row")

SHOWN = 3
"""The number of rows in the representation of a list."""


class Results(list[Row], Generic[Row]):
    """A list and its ``failures``: the scopes without a result.

    Slices, copies and sums have the same class and keep the failures; a sum has each failure once.
    """

    failures: list[ScopeFailure]

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> Row: ...

    @overload
    def __getitem__(self, index: slice, /) -> Self: ...

    def __getitem__(self, index: SupportsIndex | slice, /) -> Row | Self:
        found = super().__getitem__(index)
        return self._with(found) if isinstance(index, slice) else found  # type: ignore[arg-type, return-value]

    def __add__(self, other: Iterable[Any], /) -> Self:  # type: ignore[override]
        joined = self._with([*self, *other])
        if isinstance(other, Results):
            joined._join(other)
        return joined

    def __radd__(self, other: Iterable[Any], /) -> Self:
        return self._with([*other, *self])

    def __iadd__(self, other: Iterable[Any], /) -> Self:  # type: ignore[override]
        self.extend(other)
        if isinstance(other, Results):
            self._join(other)
        return self

    def copy(self) -> Self:
        return self._with(self)

    def __repr__(self) -> str:
        """``<Reservations: 41 (cr-0…, cr-1…, cr-2…, …); 1 failure (ap-northeast-3)>``."""
        names = [_name_of(row) for row in list(self)[:SHOWN]]
        more = ["…"] if len(self) > SHOWN else []
        rows = f"{len(self)} ({', '.join(names + more)})" if names else "0"
        where = [failure.region for failure in self.failures[:SHOWN]]
        more = ["…"] if len(self.failures) > SHOWN else []
        failures = counted(len(self.failures), "failure")
        failed = f"; {failures} ({', '.join(where + more)})" if where else ""
        return f"<{type(self).__name__}: {rows}{failed}>"

    def _repr_html_(self) -> str:
        """The table for a notebook, below the warnings about missing data."""
        from truffle.render.notebook import result_html

        missing = [f"{failure} is not in this result." for failure in self.failures]
        title = f"{type(self).__name__}: {len(self)}"
        return result_html(title, self, [*missing, *getattr(self, "warnings", ())])

    def to_dataframe(self) -> DataFrame:
        """A pandas DataFrame: a column for each field, with aware UTC times and nullable integers;
        ``attrs["failures"]`` has the texts of the failures.

        Needs the extra ``truffle[pandas]``; raises TruffleError without it.
        """
        from truffle.dataframe import to_dataframe

        made = to_dataframe(self, self._classes())
        made.attrs["failures"] = [str(failure) for failure in self.failures]
        return made

    def _classes(self) -> list[type]:
        """The classes of the rows, whose fields are the columns."""
        return list(dict.fromkeys(type(row) for row in self))

    def _with(self, rows: Iterable[Row]) -> Self:
        """A list of the same class with other rows."""
        made = type(self).__new__(type(self))
        list.__init__(made, rows)
        made.__dict__.update(
            {
                name: list(kept) if isinstance(kept, list) else kept
                for name, kept in vars(self).items()
            }
        )
        return made

    def _join(self, other: Results[Any]) -> None:
        """Add the completeness of the other list."""
        self.failures = list(dict.fromkeys([*self.failures, *other.failures]))


def _name_of(row: object) -> str:
    names = ("reservation_id", "offering_id", "fleet_id")
    return next((str(getattr(row, name)) for name in names if hasattr(row, name)), repr(row))


class Reservations(Results[Row], Generic[Row]):
    """Reservations in order, with the completeness and age of the result.

    ``failures`` are the scopes that did not respond: their reservations are unknown, or as last
    seen. ``matches`` counts all that match, even if ``limit`` shortened the list.
    """

    def __init__(
        self, rows: Iterable[Row], inventory: Listing, matches: int, warnings: Iterable[str] = ()
    ) -> None:
        super().__init__(rows)
        self.failures = list(inventory.failures)
        self.warnings: list[str] = [*warnings, *inventory.warnings]
        self.observed_at: datetime | None = inventory.observed_at
        self.matches = matches

    @property
    def is_complete(self) -> bool:
        """Whether every scope responded."""
        return not self.failures

    def _classes(self) -> list[type]:
        """The classes of the rows; without rows those of all types, so that the columns are the
        same."""
        from truffle.core.kinds.registry import CLASSES

        return super()._classes() or list(CLASSES.values())

    def summary(self, prices: PriceBook | None = None) -> Summary:
        """Total the rows of this list, with the idle cost at these prices.

        ``prices`` may be those of ``Truffle.prices()``; without them a cost is None.
        """
        from truffle.core.pricing import NO_PRICES
        from truffle.core.summary import summarize

        return summarize(self, prices or NO_PRICES)  # type: ignore[arg-type]

    def _join(self, other: Results[Any]) -> None:
        super()._join(other)
        if isinstance(other, Reservations):
            self.warnings = list(dict.fromkeys([*self.warnings, *other.warnings]))
            moments = [each for each in (self.observed_at, other.observed_at) if each is not None]
            self.observed_at = min(moments, default=None)
            self.matches += other.matches
