"""Says in a few words why a host was not reached, from what ssh, sudo, Python or Ansible printed. Pure.

The text is untrusted: only known phrases are understood, and of the rest one line is shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.adapters.ansible.settings import SshSettings

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Reached:
    """Where and as whom a host was to be reached."""

    address: str
    user: str


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    reason: str


def _rules(*pairs: tuple[str, str]) -> tuple[_Rule, ...]:
    return tuple(_Rule(re.compile(pattern), reason) for pattern, reason in pairs)


_BEFORE_ANYTHING_RAN = _rules(
    (r"REMOTE HOST IDENTIFICATION HAS CHANGED", "ssh: the host key of {address} is not the one in {known_hosts}"),
    (r"Host key verification failed|No \S+ host key is known", _UNKNOWN := "ssh: host key verification failed: "
     "the key of {address} is not in {known_hosts}"),
    (r"Permission denied \(([^)]*)\)", "ssh: permission denied ({0}) for user {user}"),
    (r"Too many authentication failures", "ssh: too many authentication failures for user {user}"),
    (r"Could not resolve hostname", "ssh: the name {address} can't be resolved"),
    (r"Connection refused", "ssh: connection refused"),
    (r"No route to host", "ssh: no route to the host"),
    (r"Network is unreachable", "ssh: the network is unreachable"),
    (r"Connection timed out during banner exchange|banner exchange: .*timed out", "ssh: timed out"),
    (r"ssh: connect to host .*(?:timed out|Operation timed out)", "ssh: timed out"),
    (r"kex_exchange_identification|Connection (?:closed|reset) by \S+ port", "ssh: the host closed the connection"),
    (r"Connection closed by remote host", "ssh: the host closed the connection"),
    (r"Load key .*: (?:invalid format|error in libcrypto)", "ssh: the private key file is not a key"),
    (r"Bad owner or permissions on (\S+)", "ssh: bad owner or permissions on {0}"),
    (r"Bad configuration option: (\S+)", "ssh: bad configuration option {0}"),
    (r"Incorrect sudo password|Sorry, try again|Duplicate become password prompt|incorrect password attempt",
     "sudo: wrong password"),
    (r"Missing sudo password|sudo: a (?:terminal|password) is required",
     "sudo: a password is needed; set become_password_file"),
    (r"is not in the sudoers file|is not allowed to (?:execute|run sudo)", "sudo: {user} may not become root"),
    (r"sudo: (?:command )?not found|sudo: No such file", "sudo is not installed on the host"),
    (r"waiting for privilege escalation prompt|Timed out waiting for become success", "sudo: no answer in time"),
)  # fmt: skip
_AFTER = _rules(
    (r"Timeout, server \S+ not responding", "ssh: the host stopped answering"),
    (r"Connection to \S+ closed by remote host|Broken pipe|Connection reset", "ssh: the connection broke"),
    (r"No space left on device", "no space left on the host"),
)


def before(text: str, reached: Reached, settings: SshSettings) -> str | None:
    """Why nothing can have run on the host; None when the text does not say so."""
    return _first(_BEFORE_ANYTHING_RAN, text, reached, settings)


def no_python(rc: int, settings: SshSettings) -> str | None:
    """Why the interpreter did not start, from the exit status of the host's shell."""
    if rc == 127:
        return f"no python3 at {settings.python}; install python3, or set ssh.python"
    if rc == 126:
        return f"{settings.python} can't be run on the host; install python3, or set ssh.python"
    return None


def after(text: str, reached: Reached, settings: SshSettings) -> str:
    """What happened to a connection that had carried the request, or may have."""
    return _first(_AFTER, text, reached, settings) or last_line(text) or "the connection ended without a reply"


def _first(rules: tuple[_Rule, ...], text: str, reached: Reached, settings: SshSettings) -> str | None:
    for rule in rules:
        found = rule.pattern.search(text)
        if found:
            words = [shown(word) for word in found.groups("")]
            known = settings.known_hosts_file or "~/.ssh/known_hosts"
            return rule.reason.format(*words, address=reached.address, user=reached.user, known_hosts=known)
    return None


def last_line(text: str) -> str:
    """The last line with something in it, fit to be shown."""
    lines = [line for line in (shown(line) for line in text.splitlines()) if line]
    return lines[-1][:_LONGEST] if lines else ""


def of_ansible(text: str) -> str:
    """What Ansible itself says was wrong: its first error, which a traceback may follow, or its last line."""
    mistakes = [line for line in text.splitlines() if re.match(r"(\x1b\[[0-9;]*m)?(\[ERROR\]|ERROR!)", line)]
    return last_line(mistakes[0] if mistakes else text) or "Ansible ended without a word"


def shown(text: str) -> str:
    """Untrusted text without control characters, other than the ends of lines."""
    return "".join(sign for sign in text if sign.isprintable() or sign == "\n").strip()
