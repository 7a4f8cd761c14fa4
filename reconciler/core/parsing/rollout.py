"""How a service rolls out and how its health is judged, as users write it, and the frozen values that come of it.

Values of health checks may be templates. Must not know hosts or plans.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from reconciler.core.parsing.fields import Duration, LabelKey, TemplatedPort, Written, fail, is_template
from reconciler.core.parsing.fields import Share as ShareText
from reconciler.core.quote import quote
from reconciler.model import rollout as model


def _url(value: str) -> str:
    if not is_template(value) and not value.startswith(("http://", "https://")):
        fail("bad-url", f"{quote(value)} is not a URL", "write it from http:// or https:// on")
    return value


Url = Annotated[str, AfterValidator(_url)]


class Http(Written):
    url: Url = Field(description="What to ask for, a template: http://{{ host.address }}:8080/healthz")
    expect: int = Field(200, ge=100, le=599, description="The status that means healthy.")
    timeout: Duration = "5s"

    def value(self) -> model.HttpCheck:
        return model.HttpCheck(self.url, self.expect, seconds(self.timeout))


class Tcp(Written):
    port: TemplatedPort = Field(description="The port that must accept a connection.")
    host: str | None = Field(None, min_length=1, description="Where; the host's address when left out. A template.")
    timeout: Duration = "5s"

    def value(self) -> model.TcpCheck:
        return model.TcpCheck(str(self.port), self.host or "{{ host.address }}", seconds(self.timeout))


class Systemd(Written):
    unit: str = Field(min_length=1, description="The systemd unit that must be active.")

    def value(self) -> model.UnitCheck:
        return model.UnitCheck(self.unit)


class Command(Written):
    argv: tuple[str, ...] = Field(
        min_length=1, description="The program and its arguments; no shell. Exit 0 is healthy."
    )
    timeout: Duration = "10s"

    def value(self) -> model.CommandCheck:
        return model.CommandCheck(self.argv, seconds(self.timeout))


class Prometheus(Written):
    query: str = Field(min_length=1, description="PromQL. Without a bound, any result is healthy.")
    url: Url | None = Field(None, description="The server, when it is not the one in the settings.")
    at_least: float | None = Field(None, description="Healthy from this value on.")
    at_most: float | None = Field(None, description="Healthy up to this value.")
    timeout: Duration = "10s"

    def value(self) -> model.PrometheusCheck:
        return model.PrometheusCheck(self.query, self.url or "", self.at_least, self.at_most, seconds(self.timeout))


class Check(Written):
    """One health check: exactly one of the kinds."""

    http: Http | None = None
    tcp: Tcp | None = None
    systemd: Systemd | None = None
    command: Command | None = None
    prometheus: Prometheus | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1:
            hint = "write one of http, tcp, systemd, command and prometheus in each"
            fail("bad-health-check", f"a health check names {len(self.model_fields_set)} things to check", hint)
        return self

    def value(self) -> model.Check:
        given = self.http or self.tcp or self.systemd or self.command or self.prometheus
        assert given is not None
        return given.value()


class Rollout(Written):
    canary: ShareText | None = Field(None, description="Hosts that go first, alone: a number or a percentage.")
    batches: tuple[ShareText, ...] = Field((), description="Hosts that are done after each batch: 1%, 5%, 25%, 100%.")
    failure_domain: LabelKey | None = Field(None, description="A label; two values of it never change at once.")
    max_failures: ShareText | None = Field(None, description="The most hosts that may fail, over all batches.")
    max_unavailable: ShareText | None = Field(None, description="The most hosts that change at the same time.")
    bake: Duration | None = Field(None, description="How long to watch health after each batch.")
    on_failure: Literal["stop", "rollback"] = Field("stop", description="What happens when the rollout fails.")
    health: tuple[Check, ...] = Field((), description="What must hold before the rollout goes on.")

    def value(self) -> model.Rollout:
        return model.Rollout(
            canary=_share_or_none(self.canary),
            batches=tuple(share(text) for text in self.batches),
            failure_domain=self.failure_domain or "",
            max_failures=_share_or_none(self.max_failures),
            max_unavailable=_share_or_none(self.max_unavailable),
            bake=seconds(self.bake) if self.bake else 0,
            on_failure=self.on_failure,
            health=tuple(check.value() for check in self.health),
        )


def share(text: int | str) -> model.Share:
    """`5` or `5%`, checked already."""
    if isinstance(text, int):
        return model.Share(text)
    return model.Share(float(text.removesuffix("%")), percent=True)


def _share_or_none(text: int | str | None) -> model.Share | None:
    return None if text is None else share(text)


_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> float:
    """A duration such as `1h30m`, checked already, in seconds."""
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall("([0-9]+)(ms|s|m|h|d)", text))
