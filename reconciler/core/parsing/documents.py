"""What users write, as pydantic models: Host, Service, Project, Policy, Window and Freeze with their
metadata.

The models say which fields there are, their types and rules; JSON Schemas are made from them. Resources are only
mappings here: their kinds check them (`core.entries`). Must not know files or places.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from reconciler.core.parsing.calendar import FreezeSpec, WindowSpec
from reconciler.core.parsing.fields import Address, LabelKey, LabelValue, Name, RepositoryPath, User, Written, fail
from reconciler.core.parsing.policy import PolicySpec
from reconciler.core.parsing.rollout import Rollout
from reconciler.core.parsing.selector import SelectorForm
from reconciler.kinds.base import AbsolutePath

API_VERSION = "reconciler/v1"
_ANNOTATION_BYTES = 256 * 1024

Vars = Annotated[
    dict[str, Any],
    Field(
        description="Plain values for templates, as `vars.<name>`, or references to secrets: `{from: sops, …}`. "
        "Not templates."
    ),
]


def _not_too_long(annotations: dict[str, str]) -> dict[str, str]:
    if sum(len(k.encode()) + len(v.encode()) for k, v in annotations.items()) > _ANNOTATION_BYTES:
        fail("annotations-too-large", "the annotations are larger than 256 KiB", "keep long texts in files")
    return annotations


class Metadata(Written):
    name: Name = Field(description="Unique among documents of its kind.")
    project: Name | None = Field(None, description="The project (tenant) that it belongs to.")
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict, description="What selectors match.")
    annotations: Annotated[dict[LabelKey, str], AfterValidator(_not_too_long)] = Field(
        default_factory=dict, description="Notes for people and tools."
    )


class HostSpec(Written):
    address: Address | None = Field(None, description="A host name or an IP address. Needed for ssh.")
    port: int = Field(22, ge=1, le=65535, description="The port of sshd.")
    user: User | None = Field(None, description="Who to log in as.")
    connection: Literal["ssh", "local"] = Field("ssh", description="`local`: this machine, no SSH.")
    become: bool = Field(False, description="Whether to become root with sudo.")
    root: AbsolutePath | None = Field(None, description="Only with `local`: a directory that stands for /.")
    vars: Vars = Field(default_factory=dict)

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.connection == "ssh" and self.address is None:
            hint = "write address: with a host name or an IP address under spec"
            fail("host-without-address", "a host without an address can't be reached over ssh", hint)
        if self.connection == "ssh" and self.root is not None:
            fail("root-without-local", "root is only for hosts with connection: local", "remove root")
        return self


class Limits(Written):
    deletes: int | None = Field(None, ge=0, description="The most deletes in one plan.")


class ProjectSpec(Written):
    description: str = ""
    owners: tuple[str, ...] = Field((), description="Teams or people.")
    paths: tuple[RepositoryPath, ...] | None = Field(
        None, description="Where its documents are: folders or files of the state repository."
    )
    hosts: SelectorForm | None = Field(None, description="The hosts that its services may reach.")
    kinds: tuple[str, ...] | None = Field(None, description="The kinds of resources that its services may use.")
    limits: Limits = Limits.model_validate({})
    sync: Literal["manual", "auto"] = Field("manual", description="For its services that don't say it themselves.")
    heal: Literal["off", "report", "auto"] = Field("report", description="For its services that don't say it.")
    vars: Vars = Field(default_factory=dict)


class ServiceSpec(Written):
    owner: str = Field("", description="The team that owns it.")
    hosts: SelectorForm = Field(description="The hosts that it runs on.")
    requires: tuple[Name, ...] = Field((), max_length=100, description="Services that come first.")
    vars: Vars = Field(default_factory=dict)
    resources: tuple[dict[str, Any], ...] = Field((), description="What it wants on its hosts: `- <kind>: <name>`.")
    sync: Literal["manual", "auto"] | None = Field(
        None, description="Whether new commits are applied by themselves. Manual, unless the project says otherwise."
    )
    heal: Literal["off", "report", "auto"] | None = Field(
        None, description="What is done about drift. Report, unless the project says otherwise."
    )
    rollout: Rollout = Rollout.model_validate({})


class _Document(Written):
    api_version: Literal["reconciler/v1"]
    metadata: Metadata


class HostForm(_Document):
    """One machine that we can reach."""

    kind: Literal["Host"]
    spec: HostSpec


class ServiceForm(_Document):
    """What a team owns: hosts, resources, dependencies, rollout, health."""

    kind: Literal["Service"]
    spec: ServiceSpec


class ProjectForm(_Document):
    """A tenant: which paths, hosts, kinds and limits one team has."""

    kind: Literal["Project"]
    spec: ProjectSpec


class WindowForm(_Document):
    """When changes may run: only inside of it, or only outside."""

    kind: Literal["Window"]
    spec: WindowSpec


class FreezeForm(_Document):
    """What nothing may change, for a time or until the document is removed."""

    kind: Literal["Freeze"]
    spec: FreezeSpec


class PolicyForm(_Document):
    """A rule that plans are judged by."""

    kind: Literal["Policy"]
    spec: PolicySpec


Form: TypeAlias = HostForm | ServiceForm | ProjectForm | PolicyForm | WindowForm | FreezeForm

FORMS: dict[str, type[Form]] = {
    "Freeze": FreezeForm,
    "Host": HostForm,
    "Policy": PolicyForm,
    "Project": ProjectForm,
    "Service": ServiceForm,
    "Window": WindowForm,
}
"""Every kind of document, sorted by name."""
