"""How a service rolls out and how its health is judged, as users write it. Parsed here, acted on elsewhere.

Values of health checks may be templates. Must not know hosts or plans.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from reconciler.core.fields import Duration, LabelKey, Share, TemplatedPort, Written, fail, is_template
from reconciler.core.quote import quote


def _url(value: str) -> str:
    if not is_template(value) and not value.startswith(("http://", "https://")):
        fail("bad-url", f"{quote(value)} is not a URL", "write it from http:// or https:// on")
    return value


Url = Annotated[str, AfterValidator(_url)]


class Http(Written):
    url: Url = Field(description="What to ask for, a template: http://{{ host.address }}:8080/healthz")
    expect: int = Field(200, ge=100, le=599, description="The status that means healthy.")
    timeout: Duration = "5s"


class Tcp(Written):
    port: TemplatedPort = Field(description="The port that must accept a connection.")
    host: str | None = Field(None, min_length=1, description="Where; the host's address when left out. A template.")
    timeout: Duration = "5s"


class Systemd(Written):
    unit: str = Field(min_length=1, description="The systemd unit that must be active.")


class Command(Written):
    argv: tuple[str, ...] = Field(
        min_length=1, description="The program and its arguments; no shell. Exit 0 is healthy."
    )
    timeout: Duration = "10s"


class Prometheus(Written):
    query: str = Field(min_length=1, description="PromQL. Without a bound, any result is healthy.")
    url: Url | None = Field(None, description="The server, when it is not the one in the settings.")
    at_least: float | None = Field(None, description="Healthy from this value on.")
    at_most: float | None = Field(None, description="Healthy up to this value.")
    timeout: Duration = "10s"


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


class Rollout(Written):
    canary: Share | None = Field(None, description="Hosts that go first, alone: a number or a percentage.")
    batches: tuple[Share, ...] = Field((), description="Hosts that are done after each batch: 1%, 5%, 25%, 100%.")
    failure_domain: LabelKey | None = Field(None, description="A label; two values of it never change at once.")
    max_failures: Share | None = Field(None, description="Failures that stop the rollout.")
    max_unavailable: Share | None = Field(None, description="Hosts that may be out of service at once.")
    bake: Duration | None = Field(None, description="How long to watch health after each batch.")
    on_failure: Literal["stop", "rollback"] = Field("stop", description="What happens when the rollout fails.")
    health: tuple[Check, ...] = Field((), description="What must hold before the rollout goes on.")
