"""The query API: an HTTP API with AWS signatures in front of the query function."""

import json
from collections.abc import Mapping

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.context import Context
from infra.functions import INVENTORY_MEGABYTES, Deployment, PythonFunction, allow, log_group
from infra.past import RUNS, SNAPSHOTS, USAGE, acknowledge_reads, reads
from infra.storage import RESERVATION_INDEX, Storage
from lambdas.settings import QuerySettings

ROUTES = (
    "/reservations",
    "/odcrs",
    "/capacity-blocks",
    "/reservations/{id}",
    "/summary",
    "/usage",
    "/events",
    "/status",
    "/validate",
    "/report",
    "/calendar.ics",
    "/metrics",
    "/alerts/explain",
    "/openapi.json",
)
"""What is answered to GET. Anything else reaches the same function, which explains itself."""

POST_ROUTES = ("/alerts/test", "/alerts/republish")
"""What is answered to POST."""

_PAST = (SNAPSHOTS, RUNS, USAGE)
_EVERYTHING_ELSE = ("/", "/{proxy+}")
_REQUESTS_PER_SECOND = 50
_BURST = 100
_TIMEOUT_SECONDS = 29
_ACCESS_LOG = {
    "requestId": "$context.requestId",
    "requestTime": "$context.requestTime",
    "caller": "$context.identity.userArn",
    "sourceIp": "$context.identity.sourceIp",
    "routeKey": "$context.routeKey",
    "path": "$context.path",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "responseLatency": "$context.responseLatency",
    "error": "$context.error.message",
}


class Api(Construct):
    """The API and the function behind it; every route asks for a signature and IAM's leave.

    Attributes:
        query: answers every request.
        http_api: the API.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        deployment: Deployment,
        storage: Storage,
        queues: Mapping[str, sqs.Queue],
        publisher: PythonFunction,
    ) -> None:
        """`queues` are those of the destinations, by their names: a test is put there. `publisher`
        publishes events again when it is asked to."""
        super().__init__(scope, construct_id)
        self.query = _query(self, deployment, storage, queues, publisher)
        self.http_api = apigateway.HttpApi(
            self,
            "HttpApi",
            api_name=deployment.context.stack_name,
            description="truffle: capacity reservations; nothing of them can be changed.",
            default_authorizer=authorizers.HttpIamAuthorizer(),
            create_default_stage=False,
        )
        self._add_routes()
        self._add_stage(deployment.context)

    def _add_routes(self) -> None:
        integration = integrations.HttpLambdaIntegration(
            "Query",
            self.query.function,
            payload_format_version=apigateway.PayloadFormatVersion.VERSION_2_0,
            scope_permission_to_route=False,
        )
        method = apigateway.HttpMethod
        routes = {method.GET: ROUTES, method.POST: POST_ROUTES, method.ANY: _EVERYTHING_ELSE}
        for each, paths in routes.items():
            for path in paths:
                self.http_api.add_routes(path=path, methods=[each], integration=integration)

    def _add_stage(self, context: Context) -> None:
        stage = apigateway.CfnStage
        stage(
            self,
            "Stage",
            api_id=self.http_api.api_id,
            stage_name="$default",
            auto_deploy=True,
            default_route_settings=stage.RouteSettingsProperty(
                throttling_rate_limit=_REQUESTS_PER_SECOND, throttling_burst_limit=_BURST
            ),
            access_log_settings=stage.AccessLogSettingsProperty(
                destination_arn=log_group(self, "AccessLogs", context).log_group_arn,
                format=json.dumps(_ACCESS_LOG),
            ),
        )


def _query(
    scope: Construct,
    deployment: Deployment,
    storage: Storage,
    queues: Mapping[str, sqs.Queue],
    publisher: PythonFunction,
) -> PythonFunction:
    table = storage.table
    names = {name: queue.queue_name for name, queue in queues.items()}
    arns = [queue.queue_arn for queue in queues.values()]
    query = PythonFunction(
        scope,
        "Query",
        deployment,
        name="query",
        description="Answers the query API from memory.",
        environment=QuerySettings(
            table=table.table_name,
            schedule_minutes=str(deployment.context.schedule_minutes),
            event_retention_days=str(deployment.context.event_retention_days),
            expected_denied=",".join(deployment.context.expected_denied),
            queues=json.dumps(names, separators=(",", ":")),
            publisher=publisher.function.function_name,
            bucket=storage.bucket.bucket_name,
            stack=deployment.context.stack_name,
        ).to_env(),
        statements=[
            allow("dynamodb", ["GetItem", "BatchGetItem", "Query"], table.table_arn),
            allow("dynamodb", ["Query"], f"{table.table_arn}/index/{RESERVATION_INDEX}"),
            *([allow("sqs", ["GetQueueUrl", "SendMessage"], *arns)] if arns else []),
            allow("lambda", ["InvokeFunction"], publisher.function.function_arn),
            *reads(storage, *_PAST),
        ],
        timeout_seconds=_TIMEOUT_SECONDS,
        memory_megabytes=INVENTORY_MEGABYTES,
    )
    acknowledge_reads(query, storage, *_PAST)
    return query
