"""A real Chromium, driven through its own debugging protocol: what a person sees, and nothing between us and it.

::

    with chromium() as browser:
        browser.open("http://127.0.0.1:8080/")
        browser.wait("document.querySelector('h1')")
        browser.picture(path, width=375)

The browser is the machine's own, looked for on PATH; where there is none, a test is skipped and says so.
"""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest
from websockets.sync.client import connect

from support.waiting import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from websockets.sync.client import ClientConnection

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SERIOUS = ("serious", "critical")
_OPTIONS = (
    *("--headless=new", "--remote-debugging-port=0", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
    *("--no-sandbox", "--disable-dev-shm-usage", "--disable-extensions", "--disable-background-networking"),
)


def found() -> str:
    """Return the path of a Chromium; skip the test where there is none."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"none of {', '.join(NAMES)} is on PATH")
    return path


class Browser:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.requests: list[str] = []
        """URLs that pages have asked for."""
        for domain in ("Page", "Runtime", "Network"):
            self.command(f"{domain}.enable")

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give one command of the protocol and return its result."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=PATIENCE_S))
            if message.get("method") == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
            if message.get("id") == number:
                assert "error" not in message, message["error"]
                result: dict[str, Any] = message["result"]
                return result

    def run(self, script: str) -> Any:
        """Return the value of an expression in the page; of a promise, what it comes to."""
        result = self.command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, script: str) -> Any:
        """Return the first true value of an expression; what is not there yet may raise."""
        return until(
            f"the page never had {script}: {self.address}",
            lambda: self.run(f"(() => {{ try {{ return {script} }} catch {{ return null }} }})()"),
            every_s=0.2,
        )

    @property
    def address(self) -> str:
        """Where the tab is."""
        return str(self.run("location.href"))

    def open(self, url: str) -> None:
        """Go somewhere, and return when it is loaded."""
        self.command("Page.navigate", url=url)
        self.wait(
            f"document.readyState === 'complete' && location.href.startsWith({json.dumps(url.partition('?')[0][:20])})"
        )

    def sign_in(self, url: str, token: str) -> None:
        """Have Airflow's cookie, as its sign-in leaves it."""
        self.command("Network.setCookie", name="_token", value=token, url=url, httpOnly=True)

    def headers(self, **headers: str) -> None:
        """Send headers with every request."""
        self.command("Network.setExtraHTTPHeaders", headers=headers)

    def prefer(self, theme: str) -> None:
        """Have the system prefer ``light`` or ``dark``."""
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])

    def size(self, width: int, height: int = 800) -> None:
        """Have a window of this size, in CSS pixels."""
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Save what is seen, or the whole page."""
        data = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))

    def press(self, key: str) -> None:
        """Press a key, such as ``Tab`` or ``Enter``."""
        code = {"Tab": 9, "Enter": 13}[key]
        more = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.command("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **more)

    def faults(self) -> list[str]:
        """Return what axe finds serious in the page: rule, number of places, and the first of them."""
        self.run((files("axe_core_python") / "axe.min.js").read_text() + "; 0")
        found = self.run(
            "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v => "
            "({id: v.id, impact: v.impact, nodes: v.nodes.map(n => n.html + ' ' + n.failureSummary)})))"
        )
        return [
            f"{each['id']} ({len(each['nodes'])}): {each['nodes'][0]}" for each in found if each["impact"] in SERIOUS
        ]

    @property
    def is_wider_than_its_window(self) -> bool:
        """Whether a person would have to scroll sideways."""
        return bool(self.run("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a Chromium of its own, and end it with the block."""
    path = found()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(  # noqa: S603  # our own arguments
            [path, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            port_file = Path(profile) / "DevToolsActivePort"

            def port() -> str:
                assert process.poll() is None, f"{path} ended with {process.returncode}"
                return port_file.read_text().partition("\n")[0] if port_file.exists() else ""

            address = f"http://127.0.0.1:{until('Chromium did not start', port)}/json/list"

            def tab() -> str:
                with urlopen(address, timeout=PATIENCE_S) as answer:
                    pages = [each for each in json.load(answer) if each["type"] == "page"]
                return str(pages[0]["webSocketDebuggerUrl"]) if pages else ""

            with connect(until("Chromium has no tab", tab), max_size=None, open_timeout=PATIENCE_S) as socket:
                yield Browser(socket)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
