"""The stack: it only puts the constructs together and names what people need of them."""

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra.alerting import Alerting
from infra.api import Api
from infra.collection import Collection
from infra.functions import Deployment, PythonFunction
from infra.monitoring import Monitoring, Watched
from infra.storage import Storage


class TruffleStack(Stack):
    """Everything of one deployment, in one account and region."""

    def __init__(self, scope: Construct, construct_id: str, deployment: Deployment) -> None:
        super().__init__(
            scope,
            construct_id,
            description="truffle: capacity reservations, watched",
            # Keeps the template below the 51,200 bytes that CreateStack takes without a bucket.
            suppress_template_indentation=True,
        )
        self.storage = Storage(self, "Storage", deployment.context)
        self.collection = Collection(self, "Collection", deployment, self.storage)
        self.alerting = Alerting(self, "Alerting", deployment, self.storage)
        self.api = Api(self, "Api", deployment, self.storage)
        Monitoring(self, "Monitoring", deployment.context, self._watched())
        for name, value in self._outputs().items():
            CfnOutput(self, name, value=value)

    @property
    def functions(self) -> list[PythonFunction]:
        """The Lambda functions of the stack, in the order of the flow."""
        slack = [self.alerting.slack.function] if self.alerting.slack else []
        collection = self.collection
        return [
            collection.fan_out,
            collection.collect,
            self.alerting.alert,
            self.api.query,
            *slack,
        ]

    def _watched(self) -> Watched:
        collection, alerting, slack = self.collection, self.alerting, self.alerting.slack
        return Watched(
            functions=self.functions,
            dead_letters={
                "triggers": collection.trigger_dead_letters,
                "units": collection.unit_dead_letters,
                "alerts": alerting.dead_letters,
                **({"Slack": slack.dead_letters} if slack else {}),
            },
            queues={"units": collection.units, **({"Slack": slack.queue} if slack else {})},
            http_api=self.api.http_api,
        )

    def _outputs(self) -> dict[str, str]:
        names = {_title(one.name): one.function.function_name for one in self.functions}
        return {
            "ApiUrl": self.api.http_api.api_endpoint,
            "TableName": self.storage.table.table_name,
            "BucketName": self.storage.bucket.bucket_name,
            "TopicArn": self.alerting.topic.topic_arn,
            **{f"{name}FunctionName": value for name, value in names.items()},
            "UnitsQueueUrl": self.collection.units.queue_url,
            "UnitsDeadLetterQueueUrl": self.collection.unit_dead_letters.queue_url,
            "AlertDeadLetterQueueUrl": self.alerting.dead_letters.queue_url,
            "ScheduleName": self.collection.schedule.ref,
        }


def _title(name: str) -> str:
    """`fan_out` as `FanOut`."""
    return "".join(word.title() for word in name.split("_"))
