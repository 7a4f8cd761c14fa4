"""Opening secrets by where they come from: what is had, and what is said, without any value, when one isn't."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyrage
import pytest

from reconciler.adapters.secrets import KeyFile, Keyring, SecretsSettings, taken_out
from reconciler.model.errors import Stalled
from reconciler.model.secret import Secret
from tests.integration.secrets.sops_writer import Writer

PASSWORD = "vault-canary"


def private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def secret(origin: str, name: str, key: str = "", sealed: bytes = b"") -> Secret:
    return Secret(origin, name, key, "0" * 32, sealed)


def said(keyring: Keyring, wanted: Secret) -> str:
    with pytest.raises(Stalled) as error:
        keyring.value(wanted)
    text = f"{error.value.message} {error.value.hint}"
    assert "canary" not in text
    return text


@pytest.fixture
def vault(tmp_path: Path) -> tuple[Path, bytes]:
    """A password file, and what ansible-vault made with it."""
    password = private(tmp_path / "password", PASSWORD)
    program = str(Path(sys.executable).parent / "ansible-vault")
    words = [program, "encrypt", "--vault-password-file", str(password), "--output", "-", "-"]
    text = b"db: {password: canary-1, port: 5432, on: true}\nlist: [a, b]\n"
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(words, input=text, env=env, cwd=tmp_path, capture_output=True, check=True)
    return password, done.stdout


def test_sops(tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    keys = private(tmp_path / "keys.txt", f"{identity}\n")
    sealed = Writer([identity.to_public()]).yaml({"db": {"password": "x", "port": 5, "on": False, "all": {"a": 1}}})
    keyring = Keyring(SecretsSettings(age_identity_file=keys))
    found = [keyring.value(secret("sops", "s.yaml", key, sealed)) for key in ("db.password", "db.port", "db.on")]
    assert found == ["x", "5", "false"]
    assert keyring.decrypted == 1
    assert "no single value" in said(keyring, secret("sops", "s.yaml", "db.all", sealed))
    assert 'there is no "pass" in db; did you mean "password"?' in said(
        keyring, secret("sops", "s.yaml", "db.pass", sealed)
    )


def test_identities_that_others_can_read_are_refused(tmp_path: Path) -> None:
    keys = private(tmp_path / "keys.txt", "AGE-SECRET-KEY-canary\n")
    keys.chmod(0o640)
    text = said(Keyring(SecretsSettings(age_identity_file=keys)), secret("sops", "s.yaml", "a", b"x"))
    assert "others can read" in text and "chmod 600" in text
    assert "is not set" in said(Keyring(SecretsSettings()), secret("sops", "s.yaml", "a", b"x"))
    gone = SecretsSettings(age_identity_file=tmp_path / "gone")
    assert "cannot read" in said(Keyring(gone), secret("sops", "s.yaml", "a", b"x"))


def test_ansible_vault(vault: tuple[Path, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever lies in the working directory has no say."""
    (tmp_path / "ansible.cfg").write_text("[defaults]\nvault_password_file = /nowhere\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "/nowhere")
    password, sealed = vault
    keyring = Keyring(SecretsSettings(vault_password_file=password))
    found = [
        keyring.value(secret("vault", "v.yaml", key, sealed)) for key in ("db.password", "db.port", "db.on", "list.1")
    ]
    assert found == ["canary-1", "5432", "true", "b"]
    assert keyring.value(secret("vault", "v.yaml", "", sealed)).startswith("db: {password")
    assert keyring.decrypted == 1


def test_ansible_vault_says_why_not(vault: tuple[Path, bytes], tmp_path: Path) -> None:
    password, sealed = vault
    wrong = Keyring(SecretsSettings(vault_password_file=private(tmp_path / "wrong", "other")))
    assert "does not open it" in said(wrong, secret("vault", "v.yaml", "a", sealed))
    damaged = sealed.replace(b"3", b"4", 5)
    assert "vault" in said(
        Keyring(SecretsSettings(vault_password_file=password)), secret("vault", "v.yaml", "", damaged)
    )
    password.chmod(0o700)
    assert "executable" in said(
        Keyring(SecretsSettings(vault_password_file=password)), secret("vault", "v", "", sealed)
    )
    password.chmod(0o644)
    assert "others" in said(Keyring(SecretsSettings(vault_password_file=password)), secret("vault", "v", "", sealed))


def test_files_of_the_operator(tmp_path: Path) -> None:
    folder = tmp_path / "allowed"
    (folder / "db").mkdir(parents=True)
    (folder / "db/password").write_text("one\ntwo\n")
    (tmp_path / "outside").write_text("canary")
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "binary").write_bytes(b"canary\xff")
    os.mkfifo(folder / "pipe")
    keyring = Keyring(SecretsSettings(file_folder=folder))
    assert keyring.value(secret("file", "db/password")) == "one\ntwo"
    for name, words in (
        ("link", "leads out of"),
        ("../outside", "leads out of"),
        (str(tmp_path / "outside"), "leads out of"),
        ("gone", "No such file"),
        ("db", "directory"),
        ("pipe", "not a file"),
        ("binary", "UTF-8"),
    ):
        assert words in said(keyring, secret("file", name)), name
    assert "file_folder is not set" in said(Keyring(SecretsSettings()), secret("file", "db/password"))


def test_variables_are_taken_out_of_the_environment() -> None:
    environment = {"A": "1", "B": "canary", "PATH": "/bin"}
    taken = taken_out("A, C", environment)
    assert (taken, environment) == ({"A": "1"}, {"B": "canary", "PATH": "/bin"})
    keyring = Keyring(SecretsSettings(variables=taken))
    assert keyring.value(secret("env", "A")) == "1"
    for name in ("B", "C", "PATH"):
        assert "env_allow does not name it" in said(keyring, secret("env", name))


def test_the_key_of_digests_is_made_once_and_kept(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "state" / "store.key")
    key = file.key()
    assert len(key) == 32
    assert KeyFile(file.path).key() == key
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.path.parent.iterdir()] == ["store.key"]


@pytest.mark.parametrize(("data", "mode", "words"), [(b"x" * 32, 0o644, "others can read"), (b"x", 0o600, "1 bytes")])
def test_a_key_that_is_not_one_is_refused(tmp_path: Path, data: bytes, mode: int, words: str) -> None:
    (tmp_path / "k").write_bytes(data)
    (tmp_path / "k").chmod(mode)
    with pytest.raises(Stalled, match=words):
        KeyFile(tmp_path / "k").key()


def test_a_key_that_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Stalled, match="the key of keyed digests"):
        KeyFile(tmp_path / "file" / "k").key()
