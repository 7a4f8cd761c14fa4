"""`observe export` and `pr plan --snapshot`: signed, without secrets, and good for a plan where no store is."""

from __future__ import annotations

import json
import secrets
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.adapters.snapshot import MAGIC
from tests.canary import search
from tests.cli.place import Place, place_in
from tests.cli.sealed_state import sealed_state
from tests.cli.test_pr import begin

SIGNED = len(MAGIC) + 64


def make_keys(place: Place, name: str = "key") -> tuple[str, str]:
    """Settings of both keys of a new pair, as variables."""
    path = place.base / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return str(path), f"{path}.pub"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place whose snapshot is in `base/known`, signed with `base/key`."""
    place = place_in(tmp_path_factory.mktemp("snapshot"))
    begin(place)
    private, _ = make_keys(place)
    result = place.run("observe", "export", "--out", "../known", RECONCILER_SNAPSHOT__PRIVATE_KEY_FILE=private)
    assert result.code == 0, result.err
    assert "2 hosts, 0 of them did not answer" in result.out
    return place


def plan(place: Place, snapshot: Path | str, *more: str, key: str = "key.pub") -> tuple[int, str, str]:
    """Elsewhere: nothing of the operator's is there but the public key."""
    arguments = ("pr", "plan", "--base", "main", "--head", "pr", "--snapshot", str(snapshot), *more)
    variables = {"HOME": str(place.base / "nobody"), "RECONCILER_SNAPSHOT__PUBLIC_KEY_FILE": str(place.base / key)}
    result = place.run(*arguments, **variables)
    return result.code, result.out, result.err


def test_the_plan_is_the_one_that_the_store_gives(exported: Place) -> None:
    code, out, err = plan(exported, "../known", "--output", "json")
    assert code == 2, err
    here = exported.run("pr", "plan", "--base", "main", "--head", "pr", "--output", "json")
    found = json.loads(out)
    assert found["effect"] == here.document["effect"] != ""
    assert found["evidence"]["basis"] == "snapshot"
    assert (found["own"], found["pending"]) == (here.document["own"], here.document["pending"])
    assert "--snapshot ../known" in found["command"]


def test_the_comment_says_how_old_it_is(exported: Place) -> None:
    _, out, _ = plan(exported, "../known", "--output", "markdown")
    assert "by a snapshot taken" in out
    assert "bserved 2 of 2 hosts" in out


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: flipped(data, -1), "was altered since"),
        (lambda data: flipped(data, SIGNED), "was altered since"),
        (lambda data: flipped(data, len(MAGIC)), "was altered since"),
        (lambda data: data[:-10], "was altered since"),
        (lambda data: data + b"x", "was altered since"),
        (lambda data: data[: len(MAGIC) + 10], "was altered since"),
        (lambda data: MAGIC, "was altered since"),
        (lambda data: flipped(data, 0), "no snapshot of observations"),
        (lambda data: b"", "no snapshot of observations"),
        (lambda data: data[SIGNED:], "no snapshot of observations"),
    ],
)
def test_what_was_altered_is_refused(
    exported: Place, tmp_path: Path, change: Callable[[bytes], bytes], says: str
) -> None:
    file = tmp_path / "altered"
    file.write_bytes(change((exported.base / "known").read_bytes()))
    code, out, err = plan(exported, file)
    assert (code, out) == (1, "")
    assert says in err


def test_nothing_is_parsed_before_the_signature_holds(
    exported: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reconciler.adapters import snapshot
    from reconciler.model.errors import Stalled

    def unpacked(*_: object) -> bytes:
        raise AssertionError("it was unpacked")

    monkeypatch.setattr(snapshot, "_unpacked", unpacked)
    file = tmp_path / "bomb"
    file.write_bytes(MAGIC + b"\0" * 64 + zlib.compress(b"\0" * 10_000_000))
    with pytest.raises(Stalled, match="was altered since"):
        snapshot.read(file, str(exported.base / "key.pub"))


def test_another_key_is_not_ours(exported: Place) -> None:
    make_keys(exported, "other")
    code, _, err = plan(exported, "../known", key="other.pub")
    assert code == 1
    assert "is not signed with the key that snapshot.public_key_file names" in err


@pytest.mark.parametrize(
    ("key", "says"),
    [("missing.pub", "No such file"), ("reconciler.toml", "is no Ed25519 key"), ("", "is no Ed25519 key")],
)
def test_a_key_that_can_not_be_used_is_told(exported: Place, key: str, says: str) -> None:
    (exported.base / "reconciler.toml").write_text("")
    if not key:
        rsa = exported.base / "rsa"
        if not rsa.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(rsa)], check=True)
    code, _, err = plan(exported, "../known", key=key or "rsa.pub")
    assert code == 1
    assert says in err


def test_without_keys_it_says_which_setting(exported: Place) -> None:
    export = exported.run("observe", "export", "--out", "../never")
    assert (export.code, (exported.base / "never").exists()) == (1, False)
    assert "snapshot.private_key_file" in export.err
    read = exported.run("pr", "plan", "--base", "main", "--head", "pr", "--snapshot", "../known")
    assert read.code == 1
    assert "snapshot.public_key_file" in read.err


def test_a_private_key_that_others_can_read_is_refused(exported: Place) -> None:
    private, _ = make_keys(exported, "open")
    Path(private).chmod(0o644)
    result = exported.run("observe", "export", "--out", "../never", RECONCILER_SNAPSHOT__PRIVATE_KEY_FILE=private)
    assert result.code == 1
    assert "others can read" in result.err


def test_no_secret_is_in_it(tmp_path: Path) -> None:
    values = {
        name: f"{name}-canary-{secrets.token_hex(12)}" for name in ("password", "token", "licence", "certificate")
    }
    sealed = sealed_state(place_in(tmp_path), values)
    place = sealed.place
    assert place.run("apply", "--yes").code == 0
    assert place.run("observe").code == 0
    private, _ = make_keys(place)
    result = place.run("observe", "export", "--out", "../known", RECONCILER_SNAPSHOT__PRIVATE_KEY_FILE=private)
    assert result.code == 0, result.err
    data = zlib.decompress((place.base / "known").read_bytes()[SIGNED:])
    assert b"/etc/db.conf" in data
    assert b"BEGIN OPENSSH" not in data
    assert search.found_in(data, search.forms(values)) == []
