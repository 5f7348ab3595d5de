"""The embedded AWS as an ASGI application that treats requests as sent over TLS.

The stack's policies deny plain HTTP, as they should on AWS. Here all traffic stays on the loopback
interface, which replaces the TLS termination in front of AWS's services. HTTP APIs have ``https``
endpoints for the same reason, so links in alerts begin with ``https`` as on AWS.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ministack.app import app as embedded_aws
from ministack.services import apigateway

from sandbox.embedded import complete

complete()
apigateway._api_endpoint_scheme = lambda protocol: "https"

_TERMINATED = (b"x-forwarded-proto", b"https")


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[Any]],
    send: Callable[[Any], Awaitable[None]],
) -> None:
    """Serve with ``hypercorn sandbox.gateway:app``."""
    if scope["type"] == "http":
        scope = {**scope, "headers": [*scope["headers"], _TERMINATED]}
    await embedded_aws(scope, receive, send)
