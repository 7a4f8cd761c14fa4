"""The bytes of one host's request, and the command that reads them there. Both carriers send the same."""

from __future__ import annotations

import json
import shlex
from functools import cached_property
from pathlib import Path
from typing import Any

from ansible_collections.reconciler.fleet.plugins.module_utils.host import loader
from ansible_collections.reconciler.fleet.plugins.plugin_utils.bundle import Code

READY = "RECONCILER-READY"
BOOTSTRAP = (
    "import os;i=os.fdopen(0,'rb');s=i.read(int(i.readline()));"
    "exec(compile(s,'reconciler','exec'),{'__name__':'__main__','stream':i})"
)
ANNOUNCED = f"import os;os.write(2,b'{READY}\\n');" + BOOTSTRAP
"""The same, for a host where something else may read the input first: says when it is its turn."""


def command(python: str, bootstrap: str = BOOTSTRAP) -> str:
    """Imports nothing from the directory that it is started in, or from the environment. For site see `calls.share`."""
    return f"{shlex.quote(python)} -I -S -c {shlex.quote(bootstrap)}"


class Fixed:
    """What all hosts with one payload get: its parts are made once, and shared."""

    def __init__(self, payload: bytes, code: Code) -> None:
        self.payload = payload
        self.code = code

    @cached_property
    def first(self) -> bytes:
        source = Path(loader.__file__).read_bytes()
        return b"%d\n" % len(source) + source


class Request:
    """What one host gets: `errand` is what the carrier wrote for it."""

    def __init__(self, fixed: Fixed, errand: dict[str, Any]) -> None:
        self.code = fixed.code
        self._fixed = fixed
        self._host = errand["host"]
        self._home = errand["home"]

    def parts(self, with_code: bool, part: dict[str, Any] | None = None) -> list[bytes]:
        """In order. They are not joined: the large ones are other hosts' too. `part` is as the driver has it."""
        fixed = self._fixed
        code = fixed.code.data if with_code else b""
        host = json.dumps({**self._host, "part": part} if part else self._host).encode()
        lengths = [len(code), len(fixed.payload), len(host)]
        header = json.dumps({"code": fixed.code.digest, "home": self._home, "lengths": lengths})
        return [fixed.first, header.encode() + b"\n", code, fixed.payload, host]
