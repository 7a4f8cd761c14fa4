"""An entry in a user's crontab, told from others by the marker that Ansible's `cron` puts above it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from reconciler.kinds.base import NUMBER_AS_TEXT, Absent, AccountName, Kind, Present, Spec, Token
from reconciler.model.delivery import Call
from reconciler.model.observation import Facts, Query
from reconciler.model.plan import Action
from reconciler.model.state import Observed, Wanted

TIMES = ("minute", "hour", "day", "month", "weekday")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_ITEM = re.compile(r"(?:\*|([0-9a-z]+)(?:-([0-9a-z]+))?)(?:/0*[1-9][0-9]*)?")


@dataclass(frozen=True)
class _Times:
    """Checks one of the five times: numbers in a range or names; lists, ranges and steps of them."""

    what: str
    first: int
    last: int
    names: tuple[str, ...] = ()

    def __call__(self, written: str) -> str:
        for item in written.split(","):
            if not self._understands(item.lower()):
                raise ValueError(
                    f"{item!r} is no {self.what}: {self.first} to {self.last}, `*`, `1-5`, `*/5`, a list with commas"
                )
        return written

    def _understands(self, item: str) -> bool:
        match = _ITEM.fullmatch(item)
        if match is None:
            return False
        ends = [self._number(end) for end in match.groups() if end is not None]
        return all(self.first <= end <= self.last for end in ends) and ends == sorted(ends)

    def _number(self, end: str) -> int:
        if end in self.names:
            return self.first + self.names.index(end)
        return int(end) if end.isdigit() else -1


Time = Annotated[str, NUMBER_AS_TEXT, StringConstraints(pattern=r"^[0-9A-Za-z*,/-]+$", max_length=200)]
Job = Annotated[
    str,
    # Nothing that Python takes for the end of a line: Ansible's module splits crontabs with `splitlines`.
    StringConstraints(
        pattern=r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f\u2028\u2029]*[^\s\x00-\x1f\x7f-\x9f])?$", max_length=900
    ),
]


class CronSpec(Spec):
    user: AccountName = Field("root", description="Whose crontab it is in; the job runs as that user.")
    minute: Annotated[Time, AfterValidator(_Times("minute", 0, 59))] = Field("*", description="0 to 59.")
    hour: Annotated[Time, AfterValidator(_Times("hour", 0, 23))] = Field("*", description="0 to 23.")
    day: Annotated[Time, AfterValidator(_Times("day of the month", 1, 31))] = Field("*", description="1 to 31.")
    month: Annotated[Time, AfterValidator(_Times("month", 1, 12, MONTHS))] = Field(
        "*", description="1 to 12, or jan to dec."
    )
    weekday: Annotated[Time, AfterValidator(_Times("weekday", 0, 7, DAYS))] = Field(
        "*", description="0 to 7 (0 and 7 are Sunday), or sun to sat."
    )
    special: Literal["reboot", "hourly", "daily", "weekly", "monthly", "yearly", "annually"] | None = Field(
        None, description="Instead of the five times."
    )
    job: Job | None = Field(
        None, description="The command. Cron runs it with a shell and takes `%` for a new line: write `\\%`."
    )
    state: Literal["present", "absent"] = Field("present", description="Whether the entry should be there.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.state == "present" and self.job is None:
            raise ValueError("give `job`, the command to run")
        if self.special and self.model_fields_set & set(TIMES):
            raise ValueError("give `special` or the five times, not both")
        if self.sensitive:
            raise ValueError("a cron entry can't be sensitive: hosts show command lines to their users; use a file")
        return self

    def schedule(self) -> dict[str, str]:
        return {"special": self.special} if self.special else {t: getattr(self, t) for t in TIMES}


class Cron(Kind[CronSpec]):
    name = "cron"
    Spec = CronSpec
    Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9 ._:/@+-]{0,98}[A-Za-z0-9._:/@+-])?$")]
    summary = "An entry in a user's crontab."
    example = "- cron: nightly-backup\n  user: backup\n  hour: 2\n  minute: 30\n  job: /usr/local/bin/backup --quiet\n"
    when_absent = "It is added with a line `#Ansible: <name>` above it, which is how it is found again."
    when_different = "The entry below the marker is replaced. One that somebody commented out counts as different."
    on_delete = "The marker and the entry below it are removed, if we created them."

    def query(self, name: str, spec: CronSpec) -> Query:
        return {"probe": "cron", "name": name, "user": spec.user}

    def wanted(self, name: str, spec: CronSpec) -> Wanted:
        return Absent() if spec.state == "absent" else Present({**spec.schedule(), "job": spec.job})

    def interpret(self, name: str, spec: CronSpec, facts: Facts) -> Observed:
        if not facts["exists"]:
            return Absent()
        return Present({k: v for k, v in facts.items() if k in (*TIMES, "special", "job")})

    def calls(self, name: str, spec: CronSpec, action: Action) -> tuple[Call, ...]:
        args: dict[str, Any] = {"name": name, "user": spec.user}
        if action == "delete":
            return (Call("ansible.builtin.cron", {**args, "state": "absent"}),)
        schedule = {"special_time" if k == "special" else k: v for k, v in spec.schedule().items()}
        return (Call("ansible.builtin.cron", {**args, "state": "present", "job": spec.job, **schedule}),)

    def after(self, name: str, spec: CronSpec) -> frozenset[Token]:
        return frozenset({("user", spec.user)})
