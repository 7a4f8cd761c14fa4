"""Settings: where each comes from, which wins, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.config import Settings, cache_dir, load_settings, state_dir, variables
from reconciler.model.errors import Stalled


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_options_win_over_the_environment_over_the_file_over_defaults(directory: Path) -> None:
    (directory / "reconciler.toml").write_text(
        'repo = "file"\nrev = "file"\npath = "file"\n[ssh]\nforks = 5\nuser = "f"\n'
    )
    environment = {"RECONCILER_REPO": "env", "RECONCILER_REV": "env", "RECONCILER_SSH__FORKS": "7", "HOME": "/x"}
    found = load_settings(None, environment, {"repo": "option", "rev": None})
    assert (found.repo, found.rev, found.path, found.store) == ("option", "env", "file", "")
    assert (found.ssh.forks, found.ssh.user, found.ssh.connect_timeout) == (7, "f", 10)


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("1", True), ("false", False), ("no", False)])
def test_the_environment_is_text(text: str, expected: bool) -> None:
    assert load_settings(None, {"RECONCILER_ALLOW_LOCAL": text}, {}).allow_local is expected


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (
            {"RECONCILER_ALOW_LOCAL": "true"},
            "RECONCILER_ALOW_LOCAL is no setting; did you mean RECONCILER_ALLOW_LOCAL?",
        ),
        ({"RECONCILER_SSH__FORKZ": "1"}, "did you mean RECONCILER_SSH__FORKS?"),
        ({"RECONCILER_SSH": "1"}, "RECONCILER_SSH is no setting"),
        ({"RECONCILER_ALLOW_LOCAL": "perhaps"}, "RECONCILER_ALLOW_LOCAL='perhaps': "),
        ({"RECONCILER_SSH__FORKS": "0"}, "ssh.forks: Input should be greater than or equal to 1 (it is 0)"),
        ({"RECONCILER_SSH__FORKS": "many"}, "RECONCILER_SSH__FORKS='many': "),
    ],
)
def test_mistakes_in_the_environment(environment: dict[str, str], message: str) -> None:
    with pytest.raises(Stalled) as error:
        load_settings(None, environment, {})
    assert message in error.value.message


def test_all_mistakes_in_the_environment_are_told_at_once() -> None:
    with pytest.raises(Stalled) as error:
        load_settings(None, {"RECONCILER_X": "1", "RECONCILER_Y": "1"}, {})
    assert len(error.value.message.splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("allow_lokal = true", 'allow_lokal is no setting; did you mean "allow_local"?'),
        ("[ssh]\nfork = 1", 'ssh.fork is no setting; did you mean "ssh.forks"?'),
        ("[limits]\ndeletes_share = 2", "limits.deletes_share: Input should be less than or equal to 1"),
        ("repo = ", "is not TOML"),
    ],
)
def test_mistakes_in_the_file(directory: Path, text: str, message: str) -> None:
    (directory / "mine.toml").write_text(text)
    with pytest.raises(Stalled) as error:
        load_settings("mine.toml", {}, {})
    assert message in error.value.message


def test_a_file_that_was_named_must_be_there() -> None:
    assert load_settings(None, {}, {}) == Settings()
    with pytest.raises(Stalled, match=r"there is no configuration file mine\.toml"):
        load_settings("mine.toml", {}, {})


ODD = {"RECONCILER_SSH__CARRIER": "standard", "RECONCILER_SECRETS__ENV_ALLOW": "NAME"}
ODD |= dict.fromkeys(("RECONCILER_LEASE", "RECONCILER_HISTORY__KEEP"), "1h")
ODD |= {f"RECONCILER_SERVE__{name}_INTERVAL": "1h" for name in ("POLL", "OBSERVE")}
ODD |= {f"RECONCILER_SERVE__{name}": value for name, value in (("LOG_FORMAT", "json"), ("LOG_LEVEL", "debug"))}
ODD["RECONCILER_SERVE__LISTEN"] = "[::1]:80"
ODD |= {"RECONCILER_FORGE__TYPE": "gitlab", "RECONCILER_FORGE__PATIENCE": "1h"}
SIGNED = {"RECONCILER_GIT__REQUIRE_SIGNATURES": "1", "RECONCILER_GIT__GPG_KEYRING": "k"}
"""Signatures are checked against signers, or not at all: these go together."""


def test_every_setting_has_a_variable_that_sets_it() -> None:
    assert "RECONCILER_LIMITS__DELETES" in variables()
    for variable in variables():
        others = SIGNED if variable.startswith("RECONCILER_GIT__") else {}
        before = load_settings(None, others, {}) if variable != next(iter(SIGNED)) else Settings()
        assert load_settings(None, {**others, variable: ODD.get(variable, "1")}, {}) != before, variable


def test_directories_follow_the_system(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(directory / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(directory / "cache"))
    assert state_dir(Settings()) == directory / "state" / "reconciler"
    assert cache_dir(Settings()) == directory / "cache" / "reconciler"
    assert cache_dir(Settings(cache_dir="/c")) == Path("/c")
    assert state_dir(Settings(state_dir="/s")) == Path("/s")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(directory))
    assert state_dir(Settings()) == directory / ".local" / "state" / "reconciler"


def test_a_span_in_the_environment_is_read_as_in_the_file() -> None:
    assert load_settings(None, {"RECONCILER_LEASE": "2m"}, {}).lease == 120
    with pytest.raises(Stalled, match=r"lease: .*write 90s"):
        load_settings(None, {"RECONCILER_LEASE": "soon"}, {})
