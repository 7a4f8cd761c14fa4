"""One line of a text file that others own. Must not know the rest of the file.

What counts as the line is what Ansible's `lineinfile` would act on; the host's probe follows the same rules.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

from reconciler.kinds.base import Absent, AbsolutePath, Kind, Present, Spec, Token, parents
from reconciler.kinds.programs import CheckCommand
from reconciler.model.delivery import Call
from reconciler.model.observation import Facts, Query
from reconciler.model.plan import Action
from reconciler.model.state import Observed, Wanted


def _safe_pattern(pattern: str) -> str:
    """Refuses what `re` on the host could take for ever on, or that the two engines would read differently."""
    plain = re.sub(r"\[\^?\]?[^\]]*\]", "x", re.sub(r"\\.", "x", pattern))
    if re.search(r"[)*+?}][*+{]", plain):
        raise ValueError("a group or a repetition may not be repeated: such patterns can run for ever")
    try:
        re.compile(pattern.encode())
        _linear(pattern)
    except (re.error, SchemaError, ValueError) as error:
        reason = str(error).splitlines()[-1].removeprefix("error: ")
        raise ValueError(f"{pattern!r} is not a regular expression that can be used here: {reason}") from None
    return pattern


def _linear(pattern: str) -> SchemaValidator:
    """The pattern in pydantic's engine, whose time is linear: text from Git must not stall the controller."""
    return SchemaValidator(core_schema.str_schema(pattern=pattern))


def _matches(pattern: str, text: str) -> bool:
    try:
        _linear(pattern).validate_python(text)
    except ValidationError:
        return False
    return True


Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x08\x0a-\x1f\x7f]+$", max_length=4096)]


class LineSpec(Spec):
    path: AbsolutePath = Field(description="The file, which must be there.")
    text: Text | None = Field(None, description="The whole line, without its end.")
    match: Annotated[Text, StringConstraints(max_length=256), AfterValidator(_safe_pattern)] | None = Field(
        None,
        description="A regular expression (Python's, without look-around and back-references). The last line that it "
        "matches is replaced by `text`; when absent or deleted, every line that it matches is removed.",
    )
    state: Literal["present", "absent"] = Field("present", description="Whether the line should be there.")
    validate_with: CheckCommand | None = Field(None, alias="validate")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.text is None and (self.state == "present" or self.match is None):
            raise ValueError("give `text`" + (" or `match`" if self.state == "absent" else ""))
        if self.text is not None and self.match is not None and not _matches(self.match, self.text):
            raise ValueError("`match` must match `text` too, or every apply would replace another line")
        if self.sensitive:
            raise ValueError("a line can't be sensitive: to remove it later it must be remembered; use a file")
        return self


class Line(Kind[LineSpec]):
    name = "line"
    Spec = LineSpec
    Name = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=256)]
    summary = "One line in a file that others own."
    example = (
        "- line: sshd-no-root\n"
        "  path: /etc/ssh/sshd_config\n"
        "  match: '^#?\\s*PermitRootLogin\\s'\n"
        "  text: PermitRootLogin no\n"
        "  validate: sshd -t -f %s\n"
    )
    when_absent = "It is added at the end of the file. The file must be there; it is not created."
    when_different = "With `match`: the last line that it matches is replaced."
    on_delete = (
        "Without `match` every line equal to `text` is removed, with it every line that it matches, if no such line "
        "was there before we added it. `state: absent` does the same whoever wrote the line."
    )
    rooted = True

    def query(self, name: str, spec: LineSpec) -> Query:
        return {"probe": "line", "path": spec.path, "line": spec.text, "match": spec.match}

    def wanted(self, name: str, spec: LineSpec) -> Wanted:
        return Absent() if spec.state == "absent" else Present({"text": spec.text})

    def interpret(self, name: str, spec: LineSpec, facts: Facts) -> Observed:
        return Absent() if facts["line"] is None else Present({"text": facts["line"]})

    def calls(self, name: str, spec: LineSpec, action: Action) -> tuple[Call, ...]:
        args = {
            "path": spec.path,
            "state": "absent" if action == "delete" else "present",
            # The module takes one of the two when it removes, both when it replaces.
            "line": None if action == "delete" and spec.match else spec.text,
            "regexp": spec.match,
            "validate": spec.validate_with,
        }
        given = {k: v for k, v in args.items() if v is not None}
        return (Call("ansible.builtin.lineinfile", given, paths=("path",)),)

    def edits(self, name: str, spec: LineSpec) -> frozenset[Token]:
        return frozenset({("content", spec.path)})

    def after(self, name: str, spec: LineSpec) -> frozenset[Token]:
        return parents(spec.path) | {("path", spec.path)}
