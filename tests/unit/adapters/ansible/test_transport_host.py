"""The host's side, piece by piece: arguments, modules in forks, state, code. Run here, as any Python would."""

from __future__ import annotations

import fcntl
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.adapters.ansible.collections.ansible_collections.reconciler.fleet.plugins.module_utils.host import (
    calls,
    canonical,
    identity,
    lease,
    loader,
    plain,
    progress,
    state,
)
from reconciler.model.digest import digest

_SIGNS = st.characters(exclude_categories=["Cs"])
_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.text(_SIGNS),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(_SIGNS), below, max_size=4),
    max_leaves=20,
)


@given(_PLAIN)
def test_host_and_controller_make_the_same_digest(value):
    assert canonical.digest(value) == digest(value)
    assert plain.flaw(value) == ""


def _deep(depth: int) -> object:
    value: object = {}
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value", [0.5, {"a": [1.0]}, 2**63, "\udc80", {"\udc80": 1}, {1: 2}, b"x", {"a": {3}}, _deep(64), object()]
)
def test_what_is_not_plain(value):
    assert plain.flaw(value)
    assert "not plain JSON" in plain.fact({"a": value})["error"]


def _call(args: dict, paths: tuple[str, ...] = (), files: dict[str, str] | None = None) -> dict:
    return {"module": "m", "args": args, "paths": paths, "files": files or {}, "needs": ""}


@pytest.mark.parametrize(
    ("args", "paths", "expected"),
    [
        ({"path": "/etc/x"}, ("path",), {"path": "/R/etc/x"}),
        ({"path": "/etc/x"}, (), {"path": "/etc/x"}),
        ({"path": "relative"}, ("path",), {"path": "relative"}),
        ({"paths": ["/a", "/b"]}, ("paths",), {"paths": ["/R/a", "/R/b"]}),
        ({"argv": ["cp", "/a", "/b"]}, ("argv.1", "argv.2"), {"argv": ["cp", "/R/a", "/R/b"]}),
        ({"a": {"b": [{"c": "/x"}]}}, ("a.b.0.c",), {"a": {"b": [{"c": "/R/x"}]}}),
        ({"a": 1}, ("missing", "missing.1"), {"a": 1}),
        ({"argv": ["a"]}, ("argv.5",), {"argv": ["a"]}),
    ],
)
def test_paths_are_put_under_the_root(tmp_path, args, paths, expected):
    assert calls.arguments(_call(args, paths), "/R", str(tmp_path)) == expected
    assert calls.arguments(_call(args, paths), "", str(tmp_path)) == args


def test_files_are_written_privately_and_not_put_under_the_root(tmp_path):
    got = calls.arguments(_call({"dest": "/x"}, ("dest", "src"), {"src": "AHM="}), "/R", str(tmp_path))
    assert got == {"dest": "/R/x", "src": str(tmp_path / "file-0")}
    assert (tmp_path / "file-0").read_bytes() == b"\x00s"
    assert (tmp_path / "file-0").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("out", "err", "status", "expected"),
    [
        ('\n{"changed": true, "msg": "done"}\n', "", 0, (False, True, "done", "")),
        ('noise\n{"changed": false}\nmore noise', "", 0, (False, False, "", "")),
        ('{"failed": true, "msg": "no"}', "", 256, (True, False, "no", "")),
        ('{"rc": 2, "stderr": "why"}', "", 0, (True, False, ": why", "")),
        ('{"failed": true, "msg": "no", "stderr": "because"}', "", 256, (True, False, "no: because", "")),
        ('{"failed": true}', "", 256, (True, False, "the module failed without a word", "")),
        ('{"failed": true, "exception": {"event": {"msg": "bang"}}}', "", 256, (True, False, "bang", "")),
        (
            '{"failed": true, "msg": "no", "exception": {"event": {"msg": "no", "chain": {"event": {"msg": "full"}}}}}',
            "",
            256,
            (True, False, "no: full", ""),
        ),
        (
            '{"failed": true, "msg": "no", "failures": ["No package a", 3]}',
            "",
            256,
            (True, False, "no: No package a", ""),
        ),
        ("rubbish", "", 0, (True, False, "rubbish", "the module gave no JSON")),
        ("[1]", "trace", 256, (True, False, "trace", "the module gave no JSON")),
        ("{" * 100_000, "", 0, (True, False, "{" * 2000, "the module gave no JSON")),
        ("", "", signal.SIGKILL, (True, False, "", "the module was ended by signal 9")),
    ],
)
def test_what_a_module_prints(out, err, status, expected):
    answer = calls.understand(out, err, status)
    assert (answer.failed, answer.changed, answer.said, answer.told) == expected


