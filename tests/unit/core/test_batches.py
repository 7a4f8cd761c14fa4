"""How hosts are cut into batches, and what governs them."""

from __future__ import annotations

import pytest

from reconciler.core.parsing.rollout import seconds, share
from reconciler.core.planning.batch import CAREFUL, Caution, batches, staged, terms
from reconciler.model.desired import Host
from reconciler.model.key import Place
from reconciler.model.rollout import Rollout, Share, Terms, UnitCheck

AT = Place("x.yaml")


def hosts(count: int, *sites: str) -> dict[str, Host]:
    """Hosts that take turns in being of these sites; without the label where the name is empty."""
    found = {}
    for number in range(count):
        site = sites[number % len(sites)] if sites else ""
        found[f"h{number:05}"] = Host(f"h{number:05}", AT, {"site": site} if site else {})
    return found


def rollout(text: str, domain: str = "") -> Rollout:
    """`1 | 1% 5% 100%`: canary and batches."""
    canary, _, rest = text.partition("|")
    shares = tuple(share(int(word) if word.isdigit() else word) for word in rest.split())
    return Rollout(share(int(canary)) if canary.strip() else None, shares, domain)


@pytest.mark.parametrize(
    ("written", "total", "sizes"),
    [
        ("", 7, [7]),
        ("1|", 7, [1, 6]),
        ("1|100%", 1, [1]),
        ("1| 1% 5% 25% 100%", 12_431, [1, 124, 497, 2_486, 9_323]),
        ("1| 1% 5% 25% 100%", 12, [1, 2, 9]),
        ("| 50%", 5, [3, 2]),
        ("| 2 4", 9, [2, 2, 5]),
        ("9|", 5, [5]),
        ("0|", 5, [5]),
        ("| 5 2", 9, [2, 3, 4]),
    ],
)
def test_shares_are_of_all_and_add_up(written: str, total: int, sizes: list[int]) -> None:
    fleet = hosts(total)
    cut = batches(list(fleet), fleet, rollout(written))
    assert [len(members) for _, members in cut] == sizes
    assert [member for _, members in cut for member in members] == sorted(fleet)
    assert [(batch.number, batch.of) for batch, _ in cut] == [(n, len(sizes)) for n in range(1, len(sizes) + 1)]


def test_two_domains_are_never_in_one_batch() -> None:
    fleet = hosts(12_431, "fra", "lon", "", "nyc")
    cut = batches(list(fleet), fleet, rollout("1| 1% 5% 25% 100%", "site"))
    assert [batch.domain for batch, _ in cut] == ["fra", "fra", "fra", "fra", "lon", "nyc", None], "as a plan shows it"
    for batch, members in cut:
        assert {fleet[member].labels.get("site") for member in members} == {batch.domain}
    assert sum(len(members) for _, members in cut) == 12_431


def test_only_the_canary_is_one() -> None:
    fleet = hosts(9, "fra", "lon")
    cut = batches(list(fleet), fleet, rollout("6| 100%", "site"))
    assert [(len(members), batch.canary) for batch, members in cut] == [(5, True), (1, True), (3, False)]
    assert [batch.canary for batch, _ in batches(list(fleet), fleet, rollout("| 50% 100%"))] == [False, False]


@pytest.mark.parametrize(
    ("touched", "fleet", "broad"),
    [(10, 10, False), (11, 11, True), (11, 1_000, False), (50, 1_000, False), (51, 1_000, True)],
)
def test_much_is_more_than_a_share_and_more_than_a_few(touched: int, fleet: int, broad: bool) -> None:
    assert Caution().broad(touched, fleet) is broad


@pytest.mark.parametrize(("hosts_", "most"), [(1, 2), (5, 2), (100, 2), (149, 2), (150, 3), (12_431, 248)])
def test_a_breaker_bears_two_per_cent_and_opens_at_three_at_the_earliest(hosts_: int, most: int) -> None:
    assert Caution().bearable(hosts_) == most


def test_a_service_that_says_nothing_is_careful_where_much_is_touched() -> None:
    assert staged(Rollout(), 11, True, Caution()) == CAREFUL
    assert staged(Rollout(), 10, True, Caution()) == Rollout(), "few hosts: all at once"
    assert staged(Rollout(), 99, False, Caution()) == Rollout()
    for said in (rollout("0|"), rollout("| 100%"), rollout("2|")):
        assert staged(said, 99, True, Caution()) == said, "what is written counts"
    health = (UnitCheck("nginx"),)
    careful = staged(Rollout(health=health, bake=60), 99, True, Caution())
    assert (careful.canary, careful.health, careful.bake) == (Share(1), health, 60)


def test_what_governs_the_steps() -> None:
    assert terms(Rollout(), 99, Caution()) is None
    assert terms(rollout("0|"), 99, Caution()) == Terms(budget=2)
    written = Rollout(Share(1), (Share(50, percent=True),), "site", Share(5, percent=True), Share(10, percent=True))
    assert terms(written, 99, Caution()) == Terms(4, 9, stages=("canary 1", "50%"), domain="site")
    strict = terms(Rollout(max_failures=Share(2, percent=True), max_unavailable=Share(1, percent=True)), 9, Caution())
    assert strict == Terms(0, 1), "a share of few hosts is none; but one has to change at a time"


@pytest.mark.parametrize(
    ("text", "expected"), [("5s", 5), ("500ms", 0.5), ("1h30m", 5400), ("2d", 172_800), ("1m1s", 61)]
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("amount", "of", "up", "down"),
    [("7%", 100, 7, 7), ("1%", 50, 1, 0), ("33.3333%", 3, 1, 0), ("100%", 3, 3, 3), (5, 3, 3, 3), (0, 3, 0, 0)],
)
def test_shares(amount: int | str, of: int, up: int, down: int) -> None:
    assert (share(amount).rounded_up(of), share(amount).rounded_down(of)) == (up, down)
