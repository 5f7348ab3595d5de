"""The stack: composes the constructs and declares the outputs."""

from aws_cdk import CfnOutput, Environment, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.api import Api
from infra.collection import Collection
from infra.compaction import Compaction
from infra.delivery import Delivery
from infra.destinations import Destinations
from infra.functions import Deployment, PythonFunction
from infra.hints import Hints
from infra.history import History
from infra.market import Market
from infra.monitoring import Monitoring, Watched
from infra.publication import Publication
from infra.sql import Sql
from infra.storage import Storage

TRUSTED = ("FanOut", "Collect", "Deliver")
"""Functions whose roles must be named elsewhere: in the trust policies of the role for
Organizations and of the reader role, and in the policies of queues, secrets and keys."""


class TruffleStack(Stack):
    """All resources of one deployment, in one account and region."""

    def __init__(self, scope: Construct, construct_id: str, deployment: Deployment) -> None:
        super().__init__(
            scope,
            construct_id,
            description="truffle: collects capacity reservations and sends alerts",
            env=Environment(region=deployment.context.home_region),
            # Indentation would be half of the megabyte allowed for a template.
            suppress_template_indentation=True,
        )
        self.storage = Storage(self, "Storage", deployment.context)
        self.collection = Collection(self, "Collection", deployment, self.storage)
        self.hints = Hints(self, "Hints", deployment, self.storage, self.collection)
        self.history = History(self, "History", deployment, self.storage, self.collection)
        self.publication = Publication(self, "Alerting", deployment, self.storage)
        destinations = self.publication.destinations
        self.api = Api(
            self, "Api", deployment, self.storage, destinations.queues, self.publication.publish
        )
        self.delivery = (
            Delivery(self, "Delivery", deployment, self.storage, destinations)
            if destinations.places
            else None
        )
        self.market = (
            Market(self, "Market", deployment, self.storage)
            if deployment.context.alerts.watches
            else None
        )
        self.compaction = Compaction(self, "Compaction", deployment, self.storage)
        self.sql = Sql(self, "Sql", deployment.context, self.storage)
        Monitoring(self, "Monitoring", deployment.context, self._watched())
        for name, value in self._outputs().items():
            CfnOutput(self, name, value=value)

    @property
    def collector_role_arn(self) -> str:
        """The role that assumes the reader role of other accounts."""
        return _role_arn(self.collection.collect.function)

    @property
    def functions(self) -> list[PythonFunction]:
        """The Lambda functions of the stack, in the order of the flow."""
        delivery = [self.delivery.deliver] if self.delivery else []
        market = [self.market.watch] if self.market else []
        collection = self.collection
        return [
            collection.fan_out,
            collection.collect,
            self.hints.hint,
            self.history.ledger,
            self.history.prices,
            self.publication.publish,
            self.api.query,
            *delivery,
            *market,
            self.compaction.compact,
        ]

    def _watched(self) -> Watched:
        collection, publication = self.collection, self.publication
        return Watched(
            functions=self.functions,
            dead_letters={
                "triggers": collection.trigger_dead_letters,
                "units": collection.unit_dead_letters,
                "alerts": publication.dead_letters,
            },
            destination_dead_letters=publication.destinations.dead_letters,
            queues={"units": collection.units, **publication.destinations.queues},
            http_api=self.api.http_api,
            collect=collection.collect,
        )

    def _outputs(self) -> dict[str, str]:
        functions = {_title(one.name): one.function for one in self.functions}
        return {
            "ApiUrl": self.api.http_api.api_endpoint,
            "TableName": self.storage.table.table_name,
            "BucketName": self.storage.bucket.bucket_name,
            "TopicArn": self.publication.topic.topic_arn,
            "DatabaseName": self.sql.database,
            "WorkgroupName": self.sql.workgroup,
            **{f"{name}FunctionName": one.function_name for name, one in functions.items()},
            **{
                f"{name}RoleArn": _role_arn(functions[name])
                for name in TRUSTED
                if name in functions
            },
            "UnitsQueueUrl": self.collection.units.queue_url,
            "UnitsDeadLetterQueueUrl": self.collection.unit_dead_letters.queue_url,
            "AlertDeadLetterQueueUrl": self.publication.dead_letters.queue_url,
            "ScheduleName": self.collection.schedule.ref,
            "HintRuleName": self.hints.rule.ref,
            **_destination_outputs(self.publication.destinations),
        }


def _role_arn(function: lambda_.Function) -> str:
    assert function.role is not None
    return function.role.role_arn


def _destination_outputs(destinations: Destinations) -> dict[str, str]:
    """The outputs for testing, redriving, and connecting a chat application to a topic."""
    outputs = {}
    for place in destinations.places:
        title = f"Destination{_title(place.destination.name)}"
        outputs[f"{title}QueueUrl"] = place.queue.queue_url
        outputs[f"{title}DeadLetterQueueUrl"] = place.dead_letters.queue_url
        if place.topic:
            outputs[f"{title}TopicArn"] = place.topic.topic_arn
    return outputs


def _title(name: str) -> str:
    """`fan_out` as `FanOut`, `on-call` as `OnCall`."""
    return "".join(word.title() for word in name.replace("-", "_").split("_"))
