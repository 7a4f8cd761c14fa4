"""Prometheus' own tool: what it says of metrics, rules and queries. Left out loudly where it can't be had."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

LEFT_OUT = "LEFT OUT"


def promtool(*words: str, stdin: str = "") -> str:
    """What it says. Fails with that where it finds something wrong."""
    program = shutil.which("promtool")
    if program is None:
        why = f"{LEFT_OUT}: needs promtool (in Debian's package prometheus; tests/lab/install-needs.sh fetches it)"
        if os.environ.get("RECONCILER_REQUIRE_MACHINES") == "1":
            pytest.fail(f"{why}; RECONCILER_REQUIRE_MACHINES=1 says that it must run", pytrace=False)
        pytest.skip(why)
    done = subprocess.run([program, *words], input=stdin, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def examined(folder: Path, rules: Path | None, *tests: dict[str, Any]) -> None:
    """Runs tests of rules and queries. Fails with what is not as expected."""
    file = folder / "tests.yaml"
    document = {"rule_files": [str(rules)] if rules else [], "evaluation_interval": "1m", "tests": list(tests)}
    file.write_text(yaml.safe_dump(document, width=1000))
    promtool("test", "rules", str(file))
