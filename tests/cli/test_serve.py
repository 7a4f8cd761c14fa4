"""The real daemon on real hosts (directories): it converges, can be stopped at any time, and is taken over."""

from __future__ import annotations

import hashlib
import hmac
import os
import signal
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.daemon import serving, until
from tests.cli.place import WEB, Place, place_in

AUTO = WEB.replace("spec:\n", "spec:\n  sync: auto\n  heal: auto\n")


@pytest.fixture
def auto(tmp_path: Path) -> Place:
    """Two hosts and a service that follows Git by itself."""
    place = place_in(tmp_path)
    place.host("web-1")
    place.host("web-2")
    place.commit({"services/web.yaml": AUTO})
    return place


def conf(place: Place, host: str = "web-1") -> str:
    path = place.root(host) / "etc/web.conf"
    return path.read_text() if path.exists() else ""


def test_it_converges_follows_git_heals_and_ends_at_a_safe_point(auto: Place) -> None:
    with serving(auto, "--poll-interval", "1s", "--observe-interval", "3s") as daemon:
        until(lambda: conf(auto, "web-1") and conf(auto, "web-2"), daemon)
        assert conf(auto) == "listen 8080\nname web-1\n"
        auto.commit({"services/web.yaml": AUTO.replace("8080", "9090")})
        until(lambda: "9090" in conf(auto, "web-1") and "9090" in conf(auto, "web-2"), daemon)
        # What is changed while the host is still being visited makes that visit fail, and rightly so.
        until(lambda: daemon.ready()["applying"] == [], daemon)
        (auto.root("web-2") / "etc/web.conf").write_text("by hand\n")
        until(lambda: "9090" in conf(auto, "web-2"), daemon)
        assert daemon.get("/healthz") == (200, b"ok\n")
        until(lambda: daemon.get("/readyz")[0] == 200, daemon)
        assert daemon.ready()["role"] == "leader"
        until(lambda: daemon.metric('reconciler_runs_total{status="succeeded"}') >= 2, daemon)
        assert "reconciler_runs" in {f.name for f in text_string_to_metric_families(daemon.get("/metrics")[1].decode())}
        assert b"web-1" not in daemon.get("/metrics")[1]
        assert daemon.end() == 0
    runs = auto.run("runs", "--output", "json").document["runs"]
    assert {run["actor"] for run in runs} == {"reconciler@serve"}
    assert {run["status"] for run in runs} <= {"succeeded", "stopped"}
    assert "s3cret-canary" not in daemon.log.read_text()


def test_a_pause_works_with_the_store_unreadable(auto: Place, tmp_path: Path) -> None:
    """The drill: the database is gone, and everything has to stop."""
    store = tmp_path / "store.db"
    with serving(auto, "--store", str(store), "--poll-interval", "1s") as daemon:
        until(lambda: conf(auto, "web-2"), daemon)
        until(lambda: daemon.ready()["applying"] == [], daemon)
        good = store.read_bytes()
        store.write_bytes(b"SQLite format 3\x00" + b"\x99" * 8192)
        said = auto.run("pause", "--reason", "the database burns", "--store", str(store))
        assert (said.code, said.out.startswith("Paused.")) == (0, True)
        assert "the store does not know" in said.err.lower()
        resumed = auto.run("resume", "--reason", "a mistake", "--store", str(store))
        assert (resumed.code, "say this again" in resumed.err) == (1, True)
        auto.run("pause", "--reason", "the database burns", "--store", str(store))
        auto.commit({"services/web.yaml": AUTO.replace("8080", "9090")})
        until(lambda: daemon.get("/readyz")[0] == 503, daemon)
        assert daemon.get("/healthz")[0] == 200
        store.write_bytes(good)
        until(lambda: daemon.get("/readyz")[0] == 200 and daemon.ready()["paused"], daemon)
        assert "9090" not in conf(auto)
        refused = auto.run("apply", "--yes", "--store", str(store))
        assert refused.code == 1
        assert "the database burns" in refused.err
        assert "reconciler resume" in refused.err
        assert auto.run("resume", "--reason", "restored", "--store", str(store)).out == "Resumed.\n"
        until(lambda: "9090" in conf(auto), daemon)
        assert daemon.end() == 0


def test_a_second_daemon_waits_and_takes_over_when_the_first_dies(auto: Place) -> None:
    with serving(auto) as first:
        until(lambda: first.ready()["role"] == "leader", first)
        with serving(auto, name="second") as second:
            until(lambda: second.ready()["role"] == "standby", second)
            assert f"pid {first.process.pid}" in second.ready()["leader"]
            assert second.get("/readyz")[0] == 200
            assert second.metric("reconciler_leader") == 0
            epoch = first.ready()["epoch"]
            os.kill(first.process.pid, signal.SIGKILL)
            first.process.wait()
            until(lambda: second.ready()["role"] == "leader", second)
            assert second.ready()["epoch"] > epoch
            said = auto.run("status").out
            assert f"led by the daemon: pid {second.process.pid} on " in said
            auto.commit({"services/web.yaml": AUTO.replace("8080", "9090")})
            until(lambda: "9090" in conf(auto), second)
            assert second.end() == 0


