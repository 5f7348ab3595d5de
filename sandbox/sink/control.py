"""The client of a destination that runs in a process of its own."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any
from urllib.request import ProxyHandler, build_opener
from urllib.request import Request as HTTPRequest

from sandbox.sink.destination import EVERYWHERE, OK, Reply, Request, request_from_json

_OPENER = build_opener(ProxyHandler({}))
"""Without the proxies of the environment: the destination is on this machine."""


@dataclass(frozen=True, slots=True)
class Sink:
    """Drives a destination and reads what it was sent; raises OSError where none is.

    Attributes:
        endpoint: ``https://127.0.0.1:<port>``, to which a path is added for each destination.
        control: URL of the control surface.
    """

    endpoint: str
    control: str

    def url(self, path: str) -> str:
        """Where a destination is posted to: ``/slack`` and the like."""
        return f"{self.endpoint}{path}"

    def requests(self, path: str | None = None) -> list[Request]:
        """The requests received, by one path or by all, in order."""
        found = [request_from_json(raw) for raw in self._call("GET", "/requests")]
        return [request for request in found if path in (None, request.path)]

    def answer(self, reply: Reply, path: str = EVERYWHERE) -> None:
        """Set the response of a path, or of each path without its own, from now on."""
        self._call("PUT", "/answers", {"path": path, "reply": asdict(reply)})

    def mend(self, path: str = EVERYWHERE) -> None:
        """A path is answered as it was at first."""
        self.answer(OK, path)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        content = json.dumps(body).encode() if body is not None else None
        asked = HTTPRequest(f"{self.control}{path}", content, method=method)
        with _OPENER.open(asked, timeout=60) as answer:
            return json.load(answer)
