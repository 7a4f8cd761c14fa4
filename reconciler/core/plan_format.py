"""The plan document, version 1, as typed models: what is in `plan.json` and in the store.

They give the JSON Schema. Documents themselves are plain dicts, made and read by `plan_json`, since a plan
for a large fleet holds a lot of host names. A change here that an older reader would misread needs a new version.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from reconciler.model.plan import Action, Cause
from reconciler.model.rollout import OnFailure

Word = Annotated[str, StringConstraints(min_length=1)]
KeyText = Annotated[
    str,
    StringConstraints(pattern=r"^[^/]+/[\s\S]"),
    Field(description="A resource, as kind/name: package/nginx, file//etc/motd."),
]
Hosts = Annotated[list[Word], Field(description="Names of hosts.")]
Count = Annotated[int, Field(ge=0)]


class Form(BaseModel):
    """A part of the document: every field without a default is there, no other is."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldForm(Form):
    """One field of a resource, before and after; both null when it is sensitive."""

    path: str
    before: Any
    after: Any
    sensitive: bool
    cause: Cause
    diff: list[str] = Field(description="Lines of a unified diff, where the values are texts.")


class ChangeForm(Form):
    """One action on one resource."""

    kind: Word
    name: Word
    action: Action
    cause: Cause = Field(description="pending: Git moved. drift: the host moved.")
    requires: list[KeyText]
    because: str = Field(description="Why, in words, where the fields don't say it.")
    fields: list[FieldForm]
    desired: str = Field(description="Digest of the resource asked for; empty for a prune.")
    query: dict[str, Any] = Field(description="What the host is asked before the change.")
    expect: str = Field(description="Digest that the answer must have, else nothing is done; empty: any.")
    sensitive: bool
    ordinary: bool = Field(
        False,
        description="It can't be bundled with the other changes: it is an ordinary Ansible task, and takes round trips "
        "of its own.",
    )


class ProgramForm(Form):
    """The ordered changes that a host gets in one step. Programs that differ in values only share a shape."""

    shape: str
    changes: list[ChangeForm]


class BatchForm(Form):
    """A step's place in its service's rollout."""

    number: int = Field(ge=1)
    of: int = Field(ge=1)
    domain: str | None = Field(description="The value of the label that keeps batches apart; null: none.")
    canary: bool


class HttpForm(Form):
    url: str
    expect: int
    timeout: float


class TcpForm(Form):
    port: str
    host: str
    timeout: float


class UnitForm(Form):
    unit: str


class CommandForm(Form):
    argv: list[str]
    timeout: float


class PrometheusForm(Form):
    query: str
    url: str
    at_least: float | None
    at_most: float | None
    timeout: float


class HttpCheckForm(Form):
    http: HttpForm


class TcpCheckForm(Form):
    tcp: TcpForm


class UnitCheckForm(Form):
    systemd: UnitForm


class CommandCheckForm(Form):
    command: CommandForm


class PrometheusCheckForm(Form):
    prometheus: PrometheusForm


CheckForm = HttpCheckForm | TcpCheckForm | UnitCheckForm | CommandCheckForm | PrometheusCheckForm


class RolloutForm(Form):
    """What governs the steps of a service. Times are in seconds."""

    budget: Count = Field(description="The most hosts that may fail, over all batches.")
    at_once: Count = Field(description="The most hosts that change at the same time; 0: no such limit.")
    bake: float = Field(ge=0, description="How long health is watched after each batch.")
    on_failure: OnFailure
    health: list[CheckForm] = Field(description="What must hold before the rollout goes on; texts may be templates.")
    stages: list[str] = Field(description="Canary and batches, as they were written.")
    domain: str = Field(description="The label that keeps batches apart; empty: none.")
    good: dict[Word, Hosts] = Field(
        description="Where hosts go back when it fails: revisions at which they were in order."
    )


class StepForm(Form):
    """Hosts of one service that change together, by the program that they get."""

    id: Word
    service: str
    needs: list[Word] = Field(description="Ids of the steps that come first.")
    batch: BatchForm | None = Field(description="Null when the step is all of the service.")
    programs: dict[str, Hosts]


class SummaryForm(Form):
    """Counts of resources on hosts; `hosts` are those that change."""

    create: Count
    update: Count
    delete: Count
    restart: Count
    unchanged: Count
    unknown: Count
    hosts: Count


class BlockedForm(Form):
    """Something that is not planned, and why. `kind` and `name` are null when it is not about one resource."""

    reason: str
    message: str
    service: str
    kind: Word | None
    name: Word | None
    root: str
    hosts: Hosts


class ReleaseForm(Form):
    """A resource that is no longer looked after, and is left on the hosts as it is."""

    reason: str
    service: str
    kind: Word
    name: Word
    hosts: Hosts


class PlanForm(Form):
    """A plan of Reconciler, pinned to a Git revision and to observations."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Plan")

    format_version: Literal[1]
    revision: str
    observed_at: str | None = Field(description="When the oldest observation was made: RFC 3339, UTC, with a Z.")
    fingerprint: str = Field(description="Covers the observations that the plan was made from.")
    fleet: Count = Field(description="Hosts in the fleet.")
    managed: Count = Field(description="Resources looked after, on all hosts.")
    incomplete: bool = Field(description="Limited by targets, excludes or --heal: more may be due.")
    machines: dict[str, str] = Field(description="For hosts of steps, which machine each was when it was asked.")
    summary: SummaryForm
    rollouts: dict[str, RolloutForm] = Field(description="By service, where more than the breaker governs it.")
    steps: list[StepForm]
    programs: dict[str, ProgramForm]
    blocked: list[BlockedForm]
    released: list[ReleaseForm]
    digest: Word = Field(description="Covers everything else in the document.")
