"""The pause that is a file: it holds whatever is in it, and needs nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reconciler.adapters.brake import FileBrake
from reconciler.model.errors import Stalled
from reconciler.model.order import Order

PAUSE = Order("pause", "ada", "look first", datetime(2026, 11, 23, 9, 0, tzinfo=UTC))


def test_it_holds_until_it_is_released(tmp_path):
    brake = FileBrake(tmp_path / "not/there/yet/state.db.paused")
    assert brake.pulled() is None
    brake.pull(PAUSE)
    assert FileBrake(brake.path).pulled() == PAUSE
    assert brake.path.stat().st_mode & 0o777 == 0o600
    assert (brake.release(), brake.release(), brake.pulled()) == (True, False, None)


@pytest.mark.parametrize("content", [b"", b"{}", b"nonsense", b'{"who": 1, "why": 2, "at": "yesterday"}', b"\xff" * 9])
def test_a_file_that_says_nothing_holds_too(tmp_path, content):
    path = tmp_path / "state.db.paused"
    path.write_bytes(content)
    pulled = FileBrake(path).pulled()
    assert pulled is not None
    assert str(path) in pulled.why


def test_a_directory_in_its_place_holds_too(tmp_path):
    (tmp_path / "paused").mkdir()
    assert FileBrake(tmp_path / "paused").pulled() is not None
    with pytest.raises(Stalled, match="can't be removed"):
        FileBrake(tmp_path / "paused").release()


def test_where_nothing_can_be_written_it_says_what_to_do(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Stalled, match="can't be kept") as raised:
        FileBrake(tmp_path / "file/paused").pull(PAUSE)
    assert "systemctl stop" in raised.value.hint
