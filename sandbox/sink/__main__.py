"""``python -m sandbox.sink``: the destination as a separate process, with a control API.

| call on the control port | does |
|---|---|
| ``GET /requests`` | what was sent so far |
| ``PUT /answers`` | ``{"path": …, "reply": {…}}``: how a path is answered from now on |
"""

from __future__ import annotations

import argparse
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sandbox.sink.certificates import write_trust
from sandbox.sink.destination import HOST, Destination, Reply, request_to_json

TRUST = "trust.pem"
RECORD = "requests.jsonl"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, destination: Destination) -> None:
        super().__init__((HOST, port), _Handler)
        self.destination = destination


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._send([request_to_json(one) for one in list(self.server.destination.requests)])

    def do_PUT(self) -> None:
        requested = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.server.destination.answer(Reply(**requested["reply"]), requested["path"])
        self._send({})

    def _send(self, answer: Any) -> None:
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def main(arguments: list[str] | None = None) -> int:
    """The command; it serves until its process ends."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.sink")
    parser.add_argument("--folder", type=Path, required=True, help="for certificates and record")
    parser.add_argument("--port", type=int, required=True, help="of the destination")
    parser.add_argument("--control-port", type=int, required=True)
    chosen = parser.parse_args(arguments)
    folder: Path = chosen.folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD).write_text("")
    destination = Destination(folder, port=chosen.port, record=folder / RECORD)
    write_trust(destination.authority, folder / TRUST)
    _Server(chosen.control_port, destination).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