FORKS = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from host import calls
def talk():
    print("out"); print("err", file=sys.stderr); sys.exit(3)
def die():
    os.kill(os.getpid(), 9)
def hang():
    if os.fork() == 0: time.sleep(60)
    time.sleep(60)
def daemon():
    if os.fork() == 0: time.sleep(60)
    print("gone"); sys.exit(0)
def spread():
    os.open("/dev/null", os.O_RDONLY); import tempfile; tempfile.tempdir = "/spoilt"
held = os.open("/dev/null", os.O_RDONLY)
def inherits():
    print(os.path.exists("/proc/self/fd/%d" % held)); sys.exit(0)
for start, timeout in ((talk, 5), (die, 5), (hang, 0.2), (daemon, 5), (spread, 5), (inherits, 5)):
    with calls._Output() as out, calls._Output() as err:
        began = time.monotonic()
        status = calls.forked(start, out, err, timeout)
        print(start.__name__, status, repr(out.text()), repr(err.text()[:20]), time.monotonic() - began < 5)
import tempfile
print("spoilt" in str(tempfile.tempdir))
"""


def test_a_module_in_a_fork_harms_nobody():
    top = Path(calls.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", FORKS, str(top)], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.splitlines() == [
        "talk 768 'out\\n' 'err\\n' True",
        "die 9 '' '' True",
        "hang None '' '' True",
        "daemon 0 'gone\\n' '' True",
        "spread 0 '' '' True",
        "inherits 0 'False\\n' '' True",
        "False",
    ]


def test_needs_are_looked_for_where_root_looks(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert calls.has("sh")
    assert not calls.has("no-such-program-at-all")


def test_epochs_never_fall_and_stores_are_apart(tmp_path):
    base = str(tmp_path)
    state.check_epoch(base, "s", 3)
    state.mark_epoch(base, "s", 3)
    state.mark_epoch(base, "other", 9)
    state.check_epoch(base, "s", 3)
    with pytest.raises(state.Refused, match="epoch 2 is older than 3"):
        state.check_epoch(base, "s", 2)
    assert json.loads((tmp_path / "epochs.json").read_text()) == {"s": 3, "other": 9}


def test_a_damaged_marker_refuses(tmp_path):
    (tmp_path / "epochs.json").write_text('{"s": ')
    with pytest.raises(state.Refused, match="damaged"):
        state.check_epoch(str(tmp_path), "s", 1)


@pytest.mark.parametrize(
    ("held", "wanted", "free"),
    [
        (fcntl.LOCK_EX, True, False),
        (fcntl.LOCK_EX, False, False),
        (fcntl.LOCK_SH, True, False),
        (fcntl.LOCK_SH, False, True),
    ],
)
def test_the_lock_is_shared_by_lookers_only(tmp_path, held, wanted, free):
    with (tmp_path / "lock").open("w") as other:
        fcntl.flock(other, held)
        if free:
            with state.lock(str(tmp_path), wanted, 0):
                pass
        else:
            with pytest.raises(state.Busy, match="another reconciler run"), state.lock(str(tmp_path), wanted, 0):
                pass


def test_a_host_that_is_held_between_visits_is_held_for_others(tmp_path, monkeypatch):
    base = str(tmp_path)
    state.hold(base, "mine", 30)
    for wanted in (True, False):
        with state.lock(base, wanted, 0, "mine"):
            assert state.held_by(base) == "mine"
        with pytest.raises(state.Busy, match="another reconciler run"), state.lock(base, wanted, 0, "other"):
            pass
        with pytest.raises(state.Busy, match="another reconciler run"), state.lock(base, wanted, 0):
            pass
    later = time.monotonic() + 31
    with monkeypatch.context() as clock:
        clock.setattr(time, "monotonic", lambda: later)
        assert state.held_by(base) == ""
    with monkeypatch.context() as boot:
        boot.setattr(lease, "_boot", lambda: "another")
        assert state.held_by(base) == ""
    lease.release(base)
    lease.release(base)
    with state.lock(base, True, 0):
        assert state.held_by(base) == ""


@pytest.mark.parametrize("text", ["", "{", "[1]", "7", '{"boot"', "\x00"])
def test_a_lease_that_nobody_can_have_written_refuses(tmp_path, text):
    (tmp_path / "lease.json").write_text(text)
    with pytest.raises(state.Refused, match=r"lease\.json is damaged"), state.lock(str(tmp_path), True, 0):
        pass


def test_outcomes_are_told_in_order_and_once_but_not_one_by_one(monkeypatch):
    now, told = [0.0], []
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    news = progress.Progress(told.append)
    news.add(0, ["ok", "", 1])
    news.add(1, ["changed", "", 1])
    assert told == []
    now[0] = 0.1
    news.flush()  # a module takes long
    news.flush()
    assert told == [[[0, "ok", "", 1], [1, "changed", "", 1]]]
    now[0] = 0.5
    news.add(2, ["failed", "why", 400])
    assert told[1:] == [[[2, "failed", "why", 400]]]
    news.rest()
    assert len(told) == 2


def test_nothing_is_told_where_the_reply_comes_at_once():
    told = []
    news = progress.Progress(told.append)
    news.add(0, ["ok", "", 1])
    news.rest()
    assert told == []


def test_scratch_forgets_what_a_killed_run_left(tmp_path):
    (tmp_path / "tmp" / "old").mkdir(parents=True, mode=0o700)
    (tmp_path / "tmp").chmod(0o700)
    with state.scratch(str(tmp_path)) as path:
        assert [p.name for p in (tmp_path / "tmp").iterdir()] == [Path(path).name]
        assert Path(path).stat().st_mode & 0o777 == 0o700
    assert not (tmp_path / "tmp").exists()


def test_a_state_directory_that_others_can_write_to_is_refused(tmp_path):
    base = tmp_path / "var/lib/reconciler"
    base.mkdir(parents=True)
    base.chmod(0o777)
    with pytest.raises(state.Refused, match="others can write"), state.opened(str(tmp_path)):
        pass


def test_identity_of_a_directory_is_the_directory(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert identity.identify(str(tmp_path / "a")) == identity.identify(str(tmp_path / "a"))
    assert identity.identify(str(tmp_path / "a")) != identity.identify(str(tmp_path / "b"))


CODE = {"pkg/__init__.py": b"", "pkg/a.py": b"x = 1\n"}


def _zip(contents: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return data.getvalue()


def _kept(home: Path) -> Path:
    return Path(loader.keep(str(home), loader.digest(CODE.items()), _zip(CODE)))


def test_code_is_kept_under_its_digest(tmp_path):
    path = _kept(tmp_path / "code")
    assert loader.intact(str(path), path.name)
    assert path.stat().st_mode & 0o777 == 0o700
    subprocess.run([sys.executable, "-c", "import pkg.a"], env={"PYTHONPATH": str(path)}, check=True)
    assert list(path.rglob("*.pyc"))
    assert loader.intact(str(path), path.name)
    assert _kept(tmp_path / "code") == path


def _content(path: Path) -> None:
    (path / "pkg/a.py").write_bytes(b"x = 2\n")


def _addition(path: Path) -> None:
    (path / "json.py").write_bytes(b"")


def _mode(path: Path) -> None:
    path.chmod(0o755)


def _home(path: Path) -> None:
    path.parent.chmod(0o777)


def _link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to(path.with_name("moved"))


@pytest.mark.parametrize("harm", [_content, _addition, _mode, _home, _link])
def test_code_that_was_tampered_with_is_not_imported(tmp_path, harm):
    path = _kept(tmp_path / "code")
    harm(path)
    assert not loader.intact(str(path), path.name)


def test_only_the_newest_code_is_kept(tmp_path):
    home = tmp_path / "code"
    home.mkdir(mode=0o700)
    for age in range(12):
        (home / f"old-{age:02d}").mkdir()
        os.utime(home / f"old-{age:02d}", (time.time() - 1000 * age - 1000,) * 2)
    path = _kept(home)
    assert sorted(p.name for p in home.iterdir()) == sorted([path.name, *(f"old-{age:02d}" for age in range(7))])


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x"])
def test_odd_names_in_code_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="odd name"):
        loader.unpack(_zip({name: b""}), str(tmp_path))


def test_a_request_that_was_cut_off_does_nothing(tmp_path):
    header = json.dumps({"code": "x", "home": str(tmp_path / "code"), "lengths": [0, 10, 10]})
    with pytest.raises(SystemExit, match="cut off"):
        loader.main(io.BytesIO(header.encode() + b"\n{}"))
    assert not (tmp_path / "code").exists()
