"""What a kind of resource is: a spec that users write, a question for the host, its meaning, and Ansible calls.

A kind is pure: it names probes and Ansible modules but runs none. It must not know Git, hosts' addresses,
other resources or the plan.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, TypeAdapter

from reconciler.model.delivery import Call
from reconciler.model.key import Key
from reconciler.model.observation import Facts, Query
from reconciler.model.plan import Action
from reconciler.model.state import Absent, Observed, Present, Unknown, Wanted

Token: TypeAlias = tuple[str, str]
"""Something that resources give or need, for implied order: ("user", "app"), ("path", "/etc/x"), …"""


def _reference(text: str) -> str:
    Key.parse(text)
    return text


Ref = Annotated[
    str,
    AfterValidator(_reference),
    Field(description="Another resource, as kind/name: package/nginx, file//etc/motd.", examples=["package/nginx"]),
]


def _plain_path(path: str) -> str:
    parts = path.split("/")[1:]
    if path != "/" and any(part in ("", ".", "..") for part in parts):
        raise ValueError("write the path without `.`, `..`, `//` or a slash at its end")
    return path


AbsolutePath = Annotated[
    str,
    StringConstraints(pattern=r"^/[^\x00-\x1f\x7f$]*$", max_length=4096),  # Ansible's modules would expand a `$NAME`
    AfterValidator(_plain_path),
    Field(description="An absolute path on the host, without `.`, `..` or `$` in it."),
]
Mode = Annotated[
    str,
    StringConstraints(pattern=r"^0?[0-7]{3,4}$"),
    AfterValidator(lambda m: m.lstrip("0").zfill(4)),
    Field(description='Permissions in octal, quoted: "0644".', examples=["0644"]),
]
AccountName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?$"),
    Field(description="The name of a user or group."),
]
NUMBER_AS_TEXT = BeforeValidator(lambda v: str(v) if type(v) is int else v, json_schema_input_type=int | str)
"""For an annotated str that users may write as a whole number too: `hour: 2`."""


class Spec(BaseModel):
    """Fields that every resource may have. A kind adds its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    requires: tuple[Ref, ...] = Field(
        (), strict=False, description="Resources of this service, or of services it requires, that come first."
    )
    ignore: tuple[str, ...] = Field(
        (),
        strict=False,
        description="Fields that others own: neither compared nor called drift.",
    )
    protect: bool = Field(False, description="Never delete it, whatever leaves Git.")
    prune: Literal["auto", "never"] = Field("auto", description="`never`: leave it on the host when it leaves Git.")
    sensitive: bool = Field(False, description="Show no value of it anywhere.")


NONSENSE = "the host's answer makes no sense"

COMMON = frozenset(Spec.model_fields)
"""Fields that say how we treat the resource, not how the host should be."""

S = TypeVar("S", bound=Spec)


