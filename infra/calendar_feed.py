"""The calendar for programs that cannot sign: a route of its own, open to who has its secret."""

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.acknowledgments import acknowledge

FEED_ROUTE = "/calendar-feed.ics"
FEED_REQUESTS_PER_SECOND = 2
FEED_BURST = 10

_SECRET_LENGTH = 43
"""43 letters and digits are 256 bits: 43 × log2(62) = 256.03."""


def feed_secret(scope: Construct) -> secretsmanager.Secret:
    """The secret in the feed's URL, made by Secrets Manager; a new value replaces the URL."""
    secret = secretsmanager.Secret(
        scope,
        "FeedSecret",
        secret_name=f"{Stack.of(scope).stack_name}/calendar-feed",
        description="The token in the URL of truffle's calendar feed.",
        generate_secret_string=secretsmanager.SecretStringGenerator(
            exclude_punctuation=True, password_length=_SECRET_LENGTH
        ),
        removal_policy=RemovalPolicy.DESTROY,
    )
    acknowledge(
        secret,
        "AwsSolutions-SMG4",
        "A new value ends every subscription, so people rotate it when a URL has leaked.",
    )
    return secret


def open_route(route: apigateway.HttpRoute) -> None:
    """Accept that the feed's route has no authorizer."""
    acknowledge(
        route,
        "AwsSolutions-APIG4",
        "Calendars cannot sign; the function compares the secret in the URL before anything else.",
    )
