"""What every store promises of what is looked at first, and of looking at some hosts only."""

from __future__ import annotations

from reconciler.adapters.store import driver
from reconciler.model.observation import InOrder
from tests.contract.test_store import MOTD, NGINX, NOW, owns, plain, seen


class TestHeads:
    def test_tell_of_every_host_that_was_asked_or_that_we_own_something_on(self, store):
        store.save_observations([seen("a"), seen("b", unreachable="ssh: timed out")])
        store.save_ownership([owns("a", MOTD), owns("c", MOTD)])
        heads = store.heads()
        assert {(h.host, h.fingerprint, h.unreachable, h.owned, h.observed_at) for h in heads.values()} == {
            ("a", "fp", "", True, NOW),
            ("b", "fp", "ssh: timed out", False, NOW),
            ("c", "", "", True, None),
        }

    def test_a_host_in_order_stays_so_until_its_records_change(self, store):
        store.save_observations([seen("a"), seen("b")])
        store.save_ownership([owns("a", MOTD), owns("b", MOTD)])
        store.note_in_order({"a": InOrder("asked", "fp", "alike"), "b": InOrder("asked", "fp")})
        store.save_observations([seen("a", fingerprint="fp2"), seen("b")])
        assert [(h.asked, h.answered) for h in store.heads().values()] == [("asked", "fp")] * 2
        assert [(h.alike, h.identity) for h in store.heads().values()] == [("alike", "m1"), ("", "m1")]
        store.save_ownership([owns("a", MOTD, NGINX)])
        assert [(h.asked, h.answered) for h in store.heads().values()] == [("", ""), ("asked", "fp")]

    def test_more_hosts_than_are_read_at_once(self, store, monkeypatch):
        monkeypatch.setattr(driver, "PIECE", 2)
        hosts = [f"h{n}" for n in range(7)]
        store.save_observations([seen(host, fingerprint=f"fp-{host}") for host in hosts])
        store.save_ownership([owns(host, MOTD) for host in [*hosts[::2], "gone"]])
        store.note_in_order(
            {host: InOrder("asked", f"fp-{host}") for host in hosts[:3]} | {"h3": InOrder("asked", "fp")}
        )
        heads = store.heads()
        assert list(heads) == [*hosts, "gone"]
        assert [head.answered for head in heads.values()] == ["fp-h0", "fp-h1", "fp-h2", "fp", *[""] * 4]
        assert [head.owned for head in heads.values()] == [True, False, True, False, True, False, True, True]
        assert [found.fingerprint for found in store.observations(hosts[1:]).values()] == [f"fp-{h}" for h in hosts[1:]]
        assert list(store.ownership(hosts)) == hosts[::2]

    def test_a_host_that_never_said_anything_is_in_order_for_nothing(self, store):
        store.save_observations([seen("a", fingerprint="", observed_at=None, unreachable="ssh: timed out")])
        assert [(h.asked, h.answered, h.alike, h.observed_at) for h in store.heads().values()] == [("", "", "", None)]

    def test_what_is_written_is_seen_at_the_next_look(self, store):
        store.save_observations([seen("a"), seen("b")])
        assert (set(store.heads()), set(store.observations(["a", "b"]))) == ({"a", "b"}, {"a", "b"})
        store.save_observations([seen("b", fingerprint="fp2"), seen("c")])
        store.save_ownership([owns("a", MOTD), owns("c", MOTD)])
        assert {h.host: (h.fingerprint, h.owned) for h in store.heads().values()} == {
            "a": ("fp", True),
            "b": ("fp2", False),
            "c": ("fp", True),
        }
        assert {name: found.fingerprint for name, found in store.observations(["a", "b", "c"]).items()} == {
            "a": "fp",
            "b": "fp2",
            "c": "fp",
        }
        assert list(store.ownership(["a", "b"])) == ["a"]
        store.save_ownership([owns("a")])
        assert (list(store.ownership(["a", "b", "c"])), store.heads()["a"].owned) == (["c"], False)

    def test_what_another_process_writes_is_seen_too(self, opened):
        ours, theirs = opened(), opened()
        ours.save_observations([seen("a")])
        assert (set(ours.heads()), set(ours.observations(["a", "b"]))) == ({"a"}, {"a"})
        theirs.save_observations([seen("a", fingerprint="fp2"), seen("b")])
        theirs.save_ownership([owns("b", MOTD)])
        assert {h.host: (h.fingerprint, h.owned) for h in ours.heads().values()} == {
            "a": ("fp2", False),
            "b": ("fp", True),
        }
        assert (set(ours.observations(["a", "b"])), set(ours.ownership(["a", "b"]))) == ({"a", "b"}, {"b"})
        assert ours.observations(["a"])["a"].fingerprint == "fp2"

    def test_what_is_looked_at_is_not_changed_by_a_later_write(self, store):
        store.save_observations([seen("a")])
        heads = store.heads()
        store.save_observations([seen("b")])
        assert (set(heads), set(store.heads())) == ({"a"}, {"a", "b"})

    def test_letting_go_of_everything_ends_it_too(self, store):
        store.save_observations([seen("a")])
        store.save_ownership([owns("a", MOTD)])
        store.note_in_order({"a": InOrder("asked", "fp")})
        store.save_ownership([owns("a")])
        assert (store.heads()["a"].asked, store.heads()["a"].owned) == ("", False)


class TestSomeHosts:
    def test_only_those_asked_for_are_read(self, store):
        store.save_observations(seen(f"h{n}", since={MOTD: NOW}) for n in range(2500))
        store.save_ownership(owns(f"h{n}", MOTD) for n in range(2500))
        wanted = {f"h{n}" for n in range(0, 2500, 2)} | {"nobody"}
        assert set(store.observations(wanted)) == set(store.ownership(wanted)) == wanted - {"nobody"}
        assert store.observations([]) == store.ownership([]) == {}
        assert plain(store.observations({"h4"})["h4"]) == plain(seen("h4", since={MOTD: NOW}))
