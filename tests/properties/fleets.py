"""Random fleets: states in the short form of `tests.fakes.fleet.written`, and what people do by hand.

Every service has names of its own for what must not clash, and shares `/etc/a` … `/etc/f` with the others, so that
conflicts, moves and equal claims happen. Nothing random is impossible to apply: what can't be is for unit tests.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

SERVICES = ("base", "core", "data", "edge")
HOSTS = ("db-1", "web-1", "web-2")
SHARED = tuple(f"/etc/{letter}" for letter in "abcdef")
SETTINGS = tuple(f"vm.of-{name}" for name in SERVICES)
TEXTS = st.sampled_from(["one\n", "two\n", "{{ host.name }}\n", "{{ vars.v }}\n"])
FLAGS = st.fixed_dictionaries(
    {}, optional={"protect": st.just(True), "prune": st.just("never"), "ignore": st.just(["mode"])}
)
RARELY = st.sampled_from([{}, {}, {}]) | FLAGS
State = dict[str, Any]


def shared_file(path: str) -> st.SearchStrategy[State]:
    fields = {"file": st.just(path), "content": TEXTS, "mode": st.sampled_from(["0644", "0600"])}
    return st.builds(lambda one, flags: one | flags, st.fixed_dictionaries(fields), RARELY)


def own(name: str) -> list[st.SearchStrategy[State]]:
    """Resources that only this service has: a directory with a file, a daemon with its configuration, an account."""
    return [
        st.just({"directory": f"/srv/{name}"}),
        st.fixed_dictionaries({"package": st.just(name), "version": st.sampled_from(["1.0", "1.1"])}),
        st.just({"group": f"g-{name}"}),
        st.just({"user": f"u-{name}"}),
        st.fixed_dictionaries({"sysctl": st.just(SETTINGS[SERVICES.index(name)]), "value": st.integers(0, 2)}),
    ]


def daemon(name: str) -> st.SearchStrategy[list[State]]:
    """A package, its configuration and its unit, which reacts to both."""
    unit = {"service": name, "state": "running", "restart_on": [f"package/{name}"], "reload_on": [f"file//etc/{name}"]}
    config = st.fixed_dictionaries({"file": st.just(f"/etc/{name}"), "content": TEXTS, "mode": st.just("0644")})
    package = st.fixed_dictionaries({"package": st.just(name), "version": st.sampled_from(["1.0", "1.1"])})
    return st.tuples(st.just(unit), config, package).map(list)


@st.composite
def service(draw: st.DrawFn, name: str) -> State:
    """A service that requires only services of smaller names, its resources in any order."""
    files = [draw(shared_file(p)) for p in draw(st.lists(st.sampled_from(SHARED), unique=True, max_size=2))]
    mine = [draw(s) for s in draw(st.lists(st.sampled_from(own(name)), unique_by=id, max_size=3))]
    if draw(st.booleans()):
        mine = [r for r in mine if "package" not in r] + draw(daemon(name))
    before = SERVICES[: SERVICES.index(name)]
    return {
        "hosts": {"matchLabels": draw(st.sampled_from([{"fleet": "x"}, {"role": "web"}, {"role": "db"}]))},
        "requires": draw(st.lists(st.sampled_from(before), unique=True, max_size=2)) if before else [],
        "vars": {"v": draw(st.sampled_from(["1", "2"]))},
        "resources": draw(st.permutations(files + mine)) or [{"file": f"/etc/only-{name}", "content": "x"}],
    }


@st.composite
def host(draw: st.DrawFn, name: str) -> State:
    variables = draw(st.sampled_from([{}, {}, {"v": "mine"}]))
    return {"labels": {"fleet": "x", "role": name.partition("-")[0]}, "spec": {"vars": variables}}


@st.composite
def states(draw: st.DrawFn, whole: bool = False) -> State:
    """A repository: some hosts, some services (all that are required too), one project so that it is never empty."""
    hosts = HOSTS if whole else draw(st.lists(st.sampled_from(HOSTS), unique=True, min_size=1))
    names = SERVICES if whole else sorted(draw(st.sets(st.sampled_from(SERVICES), min_size=1)))
    services = {name: draw(service(name)) for name in names}
    for given in services.values():
        given["requires"] = [name for name in given["requires"] if name in services]
    return {
        "hosts": {name: draw(host(name)) for name in hosts},
        "services": services,
        "projects": {"shop": {"description": "always there"}},
    }


BY_HAND = st.fixed_dictionaries({name: st.dictionaries(st.sampled_from(SHARED), TEXTS, min_size=2) for name in HOSTS})
"""Files that somebody puts on hosts."""
