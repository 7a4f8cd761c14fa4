"""Files of SOPS: what we decrypt of what others encrypted, and that nothing which was tampered with is believed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrage
import pytest
import yaml

from reconciler.adapters.secrets.sops import decrypted
from reconciler.model.errors import Stalled
from tests.integration.secrets.sops_writer import Writer

VALUES: dict[str, Any] = {
    "db": {"password": "p-canary: 'x' \"y\" ü\n", "port": 5432, "replicas": [{"name": "a"}, {"name": "b"}]},
    "on": True,
    "rate": 1.5,
    "empty": "",
    "note_unencrypted": "in plain",
    "count_unencrypted": 12,
}
FLAT = {"DB_PASSWORD": "p-canary two\nlines", "NOTE_unencrypted": "in plain"}


@pytest.fixture(scope="module")
def identity() -> pyrage.x25519.Identity:
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def writer(identity: pyrage.x25519.Identity) -> Writer:
    other = pyrage.x25519.Identity.generate()
    return Writer([other.to_public(), identity.to_public()])


def test_yaml(writer: Writer, identity: Any) -> None:
    assert decrypted("x.yaml", writer.yaml(VALUES), str(identity)) == VALUES


def test_json(writer: Writer, identity: Any) -> None:
    assert decrypted("x.json", writer.json(VALUES), f"# mine\n\n{identity}\n") == VALUES


def test_dotenv(writer: Writer, identity: Any) -> None:
    assert decrypted("x.env", writer.dotenv(FLAT), str(identity)) == FLAT


def test_a_file_without_names(writer: Writer, identity: Any) -> None:
    assert decrypted("key.pem", writer.binary("-----BEGIN\nx\n"), str(identity)) == {"data": "-----BEGIN\nx\n"}


def _swapped(text: str) -> str:
    """Two values changed places: each is as it was encrypted, but elsewhere."""
    tree = yaml.safe_load(text)
    replicas = tree["db"]["replicas"]
    tree["on"], tree["rate"] = tree["rate"], tree["on"]
    assert replicas
    return yaml.safe_dump(tree)


def _within_a_list(text: str) -> str:
    """A list's items have one path, so only the MAC knows their order."""
    tree = yaml.safe_load(text)
    tree["db"]["replicas"].reverse()
    return yaml.safe_dump(tree, sort_keys=False)


def _removed(text: str) -> str:
    tree = yaml.safe_load(text)
    del tree["on"]
    return yaml.safe_dump(tree, sort_keys=False)


def _no_mac(text: str) -> str:
    tree = yaml.safe_load(text)
    tree["sops"]["mac"] = ""
    return yaml.safe_dump(tree, sort_keys=False)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda t: t.replace("in plain", "in p1ain"), "MAC does not fit"),
        (lambda t: t.replace("count_unencrypted: 12", "count_unencrypted: 13"), "MAC does not fit"),
        (_swapped, "not what was encrypted there (at "),
        (_within_a_list, "MAC does not fit"),
        (_removed, "MAC does not fit"),
        (_no_mac, "MAC does not fit"),
        (lambda t: t.replace("2026-11-25T12:00:00Z", "2026-11-25T12:00:01Z"), "at 2026-11-25T12.00.01Z"),
        (lambda t: t.replace("type:bool", "type:thing"), "not what was encrypted there (at on)"),
        (
            lambda t: t.replace("ENC[AES256_GCM", "ENC[AES128_GCM", 1),
            "is not encrypted that should be (at db.password)",
        ),
        (lambda t: t.replace("version:", "shamir_threshold: 2\n  version:"), "shamir_threshold"),
    ],
)
def test_what_was_changed_is_refused(writer: Writer, identity: Any, damage: Callable[[str], str], said: str) -> None:
    text = writer.yaml(VALUES).decode()
    changed = damage(text)
    assert changed != text
    with pytest.raises(Stalled) as error:
        decrypted("x.yaml", changed.encode(), str(identity))
    assert said in error.value.message
    assert "canary" not in error.value.message + error.value.hint


