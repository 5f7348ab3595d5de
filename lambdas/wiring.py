"""Composition root: the settings, clients and stores of each function.

A handler asks for its parts with the function of its own name, ``wiring.query()``. They are made
when they are first used and kept for the function's life. A part's module is imported with it, so
a cold start loads nothing that its function does not use. Tests replace ``now`` and ``service``, or
set a part before the handler runs: ``wiring.query().inventory = …``.
"""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any

from lambdas import clients
from lambdas.observability import logger
from lambdas.parts import Parts
from lambdas.settings import (
    CollectSettings,
    DeliverSettings,
    FanOutSettings,
    HintSettings,
    LedgerSettings,
    PricesSettings,
    PublishSettings,
    QuerySettings,
    comma_separated,
)
from truffle.core.model import Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.parameters.base import BaseProvider

    from lambdas.api.inventory import Inventory
    from lambdas.api.judging import Judge
    from lambdas.api.names import Names
    from lambdas.api.past import Moments
    from lambdas.collecting.collector import Collector
    from lambdas.collecting.coverage import Ask, Finder
    from lambdas.collecting.finish_run import Closer
    from lambdas.collecting.publications import Publication
    from lambdas.collecting.rechecks import Planner
    from lambdas.collecting.retries import Retrier
    from lambdas.delivery.deliverer import Deliverer
    from lambdas.history.ledgers import DayCloser, SpanReader
    from lambdas.history.usage import UsageReader
    from lambdas.publishing import Publisher
    from lambdas.store.archive import Archive
    from lambdas.store.directory import DirectoryCache
    from lambdas.store.hints import HintStore
    from lambdas.store.reports import ReportStore
    from lambdas.store.scopes import ScopeStore
    from truffle.core.expected import ExpectedDenials
    from truffle.core.organization import AllLabels
    from truffle.core.pricing import PriceBook

now = clients.now
"""The present time; the one clock of every handler."""
service = clients.service
"""Makes a boto3 client of a service; the one factory of every handler."""
meter = clients.meter
"""Counts the requests of every client."""


def _expected(setting: str) -> ExpectedDenials:
    from truffle.core.expected import expected_denials

    return expected_denials(comma_separated(setting))


def _spans(bucket: str, schedule_minutes: str) -> SpanReader:
    from lambdas.history.ledgers import SpanReader

    return SpanReader.of(service("s3"), bucket, timedelta(minutes=float(schedule_minutes)))


class FanOut(Parts[FanOutSettings]):
    @property
    def ec2(self) -> Any:
        """A client of EC2 in the function's own region."""
        from truffle.ec2.listing import client_config

        return clients.session().client("ec2", config=client_config())

    @cached_property
    def connect(self) -> Callable[[], Any]:
        """Makes a client of Organizations."""
        from lambdas.collecting.discovery import organizations_client

        settings = self.settings
        return partial(organizations_client, settings.organization_role_arn, settings.external_id)

    @cached_property
    def ask(self) -> Ask:
        """Asks accounts for their regions."""
        from lambdas.collecting.coverage import asking, patient_client

        return asking(patient_client(), self.settings.collector)

    @cached_property
    def finder(self) -> Finder:
        from lambdas.collecting.coverage import Finder

        own = self.settings.account_id
        return Finder(self.directory, self.account_settings, own, self.connect, self.ask)


