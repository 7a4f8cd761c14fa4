"""Kinds and documents for tests of parsing: small, so that they don't change when the real kinds do."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from reconciler.core.linking.link import Linked, link
from reconciler.core.parsing.parse import parse
from reconciler.kinds import Registry
from reconciler.kinds.base import Kind, Ref, Spec
from reconciler.kinds.file import File
from reconciler.model.delivery import Call
from reconciler.model.document import Documents
from reconciler.model.observation import Facts, Query
from reconciler.model.plan import Action
from reconciler.model.state import Absent, Observed, Present, Wanted


class _Inert(Kind[Any]):
    def query(self, name: str, spec: Any) -> Query:
        return {}

    def wanted(self, name: str, spec: Any) -> Wanted:
        return Present()

    def interpret(self, name: str, spec: Any, facts: Facts) -> Observed:
        return Absent()

    def calls(self, name: str, spec: Any, action: Action) -> tuple[Call, ...]:
        return ()


class PackageSpec(Spec):
    version: str | None = Field(None, description="The version; any when left out.")
    state: Literal["present", "latest"] = "present"
    retries: int = Field(0, ge=0, le=10)


class Package(_Inert):
    name = "package"
    Spec = PackageSpec
    Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]*$"), Field(description="A package's name.")]
    summary = "A package of the distribution."


class Port(Spec):
    number: int
    protocol: Literal["tcp", "udp"] = "tcp"


class ServiceSpec(Spec):
    """Named like a document's spec, as the real one is: schemas must keep them apart."""

    state: Literal["running", "stopped"]
    enabled: bool | None = None
    reload_on: tuple[Ref, ...] = ()
    ports: tuple[Port, ...] = ()
    user: str | None = None
    limit: int | Literal["infinity"] | None = None


class Unit(_Inert):
    name = "service"
    Spec = ServiceSpec
    summary = "A systemd unit."
    reacts = True


class UserSpec(Spec):
    group: str | None = None


class User(_Inert):
    name = "user"
    Spec = UserSpec
    summary = "A user."


def registry() -> Registry:
    return {kind.name: kind for kind in (File(), Package(), Unit(), User())}


HOST = """\
apiVersion: reconciler/v1
kind: Host
metadata: {name: web-1, labels: {role: web, site: lon}}
spec: {address: 192.0.2.1}
"""

SERVICE = """\
apiVersion: reconciler/v1
kind: Service
metadata: {name: edge, project: web, annotations: {example.com/ticket: "CHG 1"}}
spec:
  owner: team-web
  hosts:
    matchLabels: {role: web}
    matchExpressions: [{key: site, operator: NotIn, values: [fra, ""]}]
  requires: [base]
  vars: {version: "1.26.0", port: 8080, list: [1, {a: true}], ratio: 0.5}
  resources:
    - package: nginx
      version: "{{ vars.version }}"
      retries: "{{ vars.port }}"
    - file: /etc/nginx/nginx.conf
      template: files/nginx.conf.j2
      mode: "0644"
      requires: ["package/{{ vars.name }}"]
    - package: "{{ vars.name }}"
    - service: nginx
      state: running
      enabled: "{% if x %}true{% endif %}"
      ports: [{number: "{{ vars.port }}"}]
      reload_on: [file//etc/nginx/nginx.conf]
    - group: www
      user: nginx
  sync: auto
  heal: off
  rollout:
    canary: 1
    batches: [1%, 5, 100%]
    failureDomain: site
    onFailure: rollback
    bake: 1h30m
    health:
      - http: {url: "http://{{ host.address }}:{{ vars.port }}/healthz", expect: 200, timeout: 5s}
      - tcp: {port: "{{ vars.port }}"}
      - prometheus: {query: up, atLeast: 1}
"""


def host(name: str, labels: str = "role: web", spec: str = "address: 192.0.2.1") -> str:
    return (
        f"apiVersion: reconciler/v1\nkind: Host\nmetadata: {{name: {name}, labels: {{{labels}}}}}\nspec: {{{spec}}}\n"
    )


def service(name: str, spec: str = "", project: str = "", hosts: str = "matchLabels: {role: web}") -> str:
    """`spec` is more lines of the spec, from column 1."""
    metadata = f"name: {name}" + (f", project: {project}" if project else "")
    indented = "".join(f"  {line}\n" for line in spec.splitlines())
    return (
        f"apiVersion: reconciler/v1\nkind: Service\nmetadata: {{{metadata}}}\nspec:\n  hosts: {{{hosts}}}\n{indented}"
    )


def project(name: str, spec: str = "description: x") -> str:
    return f"apiVersion: reconciler/v1\nkind: Project\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"


def parsed(files: dict[str, str]) -> Documents:
    return parse(((path, text.encode()) for path, text in files.items()), registry())


def linked(files: dict[str, str], *, allow_local: bool = False) -> Linked:
    return link(parsed(files), registry(), allow_local=allow_local)


def many(*documents: str) -> str:
    return "---\n".join(documents)
