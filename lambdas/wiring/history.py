"""The parts of the functions of history and prices: ``ledger``, ``prices`` and ``compact``."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lambdas import clients, wiring
from lambdas.settings import (
    CompactSettings,
    LedgerSettings,
    PricesSettings,
)
from lambdas.wiring.parts import Parts, span_reader
from truffle.core.model import Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_pricing.client import PricingClient

    from lambdas.billing import Billing
    from lambdas.compacting import Compactor
    from lambdas.history.ledgers import DayCloser
    from lambdas.history.market import AnswerReader
    from lambdas.store.beside import BesideCache
    from lambdas.store.extensions import ScopeExtensions
    from truffle.ec2.cost_explorer import CostExplorer


class Ledger(Parts[LedgerSettings]):
    @cached_property
    def closer(self) -> DayCloser:
        from lambdas.history.ledgers import DayCloser, LedgerStore

        settings = self.settings
        spans = span_reader(settings.bucket, settings.schedule_minutes)
        return DayCloser(spans, LedgerStore(wiring.service("s3"), settings.bucket))


class Prices(Parts[PricesSettings]):
    @cached_property
    def answers(self) -> AnswerReader:
        """The recorded answers to watches."""
        from lambdas.history.market import AnswerReader

        return AnswerReader(wiring.service("s3"), self.settings.bucket)

    @cached_property
    def extensions(self) -> BesideCache[ScopeExtensions]:
        from lambdas.store.beside import BesideCache, BesideStore, ItemKind
        from lambdas.store.extensions import to_extensions

        return BesideCache(BesideStore(self.scopes.groups), ItemKind.EXTENSIONS, to_extensions)

    def billing(self) -> Billing | None:
        """Requests the bill; None if the setting is off."""
        from lambdas.billing import Billing

        if not self.settings.cost_explorer:
            return None
        seen = self.inventory.view().last_seen.items()
        return Billing(
            self.cost_explorer,
            self.scopes.all_gone,
            {Scope(name, region): at for (name, region), at in seen if at and name},
            frozenset(scope for scope, it in self.extensions.everything().items() if not it.error),
        )

    @cached_property
    def cost_explorer(self) -> CostExplorer:
        """A client of Cost Explorer, at the endpoint of the partition."""
        client: CostExplorer = wiring.service("ce")
        return client

    @cached_property
    def client(self) -> PricingClient | None:
        """A client of the price list; None if the partition has none."""
        from truffle.ec2.price_list import endpoint_region

        region = endpoint_region(str(clients.session().region_name))
        return None if region is None else wiring.service("pricing", region)


class Compact(Parts[CompactSettings]):
    def compactor(self, has_time: Callable[[], bool]) -> Compactor:
        """A compactor for one invocation, in a local folder of the function."""
        from lambdas.compacting import Compactor
        from truffle.sql.compaction import Compaction
        from truffle.sql.database import connect

        settings = self.settings
        compaction = Compaction(connect(int(settings.memory_megabytes)))
        period = timedelta(minutes=int(settings.schedule_minutes))
        folder = Path(tempfile.gettempdir(), "truffle-tables")
        return Compactor(
            client=wiring.service("s3"),
            bucket=settings.bucket,
            folder=folder,
            compaction=compaction,
            period=period,
            has_time=has_time,
        )
