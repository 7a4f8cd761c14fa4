"""How kinds run a program on the host: an argument list, no shell, nothing expanded in it.

Knows one Ansible module, `command`, and its habits; must not know which programs kinds run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from reconciler.model.delivery import Call


def program(argv: Sequence[str], paths: tuple[str, ...] = (), chdir: str | None = None) -> Call:
    """A call of a program. `paths` as in `Call`: `argv.1` is the first argument.

    `creates` and `removes` of the module are left alone: they are glob patterns, and the host has already checked
    that the resource is as planned.
    """
    args = {"argv": list(argv), "expand_argument_vars": False}
    return Call("ansible.builtin.command", args if chdir is None else {**args, "chdir": chdir}, paths)


def on_path(command: str, path: str) -> Call:
    """A call of a program with a path of the host as its only argument."""
    return program((command, path), paths=("argv.1",))


def _placeholder(command: str) -> str:
    if "%s" not in command:
        raise ValueError("needs %s where the path of the new file goes, such as: nginx -t -c %s")
    return command


CheckCommand = Annotated[
    str,
    AfterValidator(_placeholder),
    Field(description="A command that must succeed on the new file (`%s`) before it is put in place."),
]
