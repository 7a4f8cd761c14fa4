"""A forge whose certificate is of a private authority: believed where `ca_file` says so, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.adapters.forge import open_forge
from reconciler.model.errors import Retry, Stalled
from tests.fakes.certificate import certificate
from tests.fakes.fleet import StoppedClock
from tests.forges.places import SERVED, served, settings
from tests.forges.site import OURS, Site


@pytest.mark.parametrize("kind", SERVED)
def test_the_authority_of_ca_file_is_trusted(kind: str, tmp_path: Path) -> None:
    context, trusted = certificate(tmp_path, "localhost")
    with served(kind, Site(), context=context) as server:
        assert server.url.startswith("https://")
        with open_forge(replace(settings(kind, server), ca_file=trusted), StoppedClock()) as forge:
            assert forge.account() == str(OURS)


@pytest.mark.parametrize("kind", SERVED)
def test_no_other_is_and_the_token_does_not_leave(kind: str, tmp_path: Path) -> None:
    context, _ = certificate(tmp_path, "localhost")
    (tmp_path / "other").mkdir()
    _, other = certificate(tmp_path / "other", "elsewhere")
    with served(kind, Site(), context=context) as server:
        for ca_file in (None, other):
            with (
                open_forge(replace(settings(kind, server), ca_file=ca_file), StoppedClock()) as forge,
                pytest.raises(Retry, match=r"certificate verify failed"),
            ):
                forge.account()
        assert not server.calls


def test_a_ca_file_without_certificates_is_told(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    context, _ = certificate(tmp_path, "localhost")
    with (
        served("github", Site(), context=context) as server,
        pytest.raises(Stalled, match=r"forge\.ca_file"),
        open_forge(replace(settings("github", server), ca_file=empty), StoppedClock()),
    ):
        pass
