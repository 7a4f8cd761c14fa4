"""Places of different states, the costly ones shared by tests that only look."""

from __future__ import annotations

import pytest

from tests.cli.place import WEB, Place, place_in


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """An empty repository."""
    return place_in(tmp_path_factory.mktemp("place"))


@pytest.fixture
def fleet(place: Place) -> Place:
    """Two hosts and a service, nothing applied."""
    place.host("web-1")
    place.host("web-2")
    place.commit({"services/web.yaml": WEB}, "first state")
    return place


@pytest.fixture(scope="session")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A service applied; then Git moved, a host moved, another can't be reached. Only for looking at."""
    place = place_in(tmp_path_factory.mktemp("moved"))
    place.host("web-1")
    place.host("web-2")
    place.commit({"services/web.yaml": WEB}, "first state")
    assert place.run("apply", "--yes").code == 0
    (place.root("web-2") / "etc/web.conf").chmod(0o600)
    far = "{name: web-3, labels: {role: web}}\nspec: {address: 127.0.0.1, port: 1}\n"
    place.commit(
        {
            "hosts/web-3.yaml": f"apiVersion: reconciler/v1\nkind: Host\nmetadata: {far}",
            "services/web.yaml": WEB.replace("port: 8080", "port: 9090"),
        },
        "web: port 9090",
    )
    assert place.run("observe").code == 0
    return place
