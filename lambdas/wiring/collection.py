"""The parts of the functions that collect: ``fan_out``, ``collect`` and ``hint``."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from lambdas import clients, wiring
from lambdas.settings import (
    CollectSettings,
    FanOutSettings,
    HintSettings,
)
from lambdas.wiring.parts import Parts, expected_by, known_market, usage_reader
from truffle.core.model import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambdas.collecting.collector import Collector
    from lambdas.collecting.coverage import Ask, Finder
    from lambdas.collecting.finish_run import Closer
    from lambdas.collecting.latest_files import LatestFiles
    from lambdas.collecting.publications import Publication
    from lambdas.collecting.rechecks import Planner
    from lambdas.collecting.retries import Retrier
    from lambdas.collecting.stranded import StrandedFinder
    from lambdas.scope_clients import ScopeClients
    from lambdas.store.archive import Archive
    from lambdas.store.hints import HintStore
    from lambdas.store.scopes import ScopeStore
    from truffle.core.expected import ExpectedDenials


class FanOut(Parts[FanOutSettings]):
    @property
    def ec2(self) -> Any:
        """A client of EC2 in the function's own region."""
        from truffle.ec2.listing import client_config

        return clients.session().client("ec2", config=client_config())

    @cached_property
    def connect(self) -> Callable[[], Any]:
        """Creates a client of Organizations."""
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
        return ScopeStore(
            wiring.service("dynamodb"), settings.table, int(settings.event_retention_days)
        )

    @cached_property
    def archive(self) -> Archive:
        from lambdas.store.archive import Archive

        return Archive(wiring.service("s3"), self.settings.bucket)

    @cached_property
    def expected(self) -> ExpectedDenials:
        return expected_by(self.settings.expected_denied)

    @cached_property
    def ec2(self) -> ScopeClients:
        from lambdas.scope_clients import ScopeClients

        settings = self.settings
        return ScopeClients(settings.account_id, settings.role_name, settings.external_id)

    def ec2_at_home(self, account_id: str) -> Any:
        """An EC2 client of an account, in the function's own region."""
        return self.ec2.of(Scope(account_id, str(clients.session().region_name)))

    @cached_property
    def collector(self) -> Collector:
        from lambdas.collecting.collector import Collector
        from truffle.ec2.listing import DescribedTypes

        return Collector(
            ec2_of=self.ec2.of,
            types=DescribedTypes(),
            scopes=self.scopes,
            archive=self.archive,
            clock=wiring.now,
            thresholds=self.alert_settings.thresholds,
            expected=self.expected,
            prices=self.prices,
            others_of=self.ec2.others_of,
        )

    @cached_property
    def closer(self) -> Closer:
        from lambdas.collecting.finish_run import Closer

        directory = self.directory if self.account_settings.is_organization else None
        send = partial(wiring.service("sqs").send_message, QueueUrl=self.settings.queue_url)
        return Closer(
            scopes=self.scopes,
            runs=self.runs,
            archive=self.archive,
            clock=wiring.now,
            send=lambda body: send(MessageBody=body),
            expected=self.expected,
            directory=directory,
            meter=wiring.meter,
        )

    @cached_property
    def latest_files(self) -> LatestFiles:
        from lambdas.collecting.latest_files import LatestFiles

        return LatestFiles(self.closer, self.publications)

    @cached_property
    def stranded(self) -> StrandedFinder | None:
        """Finds instances beside idle capacity; None if the setting is off."""
        from lambdas.collecting.stranded import StrandedFinder
        from lambdas.store.stranded import StrandedStore

        if not self.settings.stranded:
            return None
        store = StrandedStore(wiring.service("dynamodb"), self.settings.table)
        return StrandedFinder(self.ec2.of, store, wiring.now)

    def publications(self) -> tuple[Publication, ...]:
        """The publications of the whole inventory beside the lists of reservations."""
        from lambdas.collecting.capacity import Capacity
        from lambdas.collecting.report_file import ReportFile
        from lambdas.store.directory import DirectoryCache
        from truffle.core.status import allowed_age

        settings = self.settings
        has_names = self.account_settings.is_organization
        report = ReportFile(
            archive=self.archive,
            events=self.events,
            events_kept=timedelta(days=int(settings.event_retention_days)),
            usage=usage_reader(settings.bucket, settings.schedule_minutes),
            labels=DirectoryCache(self.directory).labels if has_names else dict,
            market=partial(known_market, settings.table),
            source=settings.stack,
            prices=self.prices,
            allowed_age=allowed_age(float(settings.schedule_minutes)),
            expected=self.expected,
        )
        capacity = Capacity(prices=self.prices, has_metrics=bool(settings.capacity_metrics))
        return report, capacity, *self._copies()

    def _copies(self) -> Iterator[Publication]:
        """The publications of what a cold query reads beside reservations."""
        from lambdas.collecting.beside_file import BesideFile
        from lambdas.store.beside import BesideStore, ItemKind
        from lambdas.store.beside_copy import BesideCopy

        store = BesideStore(self.scopes.groups)
        for kind in (ItemKind.FLEETS, ItemKind.PLACEMENTS):
            yield BesideFile(store, BesideCopy(self.archive, kind))

    @cached_property
    def retrier(self) -> Retrier:
        from lambdas.collecting.retries import Retrier

        settings = self.settings
        period = timedelta(minutes=int(settings.schedule_minutes))
        receives = int(settings.max_receives)
        return Retrier(wiring.service("sqs"), settings.queue_url, receives, period, wiring.now)

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

        return HintStore(wiring.service("dynamodb"), self.settings.table)