def test_webhooks_are_hints_that_count_once(auto: Place, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    env = {"RECONCILER_SERVE__GITHUB_SECRET_FILE": str(secret), "RECONCILER_SERVE__GITLAB_TOKEN_FILE": str(secret)}
    body = b"{this is never parsed"
    signature = "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    real = {"X-Hub-Signature-256": signature, "X-GitHub-Delivery": "d-1"}
    with serving(auto, "--poll-interval", "1d", **env) as daemon:
        until(lambda: conf(auto, "web-2"), daemon)
        auto.commit({"services/web.yaml": AUTO.replace("8080", "9090")})
        assert daemon.post("/webhooks/github", body, {**real, "X-Hub-Signature-256": "sha256=" + "0" * 64}) == 403
        assert daemon.post("/webhooks/github", body, {}) == 403
        assert daemon.post("/webhooks/generic", body, real) == 404
        assert daemon.post("/webhooks/other", body, real) == 404
        assert daemon.post("/webhooks/github", b"x" * ((1 << 20) + 1), real) == 413
        assert daemon.get("/webhooks/github")[0] == 405
        assert "9090" not in conf(auto)
        assert daemon.post("/webhooks/github", body, real) == 202
        until(lambda: "9090" in conf(auto), daemon)
        until(lambda: daemon.ready()["applying"] == [], daemon)
        polls = daemon.metric('reconciler_polls_total{result="same"}')
        for _ in range(3):
            assert daemon.post("/webhooks/github", body, real) == 202
        assert daemon.post("/webhooks/gitlab", body, {"X-Gitlab-Token": "s3cret", "X-Gitlab-Event-UUID": "g-1"}) == 202
        until(lambda: daemon.metric('reconciler_polls_total{result="same"}') > polls, daemon)
        time.sleep(1)
        assert daemon.metric('reconciler_polls_total{result="same"}') == polls + 1
        codes = [daemon.post("/webhooks/github", b"", {}) for _ in range(25)]
        assert 429 in codes
        assert "s3cret" not in daemon.log.read_text()


def test_settings_are_read_again_where_that_is_safe(auto: Place) -> None:
    with serving(auto) as daemon:
        until(lambda: daemon.ready()["role"] == "leader", daemon)
        auto.write({"reconciler.toml": 'allow_local = true\n[serve]\nlog_level = "debug"\nlog_format = "json"\n'})
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: "settings were read again" in daemon.log.read_text(), daemon)
        assert "needs_restart=serve.log_format" in daemon.log.read_text()
        auto.write({"reconciler.toml": "[serve]\nlog_levle = 3\n"})
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: "the old ones stay" in daemon.log.read_text(), daemon)
        assert daemon.end() == 0


def test_orders_hold_for_those_who_apply_by_hand_too(auto: Place) -> None:
    assert auto.run("freeze", "service:web", "--reason", "audit", "--for", "2h").code == 0
    refused = auto.run("apply", "--yes")
    assert (refused.code, "audit" in refused.err, "--override" in refused.err) == (1, True, True)
    assert conf(auto) == ""
    assert "web is frozen until" in auto.run("status").out
    assert auto.run("apply", "--yes", "--override", "INC-7: must be now").code == 0
    assert conf(auto)
    assert auto.run("unfreeze", "service:web").code == 0
    again = auto.run("unfreeze", "service:web")
    assert (again.code, "there is no freeze of service:web" in again.err) == (1, True)


def test_a_pinned_service_is_explained_wherever_it_is_seen(auto: Place) -> None:
    assert auto.run("apply", "--yes").code == 0
    first = auto.git("rev-parse", "HEAD")
    auto.commit({"services/web.yaml": AUTO.replace("8080", "9090")})
    assert auto.run("plan").code == 2
    said = auto.run("pin", "web", first[:10], "--until", "2h", "--reason", "9090 is blocked")
    assert (said.code, first[:7] in said.out) == (0, True)
    assert auto.run("plan").code == 0
    why = auto.run("why", "web-1", "file//etc/web.conf").out
    assert f"pinned to {first[:7]}" in why
    assert "9090 is blocked" in why
    assert auto.run("status", "--output", "json").document["pins"][0]["subject"] == "web"
    assert auto.run("unpin", "web").code == 0
    assert auto.run("plan").code == 2
    nowhere = auto.run("pin", "wbe", first, "--until", "2h", "--reason", "x")
    assert (nowhere.code, "no usable document" in nowhere.err) == (1, True)


def test_settings_are_checked_and_shown(auto: Place, tmp_path: Path) -> None:
    assert auto.run("config", "check").code == 0
    shown = auto.run("config", "show", "--output", "json", RECONCILER_SERVE__POLL_INTERVAL="2m").document["settings"]
    assert (shown["serve"]["poll_interval"], shown["allow_local"]) == (120, True)
    missing = auto.run("config", "check", RECONCILER_SERVE__GITHUB_SECRET_FILE="/nowhere")
    assert (missing.code, "serve.github_secret_file /nowhere" in missing.err) == (1, True)
    bad = auto.run("config", "check", RECONCILER_SERVE__LISTEN="everywhere")
    assert (bad.code, "HOST:PORT" in bad.err) == (1, True)


def test_an_address_that_is_taken_is_said(auto: Place) -> None:
    with serving(auto) as daemon:
        said = auto.run("serve", "--listen", daemon.address)
        assert (said.code, f"can't listen on {daemon.address}" in said.err) == (1, True)
