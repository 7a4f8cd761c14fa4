"""Webhooks: what is real, what is not, and how many may come. The body is never looked at."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.core.serving.webhook import Bucket, Received, delivery

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SECRET = b"s3cret"
BODY = b'{"ref": "refs/heads/main"}'
STAMP = str(int(NOW.timestamp()))


def signed(data: bytes, secret: bytes = SECRET) -> str:
    return "sha256=" + hmac.new(secret, data, hashlib.sha256).hexdigest()


GITHUB = {"x-hub-signature-256": signed(BODY), "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958"}
GITLAB = {"x-gitlab-token": "s3cret", "x-gitlab-event-uuid": "13792a34-cac6-4fda-95a8-c58e00a3954e"}
GENERIC = {
    "x-reconciler-timestamp": STAMP,
    "x-reconciler-delivery": "push-1",
    "x-reconciler-signature": signed(f"{STAMP}.push-1.".encode() + BODY),
}


def ask(source: Any, headers: dict[str, str], body: bytes = BODY, at: datetime = NOW) -> str | None:
    return delivery(source, Received(headers, body, at), SECRET)


def test_real_ones_give_their_id():
    assert ask("github", GITHUB) == "72d3162e-cc78-11e3-81ab-4c9367dc0958"
    assert ask("gitlab", GITLAB) == "13792a34-cac6-4fda-95a8-c58e00a3954e"
    assert ask("generic", GENERIC) == "push-1"


@pytest.mark.parametrize(
    ("source", "headers", "body"),
    [
        ("github", {}, BODY),
        ("github", GITHUB, BODY + b" "),
        ("github", GITHUB | {"x-hub-signature-256": signed(BODY, b"other")}, BODY),
        ("github", GITHUB | {"x-hub-signature-256": GITHUB["x-hub-signature-256"].removeprefix("sha256=")}, BODY),
        ("github", GITHUB | {"x-hub-signature-256": "sha256=\u00e9"}, BODY),
        ("github", GITHUB | {"x-github-delivery": ""}, BODY),
        ("github", GITHUB | {"x-github-delivery": "a b"}, BODY),
        ("github", GITHUB | {"x-github-delivery": "a" * 101}, BODY),
        ("github", GITLAB, BODY),
        ("gitlab", {}, BODY),
        ("gitlab", GITLAB | {"x-gitlab-token": "s3cre"}, BODY),
        ("gitlab", GITLAB | {"x-gitlab-token": ""}, BODY),
        ("gitlab", {"x-gitlab-token": "s3cret"}, BODY),
        ("generic", GENERIC, BODY + b" "),
        ("generic", GENERIC | {"x-reconciler-delivery": "push-2"}, BODY),
        ("generic", GENERIC | {"x-reconciler-timestamp": str(int(STAMP) + 1)}, BODY),
        ("generic", GENERIC | {"x-reconciler-timestamp": "soon"}, BODY),
    ],
)
def test_others_give_nothing(source, headers, body):
    assert ask(source, headers, body) is None


@pytest.mark.parametrize(("minutes", "real"), [(-6, False), (-4, True), (4, True), (6, False)])
def test_an_old_generic_one_can_not_come_again(minutes, real):
    assert bool(ask("generic", GENERIC, at=NOW + timedelta(minutes=minutes))) is real


def test_so_many_at_once_and_then_one_by_one():
    bucket = Bucket(3, timedelta(seconds=10))
    assert [bucket.take(NOW) for _ in range(5)] == [True, True, True, False, False]
    assert [bucket.take(NOW + timedelta(seconds=11)) for _ in range(2)] == [True, False]
    assert bucket.take(NOW - timedelta(days=1)) is False
    later = NOW + timedelta(days=1)
    assert [bucket.take(later) for _ in range(4)] == [True, True, True, False]
