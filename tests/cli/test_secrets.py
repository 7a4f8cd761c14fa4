"""References to secrets, from validating to drift: what is filled in when, what is noticed, what fails and how."""

from __future__ import annotations

import pytest

from tests.cli.place import Place
from tests.cli.sealed_state import SERVICE, TEMPLATE, Sealed, private, sealed_state

CANARIES = {"password": "pass-word-1", "token": "to'ken-1", "certificate": "cert-1\ncert-2", "licence": "lic-1"}


@pytest.fixture
def sealed(place: Place) -> Sealed:
    return sealed_state(place, CANARIES)


@pytest.fixture
def applied(sealed: Sealed) -> Sealed:
    said = sealed.place.run("apply", "--yes")
    assert said.code == 0, said.out + said.err
    return sealed


def test_they_are_filled_in_at_apply_time_and_then_all_is_in_order(applied: Sealed) -> None:
    place = applied.place
    for host in ("web-1", "web-2"):
        assert (place.root(host) / "etc/db.conf").read_text() == applied.content(host)
        assert (place.root(host) / "etc/cert.pem").read_text() == "cert-1\ncert-2"
    said = place.run("plan")
    assert (said.code, said.out.splitlines()[-1]) == (
        0,
        f"No changes. 2 hosts match revision {place.git('rev-parse', 'HEAD')[:7]}.",
    )


def test_planning_opens_nothing(sealed: Sealed) -> None:
    """Whoever plans needs no key."""
    place = sealed.place
    none = dict.fromkeys(place.more, "")
    assert place.run("validate", **none).code == 0
    said = place.run("plan", **none)
    assert said.code == 2
    assert "(sensitive" in said.out
    assert "\ufdd0" not in said.out


def test_another_value_is_pending_and_another_value_of_the_same_file_is_not(applied: Sealed) -> None:
    place = applied.place
    text = (place.state / "secrets/prod.yaml").read_text()
    changed = Sealed(place, applied.writer, {**CANARIES, "password": "pass-word-2"})
    place.commit({"secrets/prod.yaml": changed.prod()})
    said = place.run("plan", "--output", "json")
    assert said.document["summary"]["update"] == 2
    assert place.run("apply", "--yes").code == 0
    assert "pass-word-2" in (place.root("web-1") / "etc/db.conf").read_text()
    assert place.run("plan").code == 0
    assert text != (place.state / "secrets/prod.yaml").read_text()


def test_a_version_tells_of_what_git_does_not_know(applied: Sealed) -> None:
    place = applied.place
    private(place.base / "operator/files/db/cert.pem", "cert-9\n")
    assert place.run("plan").code == 0
    place.commit({"services/db.yaml": SERVICE.replace("db/cert.pem}", "db/cert.pem, version: 2}")})
    assert place.run("apply", "--yes").code == 0
    assert (place.root("web-1") / "etc/cert.pem").read_text() == "cert-9"


def test_drift_is_noticed_and_told_apart_by_field(applied: Sealed) -> None:
    place = applied.place
    conf = place.root("web-1") / "etc/db.conf"
    conf.write_text(applied.content("web-1").replace("pass-word-1", "pass-word-x"))
    (place.root("web-2") / "etc/db.conf").chmod(0o644)
    said = place.run("drift", "--output", "json")
    assert said.code == 2
    fields = {drift["host"]: [field["path"] for field in drift["fields"]] for drift in said.document["drifted"]}
    assert fields == {"web-1": ["content"], "web-2": ["mode"]}
    assert place.run("apply", "--heal", "--yes").code == 0
    assert conf.read_text() == applied.content("web-1")
    assert place.run("drift").code == 0


