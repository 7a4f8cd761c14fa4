"""Health checks as a host gets them: templates filled in, values checked, and what the host itself is asked.

Knows templates and probes' queries; knows nothing of how and when anybody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from reconciler.core.linking.link import Linked
from reconciler.core.resolving.cohorts import Cohorts
from reconciler.core.resolving.opaque import Sealer
from reconciler.core.resolving.render import RenderError, Scope, Use, compile_template, is_template, render
from reconciler.core.resolving.values import context
from reconciler.kinds.service import UnitName, unit_name
from reconciler.model.desired import Host
from reconciler.model.document import ServiceDocument
from reconciler.model.observation import Facts, Query
from reconciler.model.problem import Problem
from reconciler.model.rollout import (
    Check,
    CommandCheck,
    HttpCheck,
    Inside,
    PrometheusCheck,
    TcpCheck,
    Terms,
    UnitCheck,
)
from reconciler.model.secret import is_sealed

_ALWAYS_THERE: tuple[Use, ...] = (("host", "address"), ("host", "name"))
"""Values of hosts that every template can use, and that nearly all of them do."""
_UNIT: TypeAdapter[str] = TypeAdapter(UnitName)


@dataclass(frozen=True, slots=True)
class Checks:
    """The checks of a plan's services, to be had for each host."""

    rollouts: Mapping[str, Terms]
    linked: Linked

    def of(self, service: str, host: str) -> tuple[Check, ...] | str:
        """The checks for a host, or why there can be none."""
        terms, known = self.rollouts.get(service), self.linked.services.get(service)
        if terms is None or known is None or host not in self.linked.hosts:
            return ()
        document = known.document
        project = self.linked.projects.get(document.project)
        # No file of the repository is read for it: a check that needs a secret is refused in any case.
        values = context(document, project, self.linked.hosts[host], Sealer(lambda _: None))
        try:
            return tuple(filled(check, values) for check in terms.health)
        except RenderError as error:
            return f"its health check can't be made: {error.message}"


def filled(check: Check, values: Mapping[str, Scope]) -> Check:
    """The check without templates. Raises RenderError, also for what is filled in and makes no sense."""
    made: Check = replace(check, **{name: _filled(text, values) for name, text in _templates(check)})
    if wrong := _wrong(made):
        raise RenderError(wrong, 1)
    return made


def _filled(text: str | tuple[str, ...], values: Mapping[str, Scope]) -> Any:
    if isinstance(text, tuple):
        return tuple(str(_filled(each, values)) for each in text)
    made = str(render(compile_template(text), values)) if is_template(text) else text
    if is_sealed(made):
        raise RenderError("a health check can't hold a secret", 1)
    return made


def _templates(check: Check) -> Iterator[tuple[str, str | tuple[str, ...]]]:
    """The fields of a check that hold text."""
    for each in fields(check):
        value = getattr(check, each.name)
        if isinstance(value, str | tuple):
            yield each.name, value


def _wrong(check: Check) -> str:
    match check:
        case HttpCheck(url=url):
            return "" if url.startswith(("http://", "https://")) else f"{url!r:.80} is not a URL"
        case PrometheusCheck(url=url):
            return "" if not url or url.startswith(("http://", "https://")) else f"{url!r:.80} is not a URL"
        case TcpCheck(port=port, host=host):
            good = port.isascii() and port.isdigit() and 0 < int(port) < 65536
            return ("" if host else "there is no host to connect to") if good else f"{port!r:.80} is not a port"
        case UnitCheck(unit=unit):
            return _not_a_unit(unit)
        case CommandCheck(argv=argv):
            return "" if argv[0] and not any("\0" in word for word in argv) else "the command has no name"


def _not_a_unit(unit: str) -> str:
    try:
        _UNIT.validate_python(unit)
    except ValidationError:
        return f"{unit!r:.80} is not the name of a unit"
    return ""


def query(check: Inside) -> Query:
    """What the host is asked."""
    match check:
        case UnitCheck(unit=unit):
            return {"probe": "systemd", "unit": unit_name(unit), "want": ["state"]}
        case CommandCheck(argv=argv, timeout=timeout):
            asked = {"probe": "command", "unless": list(argv), "user": None, "chdir": None}
            return asked | {"seconds": max(1, round(timeout)), "called": argv[0]}


def answer(check: Inside, facts: Facts) -> str:
    """What is wrong by a host's answer; empty: nothing."""
    if "error" in facts:
        return str(facts["error"])
    match check:
        case UnitCheck(unit=unit):
            state = facts.get("state", facts.get("load", "not there"))
            return "" if state == "running" else f"{unit} is {state}"
        case CommandCheck(argv=argv):
            return "" if facts.get("done") is True else f"{argv[0]} did not end with 0"


def check_uses(service: ServiceDocument) -> frozenset[Use]:
    """The values of hosts that templates of the checks use, addresses and names left aside."""
    return frozenset(use for check in service.rollout.health for use in _uses(check))


def check_templates(
    service: ServiceDocument, cohorts: Cohorts, within: list[int], scopes: Callable[[Host], Mapping[str, Scope]]
) -> Iterator[tuple[list[int], Problem]]:
    """Cohorts, of those of the service, for which a check can't be filled in, and why. Each template is tried once for
    each distinct set of the values that it uses. `scopes` gives what templates of a host see."""
    for number, check in enumerate(service.rollout.health):
        for members in cohorts.alike(_uses(check), within):
            try:
                filled(check, scopes(cohorts.sample(members[0])))
            except RenderError as error:
                place = service.marks.get(("spec", "rollout", "health", number), service.place)
                hint = "give it in vars of the host, the service or the project"
                yield members, Problem(place, "template-error", error.message, f"Service/{service.name}", hint)


def _uses(check: Check) -> list[Use]:
    """What may differ from host to host; nothing for a text that doesn't compile, which then fails for all."""
    texts = [text for _, value in _templates(check) for text in ([value] if isinstance(value, str) else value)]
    try:
        found = {use for text in texts if is_template(text) for use in compile_template(text).uses}
    except RenderError:
        return []
    return sorted(use for use in found if use[0] in ("host", "vars") and use not in _ALWAYS_THERE)
