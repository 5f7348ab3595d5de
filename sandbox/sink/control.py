"""The client of a destination in a separate process."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from sandbox.sink.destination import EVERYWHERE, OK, ReceivedRequest, Reply, request_from_json

_OPENER = build_opener(ProxyHandler({}))
"""An opener that ignores the environment's proxies, since the destination is on this machine."""


@dataclass(frozen=True, slots=True)
class Sink:
    """Controls a destination and reads its requests; raises OSError without a destination.

    Attributes:
        endpoint: ``https://127.0.0.1:<port>``, followed by a path for each destination.
        control: URL of the control API.
    """

    endpoint: str
    control: str

    def url(self, path: str) -> str:
        """The URL of a destination, such as ``/slack``."""
        return f"{self.endpoint}{path}"

    def requests(self, path: str | None = None) -> list[ReceivedRequest]:
        """The requests received, by one path or by all, in order."""
        found = [request_from_json(raw) for raw in self._call("GET", "/requests")]
        return [request for request in found if path in (None, request.path)]

    def answer(self, reply: Reply, path: str = EVERYWHERE) -> None:
        """Set the response of a path, or of each path without its own, from now on."""
        self._call("PUT", "/answers", {"path": path, "reply": asdict(reply)})

    def mend(self, path: str = EVERYWHERE) -> None:
        """Restore the normal response of a path."""
        self.answer(OK, path)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        content = json.dumps(body).encode() if body is not None else None
        requested = Request(f"{self.control}{path}", content, method=method)
        with _OPENER.open(requested, timeout=60) as answer:
            return json.load(answer)
