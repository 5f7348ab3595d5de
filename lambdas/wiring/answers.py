"""The parts of ``query``."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from lambdas import wiring
from lambdas.settings import (
    QuerySettings,
)
from lambdas.wiring.parts import Parts, expected_by, known_market, span_reader

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters.base import BaseProvider

    from lambdas.api.inventory import Inventory
    from lambdas.api.judging import Judge
    from lambdas.api.names import Names
    from lambdas.api.past import Moments
    from lambdas.history.ledgers import SpanReader
    from lambdas.history.market import AnswerReader
    from lambdas.history.usage import UsageReader
    from lambdas.store.archive import Archive
    from lambdas.store.beside import BesideCache, BesideStore, ItemKind
    from lambdas.store.beside_copy import BesideCopy
    from lambdas.store.fleets import StoredFleets
    from lambdas.store.placements import PlacementStore, ScopePlacements
    from lambdas.store.reports import ReportStore
    from lambdas.store.stranded import StrandedStore
    from truffle.core.codec import Json
    from truffle.core.market.finds import Market


class Query(Parts[QuerySettings]):
    @cached_property
    def names(self) -> Names:
        from lambdas.api.names import Names
        from lambdas.store.directory import DirectoryCache

        cache = DirectoryCache(self.directory)
        return Names(cache if self.account_settings.is_organization else None)

    @cached_property
    def _secrets(self) -> BaseProvider:
        from aws_lambda_powertools.utilities.parameters import SecretsProvider

        return SecretsProvider(boto3_client=wiring.service("secretsmanager"))

    @property
    def feed_secret(self) -> str | None:
        """The token of the calendar feed, at most a minute old; None if there is no feed.

        Raises GetParameterError.
        """
        name = self.settings.feed_secret
        return str(self._secrets.get(name, max_age=60)) if name else None

    @cached_property
    def past_names(self) -> Names:
        """Names for views of the past; the cache of the present is not affected."""
        from lambdas.api.names import Names

        return Names(self.names.cache)

    @cached_property
    def spans(self) -> SpanReader:
        return span_reader(self.settings.bucket, self.settings.schedule_minutes)

    @cached_property
    def moments(self) -> Moments:
        from lambdas.api.past import Moments

        return Moments(self.spans.past)

    def usage(self) -> UsageReader:
        """A reader for one request."""
        from lambdas.history.ledgers import LedgerStore
        from lambdas.history.usage import UsageReader

        return UsageReader(self.spans, LedgerStore(wiring.service("s3"), self.settings.bucket))

    @cached_property
    def answers(self) -> AnswerReader:
        from lambdas.history.market import AnswerReader

        return AnswerReader(wiring.service("s3"), self.settings.bucket)

    def market(self) -> Market:
        """The latest finds of the watches. Raises what DynamoDB does."""
        return known_market(self.settings.table)

    def pace(self) -> list[Json]:
        """The pace of the watches; without watches the table is not read."""
        from lambdas.store.watches import WatchStore
        from truffle.core.market.pace import pace_to_json

        watches = self.alert_settings.watches
        if not watches:
            return []
        stored = WatchStore(wiring.service("dynamodb"), self.settings.table).states()
        states = {name: it.state for name, it in stored.items() if it.state is not None}
        return pace_to_json(watches, states, wiring.now())

    @cached_property
    def fleets(self) -> BesideCache[StoredFleets]:
        from lambdas.store.beside import BesideCache, ItemKind
        from lambdas.store.fleets import to_fleets

        copy = self._copy_of(ItemKind.FLEETS)
        return BesideCache(self._beside, ItemKind.FLEETS, to_fleets, copy)

    @cached_property
    def topology(self) -> BesideCache[ScopePlacements]:
        from lambdas.store.beside import BesideCache, ItemKind
        from lambdas.store.placements import to_placements

        copy = self._copy_of(ItemKind.PLACEMENTS)
        return BesideCache(self._beside, ItemKind.PLACEMENTS, to_placements, copy)

    def _copy_of(self, kind: ItemKind) -> BesideCopy:
        from lambdas.store.beside_copy import BesideCopy

        return BesideCopy(self._archive, kind)

    @cached_property
    def placements(self) -> PlacementStore:
        from lambdas.store.placements import PlacementStore

        return PlacementStore(self._beside)

    @property
    def _beside(self) -> BesideStore:
        from lambdas.store.beside import BesideStore

        return BesideStore(self.scopes.groups)

    @cached_property
    def stranded(self) -> StrandedStore:
        from lambdas.store.stranded import StrandedStore

        return StrandedStore(wiring.service("dynamodb"), self.settings.table)

    @cached_property
    def reports(self) -> ReportStore:
        from lambdas.store.reports import ReportStore

        return ReportStore(wiring.service("dynamodb"), self.settings.table)

    @cached_property
    def inventory(self) -> Inventory:
        from lambdas.api.inventory import Inventory
        from lambdas.store.latest import LatestRegions

        return Inventory(self.scopes, LatestRegions(self._archive))

    @property
    def _archive(self) -> Archive:
        from lambdas.store.archive import Archive

        return Archive(wiring.service("s3"), self.settings.bucket)

    @cached_property
    def judge(self) -> Judge:
        from lambdas.api.judging import Judge

        return Judge(self.allowed_age, expected_by(self.settings.expected_denied))

    @cached_property
    def allowed_age(self) -> timedelta:
        from truffle.core.status import allowed_age

        return allowed_age(float(self.settings.schedule_minutes))
