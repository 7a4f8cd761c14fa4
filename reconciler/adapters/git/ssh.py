"""Fetching over ssh with the `git` program, since libgit2 does not check host keys.

The environment, the ssh command and the protocols are pinned: no setting of the user, the machine or the repository has
a say in what is started. ssh itself reads the user's own configuration, so that jump hosts work.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from reconciler.adapters.git.address import Remote
from reconciler.adapters.git.plain import plain
from reconciler.adapters.git.settings import GitSettings
from reconciler.model.errors import ReconcilerError, Retry, Stalled

_PASSED_ON: Final = ("PATH", "HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "TMPDIR")
_SETTINGS: Final = (
    "core.hooksPath=/dev/null",
    "gc.autoDetach=false",
    "protocol.allow=never",
    "protocol.ssh.allow=always",
)
_NO_HEAD: Final = "couldn't find remote ref HEAD"
_MOST_ERROR: Final = 8192

# What ssh and git say, and what it means for people. The first that fits counts.
_STALLED: Final = (
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "shows another host key than the known one: a new machine, or somebody in between",
        "ask who runs the host; only if the new key is right, replace it in the known hosts",
    ),
    (
        "Host key verification failed",
        "has a host key that is not known",
        "compare it with what the forge publishes, then add it to the known hosts: ssh-keyscan",
    ),
    ("no such identity", "can't be asked: the ssh key file isn't there", "check the path of the ssh key"),
    ("UNPROTECTED PRIVATE KEY", "can't be asked: others may read our ssh key", "chmod 600 the ssh key"),
    ("Permission denied (", "refuses our ssh key", "let this key read the repository, or give another one"),
    ("not appear to be a git repository", "has no repository there", "check the path"),
    ("epository not found", "has no repository there, or our key may not see it", "check the path and the key"),
)


def fetch(mirror: Path, remote: Remote, refs: Sequence[str], settings: GitSettings) -> None:
    """Fetches the refs into the mirror and forgets those that are gone. Raises Retry or Stalled."""
    said = _run(mirror, remote, refs, settings)
    if _NO_HEAD in said:
        # Empty, or without a default branch: then only what there is.
        said = _run(mirror, remote, [ref for ref in refs if not ref.startswith("+HEAD:")], settings)
    if said:
        raise _meaning(said, remote)


def ssh_command(settings: GitSettings) -> str:
    """The ssh command line for git, which hands it to a shell: every word is quoted."""
    options = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "ConnectTimeout": str(settings.stall_seconds),
        "ServerAliveInterval": str(settings.stall_seconds),
        "ForwardAgent": "no",
        "ClearAllForwardings": "yes",
        "PermitLocalCommand": "no",
    }
    if settings.known_hosts:
        options |= {"UserKnownHostsFile": _path_option(settings.known_hosts), "GlobalKnownHostsFile": "/dev/null"}
    if settings.ssh_key:
        options |= {"IdentitiesOnly": "yes", "IdentityFile": _path_option(settings.ssh_key)}
    return shlex.join(["ssh", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))])


def _run(mirror: Path, remote: Remote, refs: Sequence[str], settings: GitSettings) -> str:
    """Runs git; what it said when it failed, or nothing."""
    flags = ["--quiet", "--prune", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"]
    options = [word for setting in _SETTINGS for word in ("-c", setting)]
    command = ["git", f"--git-dir={mirror}", *options, "fetch", *flags, "--", remote.url, *refs]
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                command,
                env=_environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise Stalled("the git program is not installed; it is needed for ssh", "install git and ssh") from None
        try:
            code = process.wait(settings.fetch_seconds)
        except subprocess.TimeoutExpired:
            raise Retry(
                f"{remote} took more than {settings.fetch_seconds} s to fetch", "it is tried again; check the network"
            ) from None
        finally:
            # git's child ssh is in the same session: none of them outlives this call.
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        errors.seek(max(0, errors.seek(0, os.SEEK_END) - _MOST_ERROR))
        said = errors.read().decode("utf-8", "replace")
    return (said.strip() or f"git ended with {code}") if code else ""


def _environment(settings: GitSettings) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        **kept,
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "ssh",
        "GIT_SSH_VARIANT": "ssh",
        "GIT_SSH_COMMAND": ssh_command(settings),
    }


def _path_option(path: Path) -> str:
    """A path as ssh's options take it: quoted, with `%` and `~` meaning themselves."""
    text = str(path.absolute())
    if '"' in text or "\n" in text:
        raise Stalled(f"ssh can't be given the path {plain(text)}", "rename the file")
    return '"' + text.replace("%", "%%") + '"'


def _meaning(said: str, remote: Remote) -> ReconcilerError:
    for sign, message, hint in _STALLED:
        if sign in said:
            return Stalled(f"{remote} {message}", hint)
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("Warning:")]
    # The first line is ssh's, with the cause; git's own follow from it.
    cause = plain(lines[0]) if lines else "no reason was given"
    return Retry(f"{remote} can't be fetched: {cause}", "it is tried again; check the network and the forge")
