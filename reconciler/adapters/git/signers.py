"""Whether a commit was signed by somebody whom the operator trusts: with SSH or with GPG, told by their own programs.

Who is trusted stands in the operator's files, never in the repository. Must not know which commits are looked at.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pygit2

from reconciler.model.errors import Stalled

_SSH, _GPG = b"-----BEGIN SSH SIGNATURE-----", b"-----BEGIN PGP SIGNATURE-----"
_SECONDS = 30
_GOOD = "GOODSIG"
_NOT_GOOD = frozenset({"BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG"})


@dataclass(frozen=True, slots=True)
class Signers:
    """Who must sign what changes something below `path` (empty: every commit). `ssh` is an allowed_signers file, `gpg`
    a keyring."""

    path: str = ""
    ssh: Path | None = None
    gpg: Path | None = None

    def check(self) -> None:
        """Raises Stalled for files that others could change, or that can't be read."""
        for file in (self.ssh, self.gpg):
            if file is None:
                continue
            try:
                with file.open("rb"):
                    mode = file.stat().st_mode
            except OSError as error:
                raise Stalled(f"the signers in {file} can't be read: {error.strerror}", "correct the path") from None
            if mode & 0o022:
                raise Stalled(f"others can write the signers in {file}", f"chmod go-w {file}")

    def refusal(self, commit: pygit2.Commit) -> str:
        """Why the commit's signature is none of theirs; empty when it is."""
        signature, payload = commit.gpg_signature
        if not signature or payload is None:
            return "is not signed"
        if signature.startswith(_SSH):
            return (
                _of_ssh(self.ssh, signature, payload) if self.ssh else "is signed with SSH, but no SSH key is trusted"
            )
        if signature.startswith(_GPG):
            return (
                _of_gpg(self.gpg, signature, payload) if self.gpg else "is signed with GPG, but no GPG key is trusted"
            )
        return "is signed in a way that is not known here"


def _of_ssh(allowed: Path, signature: bytes, payload: bytes) -> str:
    with tempfile.TemporaryDirectory(prefix="reconciler-") as folder:
        file = Path(folder) / "signature"
        file.write_bytes(signature)
        words = ["ssh-keygen", "-Y", "find-principals", "-f", str(allowed), "-s", str(file)]
        found = _run(words, payload, folder)
        for principal in found.stdout.decode(errors="replace").splitlines() if found.returncode == 0 else ():
            words = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", principal, "-n", "git", "-s", str(file)]
            if _run(words, payload, folder).returncode == 0:
                return ""
    return "has an SSH signature of nobody who is trusted, or that does not fit"


def _of_gpg(keyring: Path, signature: bytes, payload: bytes) -> str:
    with tempfile.TemporaryDirectory(prefix="reconciler-") as folder:
        file = Path(folder) / "signature"
        file.write_bytes(signature)
        words = ["gpgv", "--homedir", folder, "--keyring", str(keyring.absolute()), "--weak-digest", "SHA1"]
        done = _run([*words, "--status-fd", "1", str(file), "-"], payload, folder)
    lines = (line.split() for line in done.stdout.decode(errors="replace").splitlines())
    said = [words[1] for words in lines if len(words) > 1 and words[0] == "[GNUPG:]"]
    if done.returncode == 0 and said.count(_GOOD) == 1 and not _NOT_GOOD.intersection(said):
        return ""
    return "has a GPG signature of nobody who is trusted, or that does not fit"


def _run(words: Sequence[str], given: bytes, folder: str) -> subprocess.CompletedProcess[bytes]:
    env = {"PATH": os.environ.get("PATH", ""), "HOME": folder, "LC_ALL": "C.UTF-8"}
    try:
        return subprocess.run(words, input=given, env=env, capture_output=True, timeout=_SECONDS, check=False)
    except FileNotFoundError:
        package = "openssh-client" if words[0] == "ssh-keygen" else "gpgv"
        raise Stalled(f"{words[0]}, which checks signatures, is not on this machine", f"install {package}") from None
    except subprocess.TimeoutExpired:
        raise Stalled(f"{words[0]} did not check a signature within {_SECONDS} seconds", "try again") from None
