"""``query``: serves the API's routes from the inventory in memory."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.api import responses
from lambdas.api.responses import (
    is_too_large,
    json_response,
    problem,
    too_large,
)
from lambdas.history.exceptions import TooEarly
from lambdas.observability import logger
from lambdas.routes import alerts, feeds, inventory, market  # noqa: F401
from lambdas.routes.request import app, raw_query
from lambdas.store.archive import Unreadable
from truffle.core.codec import Json
from truffle.core.parameters import BadParameter, parse


@app.exception_handler(BadParameter)  # type: ignore[untyped-decorator]
def bad_parameter(error: BadParameter) -> Response[str]:
    return responses.bad_parameter(error)


@app.exception_handler(TooEarly)  # type: ignore[untyped-decorator]
def too_early(error: TooEarly) -> Response[str]:
    return responses.too_early(error.earliest)


@app.exception_handler(Unreadable)  # type: ignore[untyped-decorator]
def unreadable(error: Unreadable) -> Response[str]:
    logger.error("bucket unreadable", extra={"error": str(error)})
    return problem(503, "The bucket cannot be read", str(error))


@app.not_found
def no_route(error: NotFoundError) -> Response[str]:
    allowed = _methods_of(app.current_event.path)
    if not allowed:
        return problem(404, "Unknown route", f"The routes are {', '.join(_document()['paths'])}.")
    listed = ", ".join(allowed)
    response = problem(405, "Method not allowed", f"The method must be {' or '.join(allowed)}.")
    response.headers["Allow"] = listed
    return response


def _document(routes: tuple[str, ...] = ()) -> Json:
    """The OpenAPI document; its modules are imported with the first request for it."""
    from lambdas.api.openapi import document

    return document(routes)


def _methods_of(path: str) -> list[str]:
    """The methods of a path; empty if the route is unknown."""
    for template, operations in _document()["paths"].items():
        if re.fullmatch(template.replace(".", r"\.").replace("{id}", "[^/]+"), path):
            methods = [method.upper() for method in operations]
            return [*methods, "HEAD"] if "GET" in methods else methods
    return []


@app.get("/openapi.json")
def openapi() -> Response[str]:
    parse(raw_query(), ())
    return json_response(
        _document(tuple(route.name for route in wiring.query().alert_settings.routes))
    )


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle an HTTP API event (payload 2.0); HEAD is GET without the body.

    The path is encoded first: Powertools does not match line breaks, and few other characters.
    """
    request = event["requestContext"]
    method = request["http"]["method"]
    requested_method = "GET" if method == "HEAD" else method
    answer = app.resolve(
        {
            **event,
            "rawPath": quote(event["rawPath"], safe="/%", errors="replace"),
            "requestContext": {**request, "http": {**request["http"], "method": requested_method}},
        },
        context,
    )
    if is_too_large(answer["body"]):
        refusal = too_large()
        headers = {**answer["headers"], "Content-Type": refusal.content_type}
        answer |= {"statusCode": refusal.status_code, "headers": headers, "body": refusal.body}
    return answer | {"body": ""} if method == "HEAD" else answer
