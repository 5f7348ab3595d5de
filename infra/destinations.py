"""The queues of the destinations, each with dead letters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.alert_settings import SLACK
from infra.context import Context
from infra.queues import dead_letter_queue, shared_policy, work_queue
from truffle.alerts.routing import subscription_filter
from truffle.alerts.settings import Destination, Kind

DELIVER_TIMEOUT_SECONDS = 60
MAX_RECEIVES = 1000
"""The maximum of SQS; the function gives up long before, after a time."""


@dataclass(frozen=True)
class DestinationResources:
    """A destination with its queues, and the topic for e-mail and chat applications; all are
    children of `scope`."""

    scope: Construct
    destination: Destination
    queue: sqs.Queue
    dead_letters: sqs.Queue
    topic: sns.Topic | None


class Destinations(Construct):
    """The queues and topics of the destinations, subscribed to the topic of all events.

    Attributes:
        places: the resources of each destination, in the order of the settings.
    """

    def __init__(
        self, scope: Construct, construct_id: str, context: Context, events: sns.Topic
    ) -> None:
        super().__init__(scope, construct_id)
        self.places = tuple(
            _place(Construct(self, destination.name), destination)
            for destination in context.alerts.destinations
        )
        queues = [queue for place in self.places for queue in (place.queue, place.dead_letters)]
        policy = shared_policy(self, "Policy", queues, events) if queues else None
        for place in self.places:
            if policy and context.alerts.routes_to(place.destination.name):
                _subscribe(place, context, events).add_resource_dependency(policy)

    @property
    def queues(self) -> Mapping[str, sqs.Queue]:
        """The queues by the destinations' names."""
        return {place.destination.name: place.queue for place in self.places}

    @property
    def dead_letters(self) -> Mapping[str, sqs.Queue]:
        """The dead-letter queues by the destinations' names."""
        return {place.destination.name: place.dead_letters for place in self.places}

    @property
    def topics(self) -> Mapping[str, sns.Topic]:
        """The own topics of some destinations, by the destinations' names."""
        return {place.destination.name: place.topic for place in self.places if place.topic}


def encrypted_topic(scope: Construct, construct_id: str) -> sns.Topic:
    """A topic encrypted with SNS's own key, which the publishing functions of this account may
    use."""
    key = kms.Alias.from_alias_name(scope, f"{construct_id}Key", "alias/aws/sns")
    return sns.Topic(scope, construct_id, master_key=key, enforce_ssl=True)


def _place(scope: Construct, destination: Destination) -> DestinationResources:
    dead_letters = dead_letter_queue(scope, "DeadLetters", has_own_policy=False)
    queue = work_queue(
        scope,
        "Queue",
        visibility_seconds=6 * DELIVER_TIMEOUT_SECONDS,
        max_receives=MAX_RECEIVES,
        dead_letters=dead_letters,
        has_own_policy=False,
    )
    return DestinationResources(
        scope, destination, queue, dead_letters, _own_topic(scope, destination)
    )


def _own_topic(scope: Construct, destination: Destination) -> sns.Topic | None:
    """A topic of its own, because readers of prose must not get the JSON of a chat application."""
    if destination.kind not in (Kind.EMAIL, Kind.AMAZON_Q):
        return None
    topic = encrypted_topic(scope, "Topic")
    for address in destination.addresses:
        sns.CfnSubscription(
            scope, address, topic_arn=topic.topic_arn, protocol="email", endpoint=address
        )
    return topic


def _subscribe(
    place: DestinationResources, context: Context, events: sns.Topic
) -> sns.CfnSubscription:
    return sns.CfnSubscription(
        place.scope,
        "Subscription",
        topic_arn=events.topic_arn,
        protocol="sqs",
        endpoint=place.queue.queue_arn,
        raw_message_delivery=True,
        filter_policy=_filter(place.destination, context),
        redrive_policy={"deadLetterTargetArn": place.dead_letters.queue_arn},
    )


def _filter(destination: Destination, context: Context) -> Mapping[str, Any] | None:
    """The subscription's filter, which reduces the messages of `deliver`; None for no filter."""
    if destination.name == SLACK and context.slack_secret_arn:
        return context.alert_filter_policy or None
    return subscription_filter(context.alerts, destination)
