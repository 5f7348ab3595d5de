"""boto3 clients: created once per function instance, with bounded retries and timeouts."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, overload

import boto3
import botocore.session
from botocore.config import Config

from lambdas.metering import CallMeter
from lambdas.parallel import PARALLEL_REQUESTS
from truffle.ec2.parsing import FastEC2ParserFactory

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_lambda.client import LambdaClient
    from types_boto3_s3.client import S3Client
    from types_boto3_secretsmanager.client import SecretsManagerClient
    from types_boto3_sns.client import SNSClient
    from types_boto3_sqs.client import SQSClient
    from types_boto3_sts.client import STSClient

SERVICE_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=3,
    read_timeout=10,
    max_pool_connections=PARALLEL_REQUESTS,
)


SANDBOX_CLOCK = "TRUFFLE_SANDBOX_CLOCK"
"""Set only by the sandbox: a file with the seconds by which its time is ahead."""


def wall_clock() -> datetime:
    """The time for everything that AWS itself dates, to the millisecond."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def now() -> datetime:
    """The time for everything that is observed and decided, to the millisecond."""
    path = os.environ.get(SANDBOX_CLOCK)
    ahead = float(Path(path).read_text()) if path else 0.0
    return wall_clock() + timedelta(seconds=ahead)


MODELS = Path(__file__).resolve().parent.parent / "models"
"""In the root of the functions' zip: the EC2 model of the pinned botocore. The runtime's own may be
older, and would silently drop unknown members of EC2's responses."""


meter = CallMeter()
"""Counts the requests of every client of the function."""


@cache
def session() -> Any:
    """The function's session, which parses EC2's responses with the fast parser."""
    made = botocore.session.Session()
    made.set_config_variable("data_path", str(MODELS))
    made.register_component("response_parser_factory", FastEC2ParserFactory())
    meter.attach(made)
    return boto3.Session(botocore_session=made)


class Services(Protocol):
    """The clients that ``service`` creates, each once."""

    @overload
    def __call__(self, name: Literal["dynamodb"]) -> DynamoDBClient: ...
    @overload
    def __call__(self, name: Literal["lambda"]) -> LambdaClient: ...
    @overload
    def __call__(self, name: Literal["ce"]) -> Any: ...
    @overload
    def __call__(self, name: Literal["pricing"], region: str | None = None) -> Any: ...
    @overload
    def __call__(self, name: Literal["s3"]) -> S3Client: ...
    @overload
    def __call__(self, name: Literal["sns"], region: str | None = None) -> SNSClient: ...
    @overload
    def __call__(self, name: Literal["sqs"], region: str | None = None) -> SQSClient: ...
    @overload
    def __call__(self, name: Literal["sts"]) -> STSClient: ...
    @overload
    def __call__(
        self, name: Literal["secretsmanager"], region: str | None = None
    ) -> SecretsManagerClient: ...

    def cache_clear(self) -> None: ...


@cache
def _service(name: str, region: str | None = None) -> Any:
    """A client of a service, in the function's own region unless another one is named."""
    return session().client(name, region_name=region, config=SERVICE_CONFIG)


service: Services = cast("Services", _service)


MAKING = Lock()
"""Held while a client is created: a boto3 session is not thread-safe."""


@cache
def offerings_client(region: str) -> Any:
    """An EC2 client of the function's own account in a region, with one attempt per call."""
    from truffle.ec2.offerings import offerings_config

    with MAKING:
        return session().client("ec2", region_name=region, config=offerings_config())
