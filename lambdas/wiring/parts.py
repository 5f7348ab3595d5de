"""The common parts of all functions: their settings and the stores of the table.

A part's module is imported with it, so a cold start loads only what its function uses.
"""

from __future__ import annotations

import os
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

from lambdas import wiring
from lambdas.settings import Settings, comma_separated

if TYPE_CHECKING:
    from lambdas.api.inventory import Inventory
    from lambdas.history.ledgers import SpanReader
    from lambdas.history.usage import UsageReader
    from lambdas.store.deliveries import DeliveryStore
    from lambdas.store.directory import DirectoryStore
    from lambdas.store.events import EventStore
    from lambdas.store.prices import PriceStore
    from lambdas.store.runs import RunStore
    from lambdas.store.scopes import ScopeStore
    from truffle.alerts.settings import AlertSettings
    from truffle.core.expected import ExpectedDenials
    from truffle.core.market.finds import Market
    from truffle.core.organization import AccountSettings
    from truffle.core.pricing import PriceBook

S = TypeVar("S", bound=Settings)


class Parts(Generic[S]):
    """The parts that functions have in common; ``settings`` are read from the environment."""

    def __init__(self, kind: type[S]) -> None:
        self._kind = kind
        self._book: PriceBook | None = None

    @cached_property
    def settings(self) -> S:
        """Raises MissingSettings."""
        return self._kind.from_env(os.environ)

    @cached_property
    def alert_settings(self) -> AlertSettings:
        """Raises SettingsError."""
        from lambdas.alert_settings import load

        return load()

    @cached_property
    def account_settings(self) -> AccountSettings:
        from lambdas.account_settings import load

        return load()

    @cached_property
    def directory(self) -> DirectoryStore:
        from lambdas.store.directory import DirectoryStore

        return DirectoryStore(wiring.service("dynamodb"), self.settings.table)

    @cached_property
    def scopes(self) -> ScopeStore:
        from lambdas.store.scopes import ScopeStore

        return ScopeStore(wiring.service("dynamodb"), self.settings.table)

    @cached_property
    def runs(self) -> RunStore:
        from lambdas.store.runs import RunStore

        return RunStore(wiring.service("dynamodb"), self.settings.table)

    @cached_property
    def events(self) -> EventStore:
        from lambdas.store.events import EventStore

        return EventStore(wiring.service("dynamodb"), self.settings.table)

    @cached_property
    def deliveries(self) -> DeliveryStore:
        from lambdas.store.deliveries import DeliveryStore

        return DeliveryStore(wiring.service("dynamodb"), self.settings.table)

    @cached_property
    def price_list(self) -> PriceStore:
        from lambdas.store.documents import DocumentStore
        from lambdas.store.prices import PriceStore

        return PriceStore(DocumentStore(wiring.service("dynamodb"), self.settings.table))

    def prices(self) -> PriceBook:
        """The known prices; the same object until they change.

        Raises what reading a document raises.
        """
        from truffle.core.pricing import PriceBook, own_fees

        known, own = self.price_list.read(), self.alert_settings.thresholds
        if self._book is None or self._book.listed is not known.rates:
            fees = {**known.block_fees(), **own_fees(own.block_fees)}
            unanswered = known.unanswered_calls()
            self._book = PriceBook(own.prices, known.rates, fees, unanswered, known.bill)
        return self._book

    @cached_property
    def inventory(self) -> Inventory:
        from lambdas.api.inventory import Inventory

        return Inventory(self.scopes)


def known_market(table: str) -> Market:
    """The latest finds of the watches, from the table. Raises what DynamoDB does."""
    from lambdas.store.watches import WatchStore
    from truffle.core.market.finds import market_of

    stored = WatchStore(wiring.service("dynamodb"), table).states()
    states = {name: it.state for name, it in stored.items() if it.state is not None}
    return market_of(
        [(it.last, it.known) for it in states.values()],
        {name: it.days for name, it in states.items()},
    )


def expected_by(setting: str) -> ExpectedDenials:
    """The expected denials of a setting."""
    from truffle.core.expected import expected_denials

    return expected_denials(comma_separated(setting))


def span_reader(bucket: str, schedule_minutes: str) -> SpanReader:
    """A reader of spans from the snapshots of runs with this period."""
    from lambdas.history.ledgers import SpanReader

    return SpanReader.of(wiring.service("s3"), bucket, timedelta(minutes=float(schedule_minutes)))


def usage_reader(bucket: str, schedule_minutes: str) -> UsageReader:
    """A reader of the usage of any period, for one request."""
    from lambdas.history.ledgers import LedgerStore
    from lambdas.history.usage import UsageReader

    store = LedgerStore(wiring.service("s3"), bucket)
    return UsageReader(span_reader(bucket, schedule_minutes), store)