class Collect(Parts[CollectSettings]):
    @cached_property
    def scopes(self) -> ScopeStore:
        from lambdas.store.scopes import ScopeStore

        settings = self.settings
        return ScopeStore(service("dynamodb"), settings.table, int(settings.event_retention_days))

    @cached_property
    def archive(self) -> Archive:
        from lambdas.store.archive import Archive

        return Archive(service("s3"), self.settings.bucket)

    @cached_property
    def expected(self) -> ExpectedDenials:
        return _expected(self.settings.expected_denied)

    @cached_property
    def ec2(self) -> clients.ScopeClients:
        settings = self.settings
        return clients.ScopeClients(settings.account_id, settings.role_name, settings.external_id)

    def ec2_at_home(self, account_id: str) -> Any:
        """EC2 of an account, in the function's own region."""
        return self.ec2.of(Scope(account_id, str(clients.session().region_name)))

    @cached_property
    def collector(self) -> Collector:
        from lambdas.collecting.collector import Collector
        from truffle.ec2.listing import DescribedTypes

        return Collector(
            self.ec2.of,
            DescribedTypes(),
            self.scopes,
            self.archive,
            now,
            self.alert_settings.thresholds,
            self.expected,
        )

    @cached_property
    def closer(self) -> Closer:
        from lambdas.collecting.finish_run import Closer

        directory = self.directory if self.account_settings.is_organization else None
        stores = self.scopes, self.runs, self.archive
        return Closer(*stores, now, self.expected, directory, meter, self.publications)

    def publications(self) -> tuple[Publication, ...]:
        """What is made from the whole inventory when a run is closed."""
        from lambdas.collecting.capacity import Capacity
        from lambdas.collecting.report_file import ReportFile
        from lambdas.store.directory import DirectoryCache
        from truffle.core.status import allowed_age

        settings, prices = self.settings, self.alert_settings.thresholds.prices
        has_names = self.account_settings.is_organization
        report = ReportFile(
            archive=self.archive,
            events=self.events,
            labels=DirectoryCache(self.directory).labels if has_names else dict,
            source=settings.stack,
            prices=prices,
            allowed_age=allowed_age(float(settings.schedule_minutes)),
            expected=self.expected,
        )
        return report, Capacity(prices=prices, has_metrics=bool(settings.capacity_metrics))

    @cached_property
    def retrier(self) -> Retrier:
        from lambdas.collecting.retries import Retrier

        settings = self.settings
        period = timedelta(minutes=int(settings.schedule_minutes))
        receives = int(settings.max_receives)
        return Retrier(service("sqs"), settings.queue_url, receives, period, now)

    @cached_property
    def scheduler(self) -> Any:
        """A client of EventBridge Scheduler."""
        from lambdas.collecting.rechecks import make_client

        return make_client()

    @cached_property
    def planner(self) -> Planner:
        from lambdas.collecting.rechecks import Planner

        settings = self.settings
        queue, role = settings.checks_queue_arn, settings.checks_role_arn
        return Planner(self.scheduler, settings.checks_group, queue, role)


class Hint(Parts[HintSettings]):
    @cached_property
    def hints(self) -> HintStore:
        from lambdas.store.hints import HintStore

        return HintStore(service("dynamodb"), self.settings.table)


class Publish(Parts[PublishSettings]):
    @cached_property
    def _names(self) -> DirectoryCache:
        from lambdas.store.directory import DirectoryCache

        return DirectoryCache(self.directory)

    @property
    def labels(self) -> AllLabels:
        """What accounts are called; nothing where the directory cannot be read, since an event
        without names is better than none."""
        from lambdas.store.documents import UNREADABLE

        if not self.account_settings.is_organization:
            return {}
        try:
            return self._names.labels()
        except UNREADABLE:
            logger.exception("directory not read")
            return {}

    @cached_property
    def publisher(self) -> Publisher:
        from lambdas.publishing import Publisher

        settings = self.settings
        return Publisher(
            dynamodb=service("dynamodb"),
            sns=service("sns"),
            topic_arn=settings.topic_arn,
            idempotency_table=settings.idempotency_table,
        )


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

        return SecretsProvider(boto3_client=service("secretsmanager"))

    @property
    def feed_secret(self) -> str | None:
        """The token of the calendar feed, at most a minute old; None where there is no feed.

        Raises GetParameterError.
        """
        name = self.settings.feed_secret
        return str(self._secrets.get(name, max_age=60)) if name else None

    @cached_property
    def past_names(self) -> Names:
        """Names for views of the past: what is kept for the present stays."""
        from lambdas.api.names import Names

        return Names(self.names.cache)

    @cached_property
    def spans(self) -> SpanReader:
        return _spans(self.settings.bucket, self.settings.schedule_minutes)

    @cached_property
    def moments(self) -> Moments:
        from lambdas.api.past import Moments

        return Moments(self.spans.past)

    def usage(self) -> UsageReader:
        """A reader for one question."""
        from lambdas.history.ledgers import LedgerStore
        from lambdas.history.usage import UsageReader

        return UsageReader(self.spans, LedgerStore(service("s3"), self.settings.bucket))

    @property
    def prices(self) -> PriceBook:
        """What is known of prices now. Raises what reading a document raises."""
        from truffle.core.pricing import PriceBook

        settings = self.alert_settings.thresholds.prices
        return PriceBook(settings=settings, listed=self.price_list.read().rates)

    @cached_property
    def reports(self) -> ReportStore:
        from lambdas.store.reports import ReportStore

        return ReportStore(service("dynamodb"), self.settings.table)

    @cached_property
    def inventory(self) -> Inventory:
        from lambdas.api.inventory import Inventory
        from lambdas.store.archive import Archive
        from lambdas.store.latest import LatestRegions

        archive = Archive(service("s3"), self.settings.bucket)
        return Inventory(self.scopes, LatestRegions(archive))

    @cached_property
    def judge(self) -> Judge:
        from lambdas.api.judging import Judge

        return Judge(self.allowed_age, _expected(self.settings.expected_denied))

    @cached_property
    def allowed_age(self) -> timedelta:
        from truffle.core.status import allowed_age

        return allowed_age(float(self.settings.schedule_minutes))


