"""Decrypts what ansible-vault has encrypted, with Ansible's own program: the text goes in and comes out through pipes.

A program, since importing Ansible would read whatever `ansible.cfg` lies in the working directory, which may be a state
repository. Must not know references.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from reconciler.model.errors import Stalled

_SECONDS = 60
_REASONS = {
    "no vault secrets were found that could decrypt": "the password of secrets.vault_password_file does not open it",
    "HMAC verification failed": "the password of secrets.vault_password_file does not open it",
    "Invalid vault password": "the password in secrets.vault_password_file can't be used: it is empty",
}


def decrypted(data: bytes, password_file: Path) -> str:
    """The text in it. Raises Stalled, with nothing of the text."""
    if os.access(password_file, os.X_OK):
        # Ansible would run it.
        raise Stalled(f"secrets.vault_password_file: {password_file} is executable", f"chmod 600 {password_file}")
    program = _program()
    with tempfile.TemporaryDirectory(prefix="reconciler-") as home:
        configuration = Path(home) / "ansible.cfg"
        configuration.touch()
        # `-` and not a file: nothing of it touches a disk.
        words = [str(program), "decrypt", "--vault-password-file", str(password_file.absolute()), "--output", "-", "-"]
        env = {"HOME": home, "ANSIBLE_HOME": home, "PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
        env |= {"ANSIBLE_CONFIG": str(configuration), "PYTHONWARNINGS": "ignore"}
        try:
            done = subprocess.run(
                words, input=data, env=env, cwd=home, capture_output=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise Stalled(f"ansible-vault did not end within {_SECONDS} seconds", "try again") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace")
        reason = next((ours for theirs, ours in _REASONS.items() if theirs.lower() in said.lower()), None)
        raise Stalled(reason or "ansible-vault can't decrypt it", "try it by hand: ansible-vault view")
    try:
        return done.stdout.decode()
    except UnicodeDecodeError:
        raise Stalled("what is in it is not UTF-8 text", "put text into it, base64 for instance") from None


def _program() -> Path:
    beside = Path(sys.executable).parent / "ansible-vault"
    found = beside if os.access(beside, os.X_OK) else shutil.which("ansible-vault")
    if not found:
        raise Stalled("ansible-vault is neither beside this Python nor on the PATH", "install ansible-core")
    return Path(found)
