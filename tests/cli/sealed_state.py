"""A state repository that refers to secrets of all four kinds, and an operator's settings that open them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pyrage

from tests.cli.place import Place
from tests.integration.secrets.sops_writer import Writer

SERVICE = """\
apiVersion: reconciler/v1
kind: Service
metadata: {name: db}
spec:
  hosts: {matchLabels: {role: web}}
  vars:
    password: {from: sops, file: secrets/prod.yaml, key: db.password}
    token: {from: vault, file: secrets/vault.yaml, key: token}
    certificate: {from: file, path: db/cert.pem}
    licence: {from: env, name: DB_LICENCE}
  resources:
    - file: /etc/db.conf
      template: files/db.conf.j2
      mode: "0600"
    - file: /etc/cert.pem
      content: "{{ vars.certificate }}"
      mode: "0600"
"""
TEMPLATE = "host {{ host.name }}\npassword {{ vars.password }}\ntoken {{ vars.token }}\nlicence {{ vars.licence }}\n"


@dataclass(frozen=True)
class Sealed:
    """`place` has two hosts and the service; `canaries` are the values by the name of their var."""

    place: Place
    writer: Writer
    canaries: dict[str, str]

    def prod(self, **more: str) -> bytes:
        return self.writer.yaml({"db": {"password": self.canaries["password"]}, **more})

    def content(self, host: str) -> str:
        c = self.canaries
        return f"host {host}\npassword {c['password']}\ntoken {c['token']}\nlicence {c['licence']}\n"


def private(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return path


def sealed_state(place: Place, canaries: dict[str, str]) -> Sealed:
    """Everything committed, nothing applied. The store, cache and temporary files are all below `place.base`."""
    identity = pyrage.x25519.Identity.generate()
    keys = private(place.base / "operator/keys.txt", f"{identity}\n")
    password = private(place.base / "operator/vault-password", "the vault's own password")
    private(place.base / "operator/files/db/cert.pem", canaries["certificate"] + "\n")
    place = replace(
        place,
        more={
            "RECONCILER_SECRETS__AGE_IDENTITY_FILE": str(keys),
            "RECONCILER_SECRETS__VAULT_PASSWORD_FILE": str(password),
            "RECONCILER_SECRETS__FILE_FOLDER": str(place.base / "operator/files"),
            "RECONCILER_SECRETS__ENV_ALLOW": "DB_LICENCE",
            "DB_LICENCE": canaries["licence"],
        },
    )
    sealed = Sealed(place, Writer([identity.to_public()]), canaries)
    for name in ("web-1", "web-2"):
        place.host(name)
    place.commit(
        {
            "services/db.yaml": SERVICE,
            "files/db.conf.j2": TEMPLATE,
            "secrets/prod.yaml": sealed.prod(),
            "secrets/vault.yaml": vaulted(place, password, "token: " + json.dumps(canaries["token"]) + "\n"),
        }
    )
    return sealed


def vaulted(place: Place, password: Path, text: str) -> bytes:
    program = str(Path(sys.executable).parent / "ansible-vault")
    words = [program, "encrypt", "--vault-password-file", str(password), "--output", "-", "-"]
    env = {"PATH": os.environ["PATH"], "HOME": str(place.base), "LC_ALL": "C.UTF-8"}
    return subprocess.run(words, input=text.encode(), env=env, cwd=place.base, capture_output=True, check=True).stdout
