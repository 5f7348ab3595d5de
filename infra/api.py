"""The query API: an HTTP API with AWS signatures in front of the query function."""

import json
from collections.abc import Mapping, Sequence

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.calendar_feed import (
    FEED_BURST,
    FEED_REQUESTS_PER_SECOND,
    FEED_ROUTE,
    feed_secret,
    open_route,
)
from infra.context import Context
from infra.functions import INVENTORY_MEGABYTES, Deployment, PythonFunction, allow, log_group
from infra.past import BESIDE, OFFERINGS, REGIONS, RUNS, SNAPSHOTS, USAGE, acknowledge_reads, reads
from infra.storage import RESERVATION_INDEX, Storage
from lambdas.settings import QuerySettings
from truffle.core.kinds.registry import KINDS

ROUTES = (
    "/reservations",
    *(kind.path for kind in KINDS.values()),
    "/reservations/{id}",
    "/summary",
    "/usage",
    "/prices",
    "/offerings",
    "/offerings/history",
    "/stranded",
    "/events",
    "/status",
    "/fleets",
    "/topology",
    "/validate",
    "/report",
    "/calendar.ics",
    "/metrics",
    "/alerts/explain",
    "/openapi.json",
)
"""The paths of GET. Any other request reaches the same function, which responds with an error."""

POST_ROUTES = ("/alerts/test", "/alerts/republish")
"""The paths of POST."""

_READ = (SNAPSHOTS, RUNS, USAGE, OFFERINGS, REGIONS, BESIDE)
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
    """The API and its function; every route requires a signature and IAM's permission.

    Attributes:
        query: handles every request.
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
        """`queues` has the queues of the destinations by name, to which tests are sent. `publisher`
        is the function that republishes events."""
        super().__init__(scope, construct_id)
        secret = feed_secret(self) if deployment.context.calendar_feed else None
        self.query = _query(self, deployment, storage, queues, publisher, secret)
        self.http_api = apigateway.HttpApi(
            self,
            "HttpApi",
            api_name=deployment.context.stack_name,
            description="truffle: capacity reservations (read-only).",
            default_authorizer=authorizers.HttpIamAuthorizer(),
            create_default_stage=False,
        )
        feed = self._add_routes(deployment.context)
        self._add_stage(deployment.context, feed)

    def _add_routes(self, context: Context) -> Sequence[apigateway.HttpRoute]:
        """Add every route, including the unsigned one of the calendar feed, if any."""
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
        if not context.calendar_feed:
            return ()
        opened = self.http_api.add_routes(
            path=FEED_ROUTE,
            methods=[method.GET],
            integration=integration,
            authorizer=apigateway.HttpNoneAuthorizer(),
        )
        for route in opened:
            open_route(route)
        return opened

    def _add_stage(self, context: Context, feed: Sequence[apigateway.HttpRoute]) -> None:
        """Add the stage; it names the unsigned route, which must exist before it."""
        stage = apigateway.CfnStage
        made = stage(
            self,
            "Stage",
            api_id=self.http_api.api_id,
            stage_name="$default",
            auto_deploy=True,
            default_route_settings=stage.RouteSettingsProperty(
                throttling_rate_limit=_REQUESTS_PER_SECOND, throttling_burst_limit=_BURST
            ),
            route_settings=_open_routes() if feed else None,
            access_log_settings=stage.AccessLogSettingsProperty(
                destination_arn=log_group(self, "AccessLogs", context).log_group_arn,
                format=json.dumps(_ACCESS_LOG),
            ),
        )
        made.node.add_dependency(*feed)


def _open_routes() -> dict[str, dict[str, int]]:
    """The limits of the unsigned route; CDK passes this object on unchanged."""
    limits = {
        "ThrottlingRateLimit": FEED_REQUESTS_PER_SECOND,
        "ThrottlingBurstLimit": FEED_BURST,
    }
    return {f"GET {FEED_ROUTE}": limits}


def _settings(
    context: Context,
    storage: Storage,
    queues: Mapping[str, sqs.Queue],
    publisher: PythonFunction,
    secret: secretsmanager.Secret | None,
) -> QuerySettings:
    names = {name: queue.queue_name for name, queue in queues.items()}
    return QuerySettings(
        table=storage.table.table_name,
        bucket=storage.bucket.bucket_name,
        schedule_minutes=str(context.schedule_minutes),
        event_retention_days=str(context.event_retention_days),
        expected_denied=",".join(context.expected_denied),
        queues=json.dumps(names, separators=(",", ":")),
        publisher=publisher.function.function_name,
        stack=context.stack_name,
        feed_secret=secret.secret_arn if secret else "",
        stranded="on" if context.stranded else "",
    )


def _query(
    scope: Construct,
    deployment: Deployment,
    storage: Storage,
    queues: Mapping[str, sqs.Queue],
    publisher: PythonFunction,
    secret: secretsmanager.Secret | None,
) -> PythonFunction:
    table = storage.table
    arns = [queue.queue_arn for queue in queues.values()]
    query = PythonFunction(
        scope,
        "Query",
        deployment,
        name="query",
        description="Serves the query API.",
        environment=_settings(deployment.context, storage, queues, publisher, secret).to_env(),
        statements=[
            allow("dynamodb", ["GetItem", "BatchGetItem", "Query"], table.table_arn),
            allow("dynamodb", ["Query"], f"{table.table_arn}/index/{RESERVATION_INDEX}"),
            *([allow("sqs", ["GetQueueUrl", "SendMessage"], *arns)] if arns else []),
            allow("lambda", ["InvokeFunction"], publisher.function.function_arn),
            *([allow("secretsmanager", ["GetSecretValue"], secret.secret_arn)] if secret else []),
            *reads(storage, *_READ),
        ],
        timeout_seconds=_TIMEOUT_SECONDS,
        memory_megabytes=INVENTORY_MEGABYTES,
    )
    acknowledge_reads(query, storage, *_READ)
    return query