class Ledger(Parts[LedgerSettings]):
    @cached_property
    def closer(self) -> DayCloser:
        from lambdas.history.ledgers import DayCloser, LedgerStore

        settings = self.settings
        spans = _spans(settings.bucket, settings.schedule_minutes)
        return DayCloser(spans, LedgerStore(service("s3"), settings.bucket))


class Prices(Parts[PricesSettings]):
    @cached_property
    def client(self) -> Any:
        """A client of the price list; None where the partition has none."""
        from truffle.ec2.price_list import endpoint_region

        region = endpoint_region(str(clients.session().region_name))
        return None if region is None else service("pricing", region)


class Deliver(Parts[DeliverSettings]):
    @cached_property
    def deliverer(self) -> Deliverer:
        from lambdas.delivery.channels import Channels
        from lambdas.delivery.credentials import Secrets
        from lambdas.delivery.deliverer import Deliverer
        from lambdas.delivery.digests import Digests
        from lambdas.delivery.idempotency import Once
        from lambdas.delivery.queue_message import Queues
        from lambdas.store.digest_buffer import DigestBuffer
        from lambdas.store.resolutions import ResolutionStore
        from lambdas.store.threads import ThreadStore
        from truffle.core.status import allowed_age

        settings, dynamodb = self.settings, service("dynamodb")
        channels = Channels(
            threads=ThreadStore(dynamodb, settings.table),
            resolutions=ResolutionStore(dynamodb, settings.table),
            topics=json.loads(settings.topics),
            report_url=settings.report_url or None,
            secrets=Secrets(service),
            service=service,
            clock=now,
        )
        return Deliverer(
            alerts=self.alert_settings,
            destinations=json.loads(settings.destinations),
            report_url=settings.report_url or None,
            allowed_age=allowed_age(float(settings.schedule_minutes)),
            expected=_expected(settings.expected_denied),
            channels=channels,
            queues=Queues(service("sqs")),
            deliveries=self.deliveries,
            digests=Digests(DigestBuffer(dynamodb, settings.table), self.runs, now),
            events=self.events,
            inventory=self.inventory,
            once=Once(dynamodb, settings.idempotency_table),
            clock=now,
        )


@cache
def fan_out() -> FanOut:
    return FanOut(FanOutSettings)


@cache
def collect() -> Collect:
    return Collect(CollectSettings)


@cache
def hint() -> Hint:
    return Hint(HintSettings)


@cache
def publish() -> Publish:
    return Publish(PublishSettings)


@cache
def ledger() -> Ledger:
    return Ledger(LedgerSettings)


@cache
def prices() -> Prices:
    return Prices(PricesSettings)


@cache
def query() -> Query:
    return Query(QuerySettings)


@cache
def deliver() -> Deliver:
    return Deliver(DeliverSettings)
