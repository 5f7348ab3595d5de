"""The embedded AWS as an ASGI application whose callers count as having come over TLS.

The stack's policies refuse plain HTTP, as they should on AWS. Here every byte stays on the
loopback interface, which stands in for the TLS termination in front of AWS's services.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ministack.app import app as embedded_aws

from sandbox.embedded import complete

complete()

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
