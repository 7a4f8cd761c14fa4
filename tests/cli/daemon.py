"""A real `reconciler serve` for tests: started, asked over HTTP, and ended by its process id."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import patience
from tests.cli.place import Place
from tests.patience import PATIENCE


@dataclass
class Served:
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def address(self) -> str:
        found = re.search(r"listening  address=(\S+)", self.log.read_text())
        assert found, self.log.read_text()
        return found[1]

    def get(self, path: str) -> tuple[int, bytes]:
        return self.ask(urllib.request.Request(f"http://{self.address}{path}"))

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        return self.ask(urllib.request.Request(f"http://{self.address}{path}", body, dict(headers), method="POST"))[0]

    def ask(self, request: urllib.request.Request) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def ready(self) -> dict[str, Any]:
        document = json.loads(self.get("/readyz")[1])
        assert isinstance(document, dict)
        return document

    def metric(self, name: str) -> float:
        """The value of a metric, labels as they are written."""
        lines = self.get("/metrics")[1].decode().splitlines()
        return next((float(line.split()[-1]) for line in lines if line.rpartition(" ")[0] == name), 0.0)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def until(what: Callable[[], object], served: Served | None = None) -> None:
    """Waits until something is so; what can't be asked yet is not so."""

    def so() -> object:
        with contextlib.suppress(FileNotFoundError, urllib.error.URLError, ConnectionError):
            return what()
        return False

    patience.until(so, served.log.read_text if served else lambda: "it never came to that")


@contextmanager
def serving(place: Place, *options: str, name: str = "serve", **env: str) -> Iterator[Served]:
    """A daemon that looks every second, on a port of its own; killed at the end if it still runs."""
    log = place.base / f"{name}.log"
    command = place.command("serve", "--listen", "127.0.0.1:0", *(options or ("--poll-interval", "1s")))
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=place.state, env={**place.env, **env}, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    served = Served(process, log)
    try:
        until(lambda: process.poll() is not None or "listening" in log.read_text(), served)
        yield served
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        assert "Traceback" not in log.read_text(), log.read_text()
