"""What holds for all tests: those that need machines are left out loudly where there can be none, or must run."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

from tests.browser import program
from tests.lab.needs import missing

LEFT_OUT = "LEFT OUT"
MACHINES = "needs root on Linux"


def pytest_configure() -> None:
    """A build server may start us with interrupts ignored, and programs that tests start would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # How long an example takes says more about what else runs on this computer than about the code.
    settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser") is not None and program() is None:
        pytest.skip(f"{LEFT_OUT}: needs Chromium (Debian package chromium)")
    if item.get_closest_marker("machines") is None:
        return
    reasons = missing()
    if not reasons:
        return
    why = f"{LEFT_OUT}: {MACHINES} with systemd-container and debootstrap; here: {', '.join(reasons)}"
    if os.environ.get("RECONCILER_REQUIRE_MACHINES") == "1":
        pytest.fail(f"{why}; RECONCILER_REQUIRE_MACHINES=1 says that they must run", pytrace=False)
    pytest.skip(why)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what was not tested, and why, where nobody can overlook it."""
    skipped = [r.longrepr[2] for r in terminalreporter.stats.get("skipped", []) if isinstance(r.longrepr, tuple)]
    reasons = Counter(text.partition(f"{LEFT_OUT}: ")[2] for text in skipped if LEFT_OUT in text)
    if not reasons:
        return
    terminalreporter.section(LEFT_OUT, sep="!", red=True, bold=True)
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count} tests: {reason}")
    if any(reason.startswith(MACHINES) for reason in reasons):
        terminalreporter.line(
            "`make test` as root on Debian runs them; RECONCILER_REQUIRE_MACHINES=1 makes this a failure."
        )
