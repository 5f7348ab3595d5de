"""Count the requests of the function's clients, for the manifest of a run."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any

from truffle.core.calls import Calls

_WRITTEN = "truffle_items_written"
"""The key in a request's context of the number of items that it writes if it succeeds."""


class CallMeter:
    """Counts the requests of the clients of a botocore session, from all threads of the function.

    A function has one invocation at a time, so all requests of its threads belong to it.
    ``request-created`` is emitted for each attempt of a call (botocore/endpoint.py, Endpoint).
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._calls = Calls()

    def attach(self, session: Any) -> None:
        """Count the requests of every client that a botocore session creates from now on."""
        session.register("request-created", self._count_request)
        session.register("provide-client-params.dynamodb", self._note_writes)
        session.register("after-call.dynamodb", self._count_items)

    def take(self) -> Calls:
        """The counts since the last call; each request is in exactly one of them."""
        with self._lock:
            taken, self._calls = self._calls, Calls()
        return taken

    def add(self, calls: Calls) -> None:
        """Add requests that another function sent on behalf of this one, or that were taken too
        early."""
        with self._lock:
            self._calls += calls

    def _count_request(self, event_name: str, **_: Any) -> None:
        self.add(Calls({event_name.split(".")[1]: 1}))

    def _note_writes(self, params: Any, model: Any, context: dict[str, Any], **_: Any) -> None:
        context[_WRITTEN] = _items_written(model.name, params)

    def _count_items(
        self, http_response: Any, parsed: Any, context: dict[str, Any], **_: Any
    ) -> None:
        if http_response.status_code < 300:
            self.add(Calls(items_read=_items_read(parsed), items_written=context.get(_WRITTEN, 0)))


def _items_written(operation: str, params: Mapping[str, Any]) -> int:
    if operation == "TransactWriteItems":
        return sum("ConditionCheck" not in action for action in params["TransactItems"])
    if operation == "BatchWriteItem":
        return sum(len(requests) for requests in params["RequestItems"].values())
    return int(operation in ("PutItem", "UpdateItem", "DeleteItem"))


def _items_read(answer: Mapping[str, Any]) -> int:
    """A query counts the items read before filtering; other operations those found."""
    batches = answer.get("Responses", {})
    found = sum(len(items) for items in batches.values()) if isinstance(batches, dict) else 0
    return found + int(answer.get("ScannedCount", 0)) + ("Item" in answer)
