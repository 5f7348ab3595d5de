"""The HTTP API."""

from __future__ import annotations

import json
import math

from lambdas.api.openapi import document
from tests.infra.synthesized import Synthesized, target

GET_ROUTES = {
    "GET /reservations",
    "GET /odcrs",
    "GET /capacity-blocks",
    "GET /training-plans",
    "GET /db-capacity-reservations",
    "GET /reservations/{id}",
    "GET /summary",
    "GET /prices",
    "GET /stranded",
    "GET /usage",
    "GET /events",
    "GET /status",
    "GET /fleets",
    "GET /topology",
    "GET /offerings",
    "GET /offerings/history",
    "GET /validate",
    "GET /report",
    "GET /calendar.ics",
    "GET /metrics",
    "GET /alerts/explain",
    "GET /openapi.json",
}
FEED = "GET /calendar-feed.ics"
POST_ROUTES = {"POST /alerts/test", "POST /alerts/republish"}


def test_the_routes(stack: Synthesized) -> None:
    keys = {route["RouteKey"] for route in stack.of_type("ApiGatewayV2::Route")}
    assert keys == GET_ROUTES | POST_ROUTES | {"ANY /", "ANY /{proxy+}", FEED}


def test_every_documented_route_is_there() -> None:
    paths: dict[str, dict[str, object]] = document()["paths"]
    described = {f"{method.upper()} {path}" for path, item in paths.items() for method in item}
    assert described == GET_ROUTES | POST_ROUTES | {FEED}


def test_every_route_but_the_feed_asks_for_a_signature(stack: Synthesized) -> None:
    for route in stack.of_type("ApiGatewayV2::Route"):
        wanted = "NONE" if route["RouteKey"] == FEED else "AWS_IAM"
        assert route["AuthorizationType"] == wanted, route["RouteKey"]


def test_without_the_setting_there_is_no_feed(plain: Synthesized) -> None:
    routes = plain.of_type("ApiGatewayV2::Route")
    assert {route["AuthorizationType"] for route in routes} == {"AWS_IAM"}
    assert FEED not in {route["RouteKey"] for route in routes}
    assert not plain.has("SecretsManager::Secret")
    assert plain.function("query")["Environment"]["Variables"]["TRUFFLE_FEED_SECRET"] == ""


def test_the_secret_of_the_feed_has_256_bits(stack: Synthesized) -> None:
    (secret,) = stack.of_type("SecretsManager::Secret")
    made = secret["GenerateSecretString"]
    assert made == {"ExcludePunctuation": True, "PasswordLength": 43}
    assert 43 * math.log2(26 + 26 + 10) >= 256


def test_the_open_route_is_limited_further_and_exists_before_the_stage(stack: Synthesized) -> None:
    (stage,) = stack.of_type("ApiGatewayV2::Stage")
    assert stage["RouteSettings"] == {FEED: {"ThrottlingRateLimit": 2, "ThrottlingBurstLimit": 10}}
    (route,) = [it for it in stack.of_type("ApiGatewayV2::Route") if it["RouteKey"] == FEED]
    assert route.logical_id in stage.body["DependsOn"]


def test_every_route_leads_to_query(stack: Synthesized) -> None:
    (integration,) = stack.of_type("ApiGatewayV2::Integration")
    assert target(integration["IntegrationUri"]) == stack.function("query").logical_id
    assert integration["PayloadFormatVersion"] == "2.0"
    wanted = ["", ["integrations/", {"Ref": integration.logical_id}]]
    for route in stack.of_type("ApiGatewayV2::Route"):
        assert route["Target"] == {"Fn::Join": wanted}


def test_only_this_api_may_invoke_query(stack: Synthesized) -> None:
    permission = stack.permission("query")
    (api,) = stack.of_type("ApiGatewayV2::Api")
    assert permission["Principal"] == "apigateway.amazonaws.com"
    assert {"Ref": api.logical_id} in permission["SourceArn"]["Fn::Join"][1]


def test_requests_are_limited_and_logged(stack: Synthesized) -> None:
    (stage,) = stack.of_type("ApiGatewayV2::Stage")
    assert stage["StageName"] == "$default"
    assert stage["AutoDeploy"] is True
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 100}
    log = stage["AccessLogSettings"]
    assert "caller" in json.loads(log["Format"])
    assert stack.get(target(log["DestinationArn"])).body["Type"] == "AWS::Logs::LogGroup"


def test_nothing_is_open_to_other_origins(stack: Synthesized) -> None:
    (api,) = stack.of_type("ApiGatewayV2::Api")
    assert "CorsConfiguration" not in api.properties
