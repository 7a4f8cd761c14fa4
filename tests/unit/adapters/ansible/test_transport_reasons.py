"""Real lines of ssh and sudo, and what people get to read."""

from __future__ import annotations

import pytest

from reconciler.adapters.ansible import reasons
from reconciler.adapters.ansible.reasons import Reached
from reconciler.adapters.ansible.settings import SshSettings

SETTINGS = SshSettings(known_hosts_file="/etc/rec/known_hosts", cache_dir="/nowhere")
REACHED = Reached("10.0.0.1", "deploy")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ssh: connect to host 10.0.0.1 port 22: Connection timed out\r\n", "ssh: timed out"),
        ("ssh: connect to host 10.0.0.1 port 22: Connection refused", "ssh: connection refused"),
        ("ssh: connect to host 10.0.0.1 port 22: No route to host", "ssh: no route to the host"),
        (
            "ssh: Could not resolve hostname web-1: Name or service not known",
            "ssh: the name 10.0.0.1 can't be resolved",
        ),
        (
            "No ED25519 host key is known for 10.0.0.1 and you have requested strict checking.\n"
            "Host key verification failed.",
            "ssh: host key verification failed: the key of 10.0.0.1 is not in /etc/rec/known_hosts",
        ),
        (
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n…\nHost key verification failed.",
            "ssh: the host key of 10.0.0.1 is not the one in /etc/rec/known_hosts",
        ),
        (
            "deploy@10.0.0.1: Permission denied (publickey,password).",
            "ssh: permission denied (publickey,password) for user deploy",
        ),
        ("kex_exchange_identification: Connection closed by remote host", "ssh: the host closed the connection"),
        ("Connection closed by 10.0.0.1 port 22", "ssh: the host closed the connection"),
        ("Incorrect sudo password", "sudo: wrong password"),
        ("Missing sudo password", "sudo: a password is needed; set become_password_file"),
        ("sudo: a password is required", "sudo: a password is needed; set become_password_file"),
        ("deploy is not in the sudoers file.", "sudo: deploy may not become root"),
        ("sudo: not found", "sudo is not installed on the host"),
        # Braces of a host must not be taken for ours.
        ("Permission denied ({known_hosts}{0})", "ssh: permission denied ({known_hosts}{0}) for user deploy"),
    ],
)
def test_before_anything_ran(text, reason):
    assert reasons.before(text, REACHED, SETTINGS) == reason


@pytest.mark.parametrize(
    "text", ["", "Connection to 10.0.0.1 closed by remote host.", "Timeout, server 10.0.0.1 not responding."]
)
def test_what_does_not_say_so(text):
    assert reasons.before(text, REACHED, SETTINGS) is None


def test_without_an_interpreter():
    assert reasons.no_python(127, SETTINGS) == "no python3 at /usr/bin/python3; install python3, or set ssh.python"
    assert "can't be run" in (reasons.no_python(126, SETTINGS) or "")
    assert reasons.no_python(255, SETTINGS) is None


def test_after_says_one_line_at_most():
    assert reasons.after("a\n\x1b]0;evil\x07b\n\n", REACHED, SETTINGS) == "]0;evilb"
    assert len(reasons.after("x" * 10_000, REACHED, SETTINGS)) == 300


def test_ansible_is_quoted_by_its_first_error():
    text = "[WARNING]: no\n[ERROR]: the collection is broken\nTraceback\n  File x"
    assert reasons.of_ansible(text) == "[ERROR]: the collection is broken"
    assert reasons.of_ansible("") == "Ansible ended without a word"
