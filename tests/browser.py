"""A headless Chromium, spoken to over two pipes: no port, no driver, no package.

The protocol is that of its developer tools (https://chromedevtools.github.io/devtools-protocol/): JSON messages, each
ended by a zero byte, written to descriptor 3 and read from descriptor 4 of the browser.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

FOUND = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
KEYS = {
    "Tab": 9,
    "End": 35,
    "Home": 36,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "Escape": 27,
}


class Browser:
    """One page in a browser of its own; what goes wrong in it is kept in ``problems``."""

    def __init__(self, folder: Path) -> None:
        (out, self._write), (self._read, into) = os.pipe(), os.pipe()

        def connect() -> None:
            high = [os.dup(out), os.dup(into)]  # neither may be in the other's place
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self._process = subprocess.Popen(
            [FOUND, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--remote-debugging-pipe", f"--user-data-dir={folder}", "about:blank"],
            preexec_fn=connect,  # noqa: PLW1509 (no threads here)
            pass_fds=(3, 4, out, into), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(out)
        os.close(into)
        self._number, self._rest, self._session = 0, b"", None
        self.problems: list[str] = []
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def call(self, method: str, **parameters: object) -> dict:
        """Send a command and return its answer; what the page reports meanwhile is kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self._note(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def _next(self, limit: float = 60) -> dict:
        while b"\0" not in self._rest:
            assert select.select([self._read], [], [], limit)[0], "the browser does not answer"
            self._rest += os.read(self._read, 1 << 20)
        text, self._rest = self._rest.split(b"\0", 1)
        return json.loads(text)

    def _note(self, event: dict) -> None:
        told, name = event.get("params", {}), event.get("method")
        if name == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(told["exceptionDetails"])[:500])
        elif name == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning"):
            self.problems.append(json.dumps(told["args"])[:500])
        elif name == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.problems.append(told["entry"]["text"])
        elif name == "Network.requestWillBeSent" and not told["request"]["url"].startswith(("file:", "data:", "blob:")):
            self.problems.append(f"asked for {told['request']['url']}")

    def open(self, path: Path) -> None:
        """Open a page and wait until it says that it is ready."""
        start = time.perf_counter()
        self.call("Page.navigate", url=path.as_uri())
        while self.ask("document.documentElement?.dataset.ready || ''") != "yes":
            assert time.perf_counter() - start < 60, self.problems
            time.sleep(0.05)

    def ask(self, expression: str) -> object:
        """Return the value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, expression: str, held: str) -> bool:
        """Tell whether the text that an expression gives comes to hold something within some seconds."""
        end = time.perf_counter() + 10
        while held not in str(self.ask(expression)):
            if time.perf_counter() > end:
                return False
            time.sleep(0.05)
        return True

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as a user does."""
        for key in keys:
            about = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
            self.call("Input.dispatchKeyEvent", type="rawKeyDown", **about)
            self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def move(self, x: float, y: float) -> None:
        """Move the mouse."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def show(self, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Set the size of the window, and whether the user prefers dark pages."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, path: Path) -> None:
        """Save a picture of the whole page."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))
