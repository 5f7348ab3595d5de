"""The parts of ``publish`` and ``deliver``."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING

from lambdas import wiring
from lambdas.observability import logger
from lambdas.settings import (
    DeliverSettings,
    PublishSettings,
)
from lambdas.wiring.parts import Parts, expected_by

if TYPE_CHECKING:
    from lambdas.delivery.deliverer import Deliverer
    from lambdas.publishing import Publisher
    from lambdas.store.archive import Archive
    from lambdas.store.directory import DirectoryCache
    from truffle.core.organization import AllLabels


class Publish(Parts[PublishSettings]):
    @cached_property
    def _names(self) -> DirectoryCache:
        from lambdas.store.directory import DirectoryCache

        return DirectoryCache(self.directory)

    @property
    def labels(self) -> AllLabels:
        """The names of accounts; empty if the directory cannot be read, since an event without
        names is better than none."""
        from lambdas.store.documents import UNREADABLE

        if not self.account_settings.is_organization:
            return {}
        try:
            return self._names.labels()
        except UNREADABLE:
            logger.exception("directory not read")
            return {}

    @cached_property
    def archive(self) -> Archive:
        from lambdas.store.archive import Archive

        return Archive(wiring.service("s3"), self.settings.bucket)

    @cached_property
    def publisher(self) -> Publisher:
        from lambdas.publishing import Publisher

        settings = self.settings
        return Publisher(
            dynamodb=wiring.service("dynamodb"),
            sns=wiring.service("sns"),
            topic_arn=settings.topic_arn,
            idempotency_table=settings.idempotency_table,
        )


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

        settings, dynamodb = self.settings, wiring.service("dynamodb")
        channels = Channels(
            threads=ThreadStore(dynamodb, settings.table),
            resolutions=ResolutionStore(dynamodb, settings.table),
            topics=json.loads(settings.topics),
            report_url=settings.report_url or None,
            secrets=Secrets(wiring.service),
            service=wiring.service,
            clock=wiring.now,
        )
        return Deliverer(
            alerts=self.alert_settings,
            destinations=json.loads(settings.destinations),
            report_url=settings.report_url or None,
            allowed_age=allowed_age(float(settings.schedule_minutes)),
            expected=expected_by(settings.expected_denied),
            channels=channels,
            queues=Queues(wiring.service("sqs")),
            deliveries=self.deliveries,
            digests=Digests(DigestBuffer(dynamodb, settings.table), self.runs, wiring.now),
            events=self.events,
            inventory=lambda: self.inventory,
            prices=self.prices,
            once=Once(dynamodb, settings.idempotency_table),
            clock=wiring.now,
        )
