"""The Python client for asyncio."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from truffle.client import DEFAULT_TIMEOUT, Truffle

P = ParamSpec("P")
T = TypeVar("T")


class AsyncTruffle:
    """The client for ``asyncio``: every method of ``Truffle`` as a coroutine, run in a thread."""

    def __init__(
        self,
        *,
        profile: str | None = None,
        api_url: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        ignore_denied: bool = False,
    ) -> None:
        client = Truffle(
            profile=profile, api_url=api_url, timeout=timeout, ignore_denied=ignore_denied
        )
        self.sign_in = _threaded(client.sign_in)
        self.capacity = _threaded(client.capacity)
        self.reservation = _threaded(client.reservation)
        self.list_regions = _threaded(client.list_regions)
        self.offerings = _threaded(client.offerings)
        self.offering_history = _threaded(client.offering_history)
        self.fleets = _threaded(client.fleets)
        self.prices = _threaded(client.prices)
        self.stranded = _threaded(client.stranded)
        self.topology = _threaded(client.topology)
        self.validate = _threaded(client.validate)
        self.recommend = _threaded(client.recommend)
        self.events = _threaded(client.events)
        self.history = _threaded(client.history)
        self.usage = _threaded(client.usage)
        self.status = _threaded(client.status)
        self.explain = _threaded(client.explain)
        self.test_route = _threaded(client.test_route)
        self.republish = _threaded(client.republish)


def _threaded(method: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        import asyncio

        return await asyncio.to_thread(method, *args, **kwargs)

    call.__doc__ = method.__doc__
    return call
