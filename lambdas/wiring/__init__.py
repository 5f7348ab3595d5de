"""Composition root: the settings, clients and stores of each function.

A handler gets its parts from the function of its own name, ``wiring.query()``. They are created on
first use and kept for the life of the function instance. A part's module is imported with it, so a
cold start loads only what its function uses. Tests replace ``now`` and ``service``, or set a part
before the handler runs: ``wiring.query().inventory = …``.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lambdas import clients

if TYPE_CHECKING:
    from lambdas.wiring.alerts import Deliver, Publish
    from lambdas.wiring.answers import Query
    from lambdas.wiring.collection import Collect, FanOut, Hint
    from lambdas.wiring.history import Compact, Ledger, Prices
    from lambdas.wiring.market import Watch

now = clients.now
"""The present time; the only clock of the handlers."""
service = clients.service
"""Creates a boto3 client of a service; the only factory of the handlers."""
meter = clients.meter
"""Counts the requests of every client."""


@cache
def fan_out() -> FanOut:
    from lambdas.settings import FanOutSettings
    from lambdas.wiring.collection import FanOut

    return FanOut(FanOutSettings)


@cache
def collect() -> Collect:
    from lambdas.settings import CollectSettings
    from lambdas.wiring.collection import Collect

    return Collect(CollectSettings)


@cache
def hint() -> Hint:
    from lambdas.settings import HintSettings
    from lambdas.wiring.collection import Hint

    return Hint(HintSettings)


@cache
def publish() -> Publish:
    from lambdas.settings import PublishSettings
    from lambdas.wiring.alerts import Publish

    return Publish(PublishSettings)


@cache
def ledger() -> Ledger:
    from lambdas.settings import LedgerSettings
    from lambdas.wiring.history import Ledger

    return Ledger(LedgerSettings)


@cache
def prices() -> Prices:
    from lambdas.settings import PricesSettings
    from lambdas.wiring.history import Prices

    return Prices(PricesSettings)


@cache
def query() -> Query:
    from lambdas.settings import QuerySettings
    from lambdas.wiring.answers import Query

    return Query(QuerySettings)


@cache
def deliver() -> Deliver:
    from lambdas.settings import DeliverSettings
    from lambdas.wiring.alerts import Deliver

    return Deliver(DeliverSettings)


@cache
def compact() -> Compact:
    from lambdas.settings import CompactSettings
    from lambdas.wiring.history import Compact

    return Compact(CompactSettings)


@cache
def watch() -> Watch:
    from lambdas.settings import WatchSettings
    from lambdas.wiring.market import Watch

    return Watch(WatchSettings)