def test_another_identity(writer: Writer) -> None:
    with pytest.raises(Stalled, match="none of the age identities"):
        decrypted("x.yaml", writer.yaml(VALUES), str(pyrage.x25519.Identity.generate()))


def test_a_line_that_is_no_identity_is_not_repeated(writer: Writer) -> None:
    with pytest.raises(Stalled, match="is no age identity") as error:
        decrypted("x.yaml", writer.yaml(VALUES), "AGE-SECRET-KEY-canary")
    assert "canary" not in error.value.message


@pytest.mark.parametrize("data", [b"a: b\n", b"", b"[1]", b"sops: {mac: 1}\na: ENC[x]\n", b"\xff"])
def test_no_file_of_sops(data: bytes, identity: Any) -> None:
    with pytest.raises(Stalled):
        decrypted("x.yaml", data, str(identity))


SOPS = Path(sys.executable).parent / "sops"


@pytest.mark.skipif(not (SOPS.exists() or shutil.which("sops")), reason="LEFT OUT: there is no sops program here")
class TestAgainstSopsItself:
    """What the program writes we read, and what our writer writes the program reads."""

    @staticmethod
    def run(*words: str, identity: Any, folder: Path) -> bytes:
        env = {"SOPS_AGE_KEY": str(identity), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
        program = str(SOPS) if SOPS.exists() else "sops"
        return subprocess.run([program, *words], env=env, check=True, capture_output=True, cwd=folder).stdout

    @pytest.mark.parametrize("name", ["x.yaml", "x.json"])
    @pytest.mark.parametrize("rule", [{}, {"mac_only_encrypted": True}, {"encrypted_regex": "^(password|name)$"}])
    def test_it_encrypts(self, tmp_path: Path, identity: Any, name: str, rule: dict[str, Any]) -> None:
        (tmp_path / ".sops.yaml").write_text(
            yaml.safe_dump({"creation_rules": [{"age": str(identity.to_public()), **rule}]})
        )
        text = yaml.safe_dump(VALUES, sort_keys=False) if name.endswith("yaml") else json.dumps(VALUES)
        (tmp_path / name).write_text(text)
        sealed = self.run("encrypt", name, identity=identity, folder=tmp_path)
        assert b"canary" not in sealed
        assert decrypted(name, sealed, str(identity)) == VALUES

    def test_it_encrypts_a_dotenv(self, tmp_path: Path, identity: Any) -> None:
        (tmp_path / "x.env").write_text("# note\nDB_PASSWORD=p-canary two\\nlines\nNOTE_unencrypted=in plain\n")
        sealed = self.run("encrypt", "--age", str(identity.to_public()), "x.env", identity=identity, folder=tmp_path)
        assert decrypted("x.env", sealed, str(identity)) == FLAT

    def test_it_encrypts_any_file(self, tmp_path: Path, identity: Any) -> None:
        (tmp_path / "key.pem").write_text("-----BEGIN\ncanary\n")
        sealed = self.run("encrypt", "--age", str(identity.to_public()), "key.pem", identity=identity, folder=tmp_path)
        assert decrypted("key.pem", sealed, str(identity)) == {"data": "-----BEGIN\ncanary\n"}

    def test_yaml_of_several_documents(self, tmp_path: Path, identity: Any) -> None:
        (tmp_path / "x.yaml").write_text("# of the first\na: 1 # canary\n---\nb: two\n")
        sealed = self.run("encrypt", "--age", str(identity.to_public()), "x.yaml", identity=identity, folder=tmp_path)
        assert decrypted("x.yaml", sealed, str(identity)) == {"a": 1}

    def test_it_reads_what_our_writer_writes(self, tmp_path: Path, writer: Writer, identity: Any) -> None:
        (tmp_path / "x.yaml").write_bytes(writer.yaml(VALUES))
        assert yaml.safe_load(self.run("decrypt", "x.yaml", identity=identity, folder=tmp_path)) == VALUES
        (tmp_path / "x.env").write_bytes(writer.dotenv(FLAT))
        assert b"DB_PASSWORD=p-canary two\\nlines" in self.run("decrypt", "x.env", identity=identity, folder=tmp_path)