class Kind(ABC, Generic[S]):
    """One kind of resource. Methods are pure and get the name and the validated spec."""

    name: ClassVar[str]
    Spec: type[S]
    Name: ClassVar[Any] = str
    """The type (pydantic, annotated) that a resource's name must have."""
    summary: ClassVar[str] = ""
    """One line for the reference."""
    example: ClassVar[str] = ""
    """One resource as users write it, for the reference; a test checks that it is valid."""
    when_absent: ClassVar[str] = "It is created."
    when_different: ClassVar[str] = "The fields that differ are changed, the others are left alone."
    when_unknown: ClassVar[str] = "It is left alone, and what requires it waits."
    on_delete: ClassVar[str] = "It is removed, if we created it."
    """For the reference: what happens to it on a host where it is so, and when it leaves Git."""
    prunable: ClassVar[bool] = True
    """Whether `delete` undoes it. If not, it is released when it leaves Git, and `calls` is never asked to delete."""
    rooted: ClassVar[bool] = False
    """Whether it works on a local host whose `/` is a directory."""
    reacts: ClassVar[bool] = False
    """Whether other resources' changes can restart or reload it."""
    starts_services: ClassVar[bool] = False
    """Whether applying it may start services by itself, as packages of some distributions do."""
    ordinary: ClassVar[bool] = False
    """Whether its modules can't be bundled (see `Work`): applying it takes more round trips, and plans say so."""
    secret: ClassVar[frozenset[str]] = frozenset()
    """Fields whose values are always sensitive."""
    content: ClassVar[frozenset[str]] = frozenset()
    """Spec fields with the desired bytes; left out of what we remember (`memory`)."""
    seals: ClassVar[frozenset[str]] = frozenset()
    """Text fields that can hold a secret: while planning something that stands for it (see `model.secret`)."""

    @cached_property
    def names(self) -> TypeAdapter[Any]:
        """Checks names. Kept, since making it costs a hundred times what a check does."""
        return TypeAdapter(self.Name)

    @abstractmethod
    def query(self, name: str, spec: S) -> Query:
        """What to ask the host: `{"probe": …}` plus what that probe takes. Asks only for fields that are managed."""

    @abstractmethod
    def wanted(self, name: str, spec: S) -> Wanted:
        """The state that the spec asks for, with the managed fields only."""

    @abstractmethod
    def interpret(self, name: str, spec: S, facts: Facts) -> Observed:
        """What the host's answer means, in the fields of `wanted`. Called only for facts without an error."""

    @abstractmethod
    def calls(self, name: str, spec: S, action: Action) -> tuple[Call, ...]:
        """The Ansible modules that carry out the action."""

    def provides(self, name: str, spec: S) -> frozenset[Token]:
        """What others may need of this resource once it is there."""
        return frozenset({(self.name, name)})

    def claims(self, name: str, spec: S) -> frozenset[Token]:
        """What on the host it decides alone: another resource that claims or edits it would undo it, and be undone."""
        return frozenset()

    def edits(self, name: str, spec: S) -> frozenset[Token]:
        """What it changes a part of, as others may, too, if nobody claims the whole."""
        return frozenset()

    def after(self, name: str, spec: S) -> frozenset[Token]:
        """What must be there first, if some resource of the same host provides it."""
        return frozenset()

    def observe(self, name: str, spec: S, facts: Facts) -> Observed:
        """`interpret`, with an answer that is an error, or that no probe of ours gives, meaning Unknown."""
        if "error" in facts:
            return Unknown(str(facts["error"]))
        try:
            found = self.interpret(name, spec, facts)
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
            # A host can answer anything: that must not end the plan for all the others.
            return Unknown(NONSENSE)
        texts = found.texts.values() if isinstance(found, Present) else ()
        return found if all(isinstance(text, str) for text in texts) else Unknown(NONSENSE)

    def reacts_after(self, spec: S, changed: frozenset[str]) -> bool:
        """Whether a restart or reload is still needed when these fields of the resource itself change first."""
        return self.reacts

    def memory(self, spec: S) -> dict[str, Any]:
        """What it takes to ask for and remove the resource later, when Git has forgotten it. Holds no secret.

        Named as users write it (aliases), so that it validates as a spec again.
        """
        left_out = COMMON | self.content | self.secret
        return spec.model_dump(mode="json", by_alias=True, exclude=set(left_out), exclude_defaults=True)


def present(
    state: dict[str, Any], texts: dict[str, str] | None = None, sealed: frozenset[str] = frozenset()
) -> Present:
    """A present state without the fields that are None (not managed)."""
    return Present({k: v for k, v in state.items() if v is not None}, texts or {}, sealed)


def parents(path: str) -> frozenset[Token]:
    """Tokens of every directory above a path."""
    parts = path.split("/")[1:-1]
    return frozenset(("path", "/" + "/".join(parts[: i + 1])) for i in range(len(parts)))


def owners(owner: str | None, group: str | None) -> frozenset[Token]:
    """Tokens of the accounts that something belongs to."""
    return frozenset([("user", owner)] if owner else []) | frozenset([("group", group)] if group else [])


__all__ = [
    "COMMON",
    "NUMBER_AS_TEXT",
    "Absent",
    "AbsolutePath",
    "AccountName",
    "Kind",
    "Mode",
    "Present",
    "Ref",
    "Spec",
    "Token",
    "Unknown",
    "owners",
    "parents",
    "present",
]
