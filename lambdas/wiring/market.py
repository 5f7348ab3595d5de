"""The parts of ``watch``."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from lambdas import clients, wiring
from lambdas.settings import WatchSettings
from lambdas.wiring.parts import Parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.market.asker import Asker
    from truffle.ec2.offerings import OfferingsEC2


class Watch(Parts[WatchSettings]):
    @cached_property
    def ec2(self) -> Callable[[str], OfferingsEC2]:
        """The EC2 client of a region."""
        return clients.offerings_client

    @cached_property
    def asker(self) -> Asker:
        from lambdas.market.asker import Asker
        from lambdas.store.archive import Archive
        from lambdas.store.watches import WatchStore
        from truffle.core.market.comparison import MarketRules

        settings, alerts = self.settings, self.alert_settings
        days = int(settings.event_retention_days)
        thresholds = alerts.thresholds
        return Asker(
            watches=alerts.watches,
            rules=MarketRules(Decimal(str(thresholds.price_dropped)), thresholds.offering_quiet),
            account_id=settings.account_id,
            store=WatchStore(wiring.service("dynamodb"), settings.table, days),
            archive=Archive(wiring.service("s3"), settings.bucket),
            ec2=self.ec2,
            now=wiring.now,
        )
