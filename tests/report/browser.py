"""Chromium, driven over a pipe by the DevTools protocol: no port, no driver, no package.

https://chromedevtools.github.io/devtools-protocol/ ; messages end with a NUL byte
(``--remote-debugging-pipe``: the browser reads file descriptor 3 and writes 4).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from base64 import b64decode
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
SECONDS = 30.0


class Browser:
    """A browser with one page; ``console`` and ``requests`` fill as it runs."""

    def __init__(self) -> None:
        assert CHROMIUM is not None
        self._profile = tempfile.mkdtemp()
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        os.set_blocking(self._in, False)
        # The shell puts the pipes where the browser looks for them.
        start = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={self._profile}", "about:blank"]
        self._process = subprocess.Popen(
            ["bash", "-c", start, "browser", *command],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._unread = b""
        self._number = 0
        self._session: str | None = None
        self._loaded = 0
        self.console: list[str] = []
        self.requests: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)
        shutil.rmtree(self._profile, ignore_errors=True)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its result. Raises RuntimeError where the browser refuses."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        left = json.dumps(message).encode() + b"\0"
        while left:
            left = left[os.write(self._out, left) :]
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return dict(answer["result"])
            self._note(answer)

    def _read(self) -> dict[str, Any]:
        until = time.monotonic() + SECONDS
        while b"\0" not in self._unread:
            try:
                self._unread += os.read(self._in, 1 << 16)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise TimeoutError("the browser does not respond") from None
                time.sleep(0.01)
        line, self._unread = self._unread.split(b"\0", 1)
        return dict(json.loads(line))

    def _note(self, message: dict[str, Any]) -> None:
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.console.append(json.dumps(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.console.append(str(parameters["entry"]["text"]))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
            self.console.append(json.dumps(parameters["args"]))
        elif method == "Network.requestWillBeSent":
            self.requests.append(str(parameters["request"]["url"]))
        elif method == "Page.loadEventFired":
            self._loaded += 1

    def open(self, url: str) -> None:
        """Load a page, and wait until it is loaded."""
        before = self._loaded
        self.send("Page.navigate", url="about:blank")
        self._wait(before)
        self.requests.clear()
        self.console.clear()
        before = self._loaded
        self.send("Page.navigate", url=url)
        self._wait(before)

    def _wait(self, before: int) -> None:
        while self._loaded == before:
            self._note(self._read())

    def run(self, script: str) -> Any:
        """The value of an expression in the page, which may be a promise."""
        result = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"])[:2000])
        return result["result"].get("value")

    def wait_until(self, condition: str) -> None:
        """Until an expression is true, also across pages. Raises TimeoutError."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            try:
                if self.run(f"Boolean({condition})"):
                    return
            except RuntimeError:  # the page was left meanwhile
                pass
            time.sleep(0.1)
        raise TimeoutError(condition)

    def size(self, width: int, height: int = 900, *, is_phone: bool = False) -> None:
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=is_phone,
        )

    def scheme(self, name: str) -> None:
        """``light`` or ``dark``."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.send("Emulation.setEmulatedMedia", features=features)

    def picture(self, path: Path, most: int = 6000, scale: float = 1) -> None:
        """The whole page as a PNG, up to that many pixels of its height."""
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], most)}
        shot = self.send(
            "Page.captureScreenshot", captureBeyondViewport=True, clip={**clip, "scale": scale}
        )
        path.write_bytes(b64decode(shot["data"]))
