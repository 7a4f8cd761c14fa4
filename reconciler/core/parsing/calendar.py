"""Windows and freezes as users write them. Parsed here, acted on in `core.timetable`.

Must not know other documents, nor what time it is.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field, model_validator

from reconciler.core.instant import from_text
from reconciler.core.parsing.fields import Duration, Name, Written, fail, span
from reconciler.core.quote import quote

LONGEST = timedelta(days=31)
_EXAMPLES = "minute hour day month weekday, such as 0 22 * * mon-fri"
_REFERENCE = datetime(2026, 1, 1, tzinfo=UTC)


def _cron(value: str) -> str:
    if len(value) > 100 or len(value.split()) != 5:
        fail("bad-cron", f"{quote(value)} is not a cron expression of five fields", f"write {_EXAMPLES}")
    try:
        next(CronSim(value, _REFERENCE))
    except (CronSimError, StopIteration, ValueError, AssertionError):
        fail("bad-cron", f"{quote(value)} means no time that ever comes", f"write {_EXAMPLES}")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        fail("bad-timezone", f"{quote(value)} is not a time zone", "write a name as Europe/Berlin, or UTC")
    return value


def _moment(value: str) -> str:
    try:
        from_text(value)
    except ValueError:
        fail("bad-time", f"{quote(value)} is not a time with a zone", "write it as 2026-12-24T18:00:00Z")
    return value


def _window_length(value: str) -> str:
    if not timedelta(minutes=1) <= span(value) <= LONGEST:
        message = f"a window can't be {quote(value)} long"
        fail("bad-window-length", message, "write 1m to 31d; a Freeze has no such bound")
    return value


Cron = Annotated[str, AfterValidator(_cron), Field(json_schema_extra={"examples": ["0 22 * * mon-fri"]})]
Zone = Annotated[str, AfterValidator(_zone), Field(json_schema_extra={"examples": ["Europe/Berlin"]})]
Moment = Annotated[str, AfterValidator(_moment), Field(json_schema_extra={"format": "date-time"})]
Names = Annotated[tuple[Name, ...], Field(max_length=1000)]


class WindowSpec(Written):
    effect: Literal["allow", "deny"] = Field(description="Whether changes run only inside of it, or only outside.")
    services: Names = Field((), description="The services that it is for. Neither these nor projects: all.")
    projects: Names = Field((), description="The projects whose services it is for.")
    cron: Cron = Field(description="When it opens: minute, hour, day, month, weekday.")
    duration: Annotated[Duration, AfterValidator(_window_length)] = Field(description="How long it stays open.")
    timezone: Zone = Field("UTC", description="The time zone of cron, as Europe/Berlin.")


class FreezeSpec(Written):
    reason: str = Field(min_length=1, max_length=1000, description="Why; shown wherever something waits for it.")
    services: Names = Field((), description="The services that it is for. Neither these nor projects: all.")
    projects: Names = Field((), description="The projects whose services it is for.")
    start: Moment | None = Field(None, description="When it begins; at once when left out.")
    until: Moment | None = Field(None, description="When it ends; with its document when left out.")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.start and self.until and from_text(self.until) <= from_text(self.start):
            fail("bad-time", "the freeze ends before it begins", "correct start or until")
        return self
