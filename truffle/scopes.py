"""The scopes of the deployed stack, as ``GET /status`` tells them page after page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truffle.core.codec import Json
from truffle.core.parameters import MAX_LIMIT
from truffle.core.status import FAILING_STATES, State

if TYPE_CHECKING:
    from truffle.sources.api import Api, Parameters

FAILING = ("state", ",".join(sorted(FAILING_STATES)))
OTHERS = ("state", ",".join(state for state in State if state not in FAILING_STATES))


def read_status(api: Api, parameters: Parameters = ()) -> Json:
    """The status with the scopes of all its pages. Raises ApiError."""
    pages = list(api.pages("/status", [*parameters, ("limit", str(MAX_LIMIT))], "scopes"))
    return {**pages[-1], "scopes": [scope for page in pages for scope in page["scopes"]]}


def worst_status(api: Api, most: int, parameters: Parameters = ()) -> Json:
    """The status with so many scopes: the longest failing first. Raises ApiError."""
    status = read_status(api, [FAILING, *parameters])
    with api.understood():
        scopes = sorted(status["scopes"], key=lambda scope: str(scope["failing_since"]))
    if len(scopes) < most:
        rest = [OTHERS, *parameters, ("limit", str(most))]
        scopes += api.get("/status", "scopes", rest)["scopes"]
    return {**status, "scopes": scopes[:most]}