def test_what_is_there_already_is_adopted_with_one_write(sealed: Sealed) -> None:
    """Nobody knows whether it is the right one before it is opened."""
    place = sealed.place
    for host in ("web-1", "web-2"):
        for name, text in (("db.conf", sealed.content(host)), ("cert.pem", "cert-1\ncert-2")):
            private(place.root(host) / "etc" / name, text)
    assert place.run("apply", "--yes").code == 0
    assert place.run("plan").code == 0


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("RECONCILER_SECRETS__AGE_IDENTITY_FILE", "secrets.age_identity_file is not set"),
        ("RECONCILER_SECRETS__ENV_ALLOW", "env_allow does not name it"),
        ("DB_LICENCE", "the variable is not set"),
    ],
)
def test_one_that_can_not_be_had_fails_only_who_needs_it(sealed: Sealed, missing: str, words: str) -> None:
    place = sealed.place
    place.host("other-1", "other")
    place.commit(
        {
            "services/other.yaml": SERVICE.replace("name: db", "name: other")
            .replace("role: web", "role: other")
            .replace('    - file: /etc/db.conf\n      template: files/db.conf.j2\n      mode: "0600"\n', "")
        }
    )
    said = place.run("apply", "--yes", **{missing: ""})
    assert said.code == 1
    assert words in said.out
    assert "/etc/db.conf" in said.out
    assert not (place.root("web-1") / "etc/db.conf").exists()
    assert (place.root("other-1") / "etc/cert.pem").read_text() == "cert-1\ncert-2"
    assert place.run("apply", "--yes").code == 0
    assert (place.root("web-1") / "etc/db.conf").read_text() == sealed.content("web-1")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("from: sops", "from: sosp", ("services/db.yaml:7:22", "secrets can't come from", 'did you mean "sops"')),
        ("from: sops", "from: 1", ("services/db.yaml:7:22", "secrets can't come from 1")),
        ("key: db.password", "kee: db.password", ("services/db.yaml:7:", 'unknown field "kee"')),
        ("path: db/cert.pem", "path: ../x", ("services/db.yaml:9:", "could lead outside")),
        ("path: db/cert.pem", "file: x", ("services/db.yaml:9:", '"path" is missing')),
        ("name: DB_LICENCE", "name: 'a b'", ("services/db.yaml:10:",)),
        ("key: db.password", "key: db.pasword", ("services/db.yaml:7:16", 'no "pasword"', 'did you mean "password"')),
        ("secrets/prod.yaml", "secrets/none.yaml", ("services/db.yaml:7:16", "there is no file secrets/none.yaml")),
        ("secrets/prod.yaml", "services/db.yaml", ("services/db.yaml:7:16", "is not encrypted with SOPS")),
        ("secrets/vault.yaml", "services/db.yaml", ("services/db.yaml:8:", "is not encrypted with ansible-vault")),
        (", key: db.password", "", ("services/db.yaml:7:16", "names no key")),
    ],
)
def test_a_wrong_reference_is_told_with_its_place(sealed: Sealed, old: str, new: str, words: tuple[str, ...]) -> None:
    sealed.place.commit({"services/db.yaml": SERVICE.replace(old, new)})
    said = sealed.place.run("validate")
    assert said.code == 1
    assert [word for word in words if word not in said.out] == [], said.out


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ vars.password | upper }}", "may only place a secret"),
        ("{{ vars.password | length }}", "nobody knows a secret while planning"),
        ("{{ vars.password[0] }}", "nobody knows a secret while planning"),
        ("{% if vars.password == 'a' %}x{% endif %}", "nobody knows a secret while planning"),
        ("{% if vars.password %}x{% endif %}", "nobody knows a secret while planning"),
        ("{{ vars.password | urlencode }}", "nobody knows a secret while planning"),
        ("{{ vars.password | tojson }}", "not JSON serializable"),
        ("{{ vars.password ~ 'x' | upper }}", ""),
        ("{{ (vars.password ~ 'x') | truncate(8, True) }}", "may only place a secret"),
        ("{{ vars.password._token }}", "_token"),
        ("\ufdd0" + "0" * 32 + "\ufdd1 {{ host.name }}", "stands for a secret elsewhere"),
    ],
)
def test_a_template_can_only_place_a_secret(sealed: Sealed, template: str, words: str) -> None:
    sealed.place.commit({"files/db.conf.j2": TEMPLATE + template})
    said = sealed.place.run("validate")
    assert (said.code, words in said.out) == (1 if words else 0, True), said.out


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ("- package: 'nginx'\n      version: '{{ vars.password }}'", "can't hold a secret"),
        ("- file: '/etc/{{ vars.password }}'", "can't hold a secret"),
        ("- line: p\n      path: /etc/x\n      text: 'p={{ vars.password }}'", "can't hold a secret"),
        ("- command: x\n      run: 'echo {{ vars.password }}'\n      creates: /x", "can't hold a secret"),
        ("- file: /etc/x\n      owner: '{{ vars.password }}'", "can't hold a secret"),
        ("- file: /etc/x\n      encoding: base64\n      content: '{{ vars.password }}'", "base64"),
    ],
)
def test_a_secret_goes_only_where_it_stays_secret(sealed: Sealed, resource: str, words: str) -> None:
    sealed.place.commit({"services/db.yaml": SERVICE + f"    {resource}\n"})
    said = sealed.place.run("validate")
    assert said.code == 1
    assert words in said.out


def test_a_project_keeps_its_secrets_to_itself(sealed: Sealed) -> None:
    project = "apiVersion: reconciler/v1\nkind: Project\nmetadata: {name: web}\nspec: {paths: [services]}\n"
    sealed.place.commit(
        {"projects/web.yaml": project, "services/db.yaml": SERVICE.replace("name: db", "name: db, project: web")}
    )
    said = sealed.place.run("validate")
    assert said.code == 1
    assert "the secrets of secrets/prod.yaml are outside the paths of project" in said.out


def test_encrypted_files_that_nothing_refers_to_are_no_documents(sealed: Sealed) -> None:
    place = sealed.place
    text = (place.state / "secrets/vault.yaml").read_bytes()
    place.commit({"more/a.yaml": sealed.prod(), "more/b.yaml": text})
    said = place.run("validate")
    assert (said.code, said.out) == (0, "3 documents, no problem.\n")


def test_a_document_can_not_be_hidden_as_an_encrypted_file(sealed: Sealed) -> None:
    sealed.place.commit({"services/db.yaml": SERVICE + "sops: {mac: x}\n"})
    said = sealed.place.run("validate")
    assert said.code == 1
    assert 'unknown field "sops"' in said.out
