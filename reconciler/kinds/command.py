"""A command that is run once, guarded by something that tells that it need not run. Must not know what it does."""

from __future__ import annotations

import shlex
from typing import Annotated, Self, TypeAlias

from pydantic import Field, Strict, StringConstraints, model_validator

from reconciler.kinds.base import Absent, AbsolutePath, AccountName, Kind, Present, Spec, Token, parents
from reconciler.kinds.programs import program
from reconciler.model.delivery import Call
from reconciler.model.observation import Facts, Query
from reconciler.model.plan import Action
from reconciler.model.state import Observed, Wanted

Word = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=4096)]
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00]*\S[^\x00]*$", max_length=16384)]
Words: TypeAlias = Annotated[tuple[Word, ...], Strict(False), Field(min_length=1)]


def _argv(written: str | tuple[str, ...], shell: bool) -> tuple[str, ...]:
    """Raises ValueError when it can't be split into words."""
    if isinstance(written, tuple):
        return written
    return ("/bin/sh", "-c", written) if shell else tuple(shlex.split(written))


class CommandSpec(Spec):
    run: Line | Words = Field(
        description="The program and its arguments: a list, or a string that is split into words as a shell would, "
        "with nothing expanded. No shell runs it."
    )
    unless: Line | Words | None = Field(
        None,
        description="A command that exits with 0 when there is nothing to do. It runs at every observation, for up "
        "to 10 seconds, so it must only look and change nothing.",
    )
    creates: AbsolutePath | None = Field(None, description="There is nothing to do when this path is there.")
    shell: bool = Field(
        False,
        description="Give `run` and `unless` (strings) to /bin/sh. Values rendered into them are then shell code.",
    )
    chdir: AbsolutePath | None = Field(None, description="The directory to run in.")
    user: AccountName | None = Field(None, description="The user to run as (with runuser; needs root).")

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if (self.unless is None) == (self.creates is None):
            raise ValueError("give one of `creates` and `unless`, so that it is known when there is nothing to do")
        if self.sensitive:
            raise ValueError("a command can't be sensitive: hosts show command lines to their users; use a file")
        for field in ("run", "unless"):
            self._splits(field)
        return self

    def _splits(self, field: str) -> None:
        written = getattr(self, field)
        if written is None:
            return
        if self.shell and not isinstance(written, str):
            raise ValueError(f"with `shell`, `{field}` must be a string")
        try:
            argv = _argv(written, self.shell)
        except ValueError as error:
            raise ValueError(f"`{field}` can't be split into words: {error}") from None
        if not argv or not argv[0]:
            raise ValueError(f"`{field}` names no program")

    def argv(self, written: str | tuple[str, ...]) -> tuple[str, ...]:
        return _argv(written, self.shell)


class Command(Kind[CommandSpec]):
    name = "command"
    Spec = CommandSpec
    Name = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=256)]
    summary = "A command that runs unless its guard says that there is nothing to do."
    example = "- command: create-cluster\n  run: [pg_createcluster, '15', main]\n  creates: /etc/postgresql/15/main\n"
    when_absent = "The guard says that it is to do: the command runs. A failure stops the host's program."
    when_different = "Never: a command is done or not. Another `run` alone does not run it again."
    when_unknown = (
        "It does not run, and what requires it waits. A guard that can't run (its program or directory is not "
        "there, it takes over 10 seconds, it dies of a signal) leaves it unknown, never to do."
    )
    on_delete = "Nothing undoes a command: it is forgotten, and the host is left as it is."
    prunable = False

    def query(self, name: str, spec: CommandSpec) -> Query:
        if spec.creates is not None:
            return {"probe": "command", "creates": spec.creates}
        assert spec.unless is not None
        unless = list(spec.argv(spec.unless))
        return {"probe": "command", "unless": unless, "user": spec.user, "chdir": spec.chdir}

    def wanted(self, name: str, spec: CommandSpec) -> Wanted:
        return Present({"done": True})

    def interpret(self, name: str, spec: CommandSpec, facts: Facts) -> Observed:
        return Present({"done": True}) if facts["done"] else Absent()

    def calls(self, name: str, spec: CommandSpec, action: Action) -> tuple[Call, ...]:
        as_user = ("runuser", "-u", spec.user, "--") if spec.user else ()
        return (program((*as_user, *spec.argv(spec.run)), chdir=spec.chdir),)

    def after(self, name: str, spec: CommandSpec) -> frozenset[Token]:
        places = (parents(spec.chdir) | {("path", spec.chdir)}) if spec.chdir else frozenset()
        return places | (frozenset({("user", spec.user)}) if spec.user else frozenset())
