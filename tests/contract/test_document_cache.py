"""What every cache of documents promises: gives back what was put there or nothing, and never raises."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from reconciler.adapters.cache import FileCache, version
from reconciler.core.parsing.limits import Limits
from reconciler.kinds import builtin

PAGES = [b"one", b"", b"three" * 1000]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "documents" / "fleet"


def pages(place: Path, version: str = "1") -> list[bytes]:
    return list(FileCache(place, version).pages())


def test_what_was_added_comes_back_in_order(place: Path) -> None:
    cache = FileCache(place, "1")
    assert list(cache.pages()) == []
    cache.add(PAGES)
    cache.add([b"four"])
    assert pages(place) == [*PAGES, b"four"]


def test_what_is_replaced_is_gone(place: Path) -> None:
    cache = FileCache(place, "1")
    cache.add(PAGES)
    cache.replace([b"new"])
    cache.add([b"newer"])
    assert pages(place) == [b"new", b"newer"]
    assert [p.name for p in place.parent.iterdir()] == [place.name]


def test_another_version_sees_nothing_and_takes_over(place: Path) -> None:
    FileCache(place, "1").add(PAGES)
    assert pages(place, "2") == pages(place, "11") == []
    FileCache(place, "2").add([b"two"])
    assert (pages(place, "2"), pages(place, "1")) == ([b"two"], [])


def test_nobody_else_can_read_or_write_it(place: Path) -> None:
    FileCache(place, "1").add(PAGES)
    assert (place.stat().st_mode & 0o777, place.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_damage_anywhere_costs_only_what_follows_it(place: Path) -> None:
    """A bit changed at every place of the file: what comes back is a beginning of what was there."""
    few = [b"one", b"two", b"three"]
    FileCache(place, "1").add(few)
    whole = place.read_bytes()
    for i in range(len(whole)):
        place.write_bytes(whole[:i] + bytes([whole[i] ^ 0x10]) + whole[i + 1 :])
        found = pages(place)
        assert found == few[: len(found)]
        assert len(found) < len(few)
        FileCache(place, "1").add([b"later"])
        assert pages(place) == [*found, b"later"]


def test_a_file_that_ends_too_early_is_used_up_to_there(place: Path) -> None:
    FileCache(place, "1").add([b"one", b"two"])
    whole = place.read_bytes()
    for end in range(len(whole)):
        place.write_bytes(whole[:end])
        found = pages(place)
        assert found == [b"one", b"two"][: len(found)]
        FileCache(place, "1").add([b"later"])
        assert pages(place) == [*found, b"later"]


def test_where_nothing_can_be_written_nothing_happens(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "below", tmp_path):
        cache = FileCache(place, "1")
        cache.add(PAGES)
        cache.replace(PAGES)
        assert list(cache.pages()) == []


def test_a_reader_goes_on_with_what_it_began(place: Path) -> None:
    cache = FileCache(place, "1")
    cache.add(PAGES)
    reading = cache.pages()
    first = next(reading)
    cache.add([b"later"])
    cache.replace([b"other"])
    assert [first, *reading] == PAGES


def _add_many(place: str, word: bytes) -> None:
    for _ in range(50):
        FileCache(Path(place), "1").add([word * 1000])


def test_processes_that_add_at_the_same_time_lose_nothing(place: Path) -> None:
    FileCache(place, "1").add([])
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_add_many, args=(str(place), word)) for word in (b"a", b"b")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert sorted(pages(place)) == sorted(word * 1000 for word in (b"a", b"b") for _ in range(50))


def test_the_version_names_the_kinds_and_the_limits() -> None:
    kinds = builtin()
    fewer = {name: kind for name, kind in kinds.items() if name != "cron"}
    named = [version(kinds, Limits()), version(fewer, Limits()), version(kinds, Limits(problems=1))]
    assert (len(set(named)), version(builtin(), Limits())) == (3, named[0])
