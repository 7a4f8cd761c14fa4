"""Untrusted text is made fit to be shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.adapters.git.plain import is_plain, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("edge: nginx 1.26 — ünïcode 🚀", "edge: nginx 1.26 — ünïcode 🚀"),
        ("\x1b[2Jgone", "�[2Jgone"),
        ("one\r\ntwo\u2028three", "one��two�three"),
        ("abc\u202edcba", "abc�dcba"),
        (b"caf\xe9", "caf�"),
        ("\ud800", "�"),
    ],
)
def test_what_is_unfit_is_replaced(text, shown):
    assert plain(text) == shown


def test_long_text_is_cut():
    assert plain("x" * 300) == "x" * 199 + "…"
    assert plain("x" * 200) == "x" * 200


@given(st.text() | st.binary())
def test_the_result_is_always_plain_and_short(text):
    assert is_plain(plain(text))
    assert len(plain(text)) <= 200
    assert plain(plain(text)) == plain(text)
