"""Bytes of a host's answer → what is observed, a plan from it, and the plan as text. Whatever it says, others go on."""

from __future__ import annotations

from datetime import UTC, datetime

import atheris

with atheris.instrument_imports(include=["reconciler.core", "reconciler.kinds", "reconciler.adapters.ansible.reply"]):
    from reconciler.adapters.ansible.reply import from_host
    from reconciler.core.assessing.assess import assess
    from reconciler.core.assessing.heads import standing
    from reconciler.core.explain.plan_text import plan_text
    from reconciler.core.linking.link import link
    from reconciler.core.observing.ask import Questions, payloads
    from reconciler.core.observing.observed import Interned, Reading, observed
    from reconciler.core.parsing.parse import parse
    from reconciler.core.planning.batch import Caution
    from reconciler.core.planning.plan import Scope, Seen, make_plan
    from reconciler.core.planning.plan_json import plan_bytes, read_plan
    from reconciler.core.resolving.resolve import resolve
    from reconciler.kinds import builtin
    from reconciler.model.delivery import Delivery
    from reconciler.model.observation import Head

from fuzz.target import fuzz

REGISTRY = builtin()
NOW = datetime(2026, 11, 25, tzinfo=UTC)
HOST = "apiVersion: reconciler/v1\nkind: Host\nmetadata: {name: h, labels: {a: b}}\nspec: {address: a}\n"
FILES = {"templates/nginx.conf.j2": b"x", "files/app.service.j2": b"[Unit]\n"}


def _desired():
    """Everything that the examples of all kinds ask for, what one of them refers to, and a file with a secret."""
    resources = "".join(kind.example for kind in REGISTRY.values())
    resources += "- file: /etc/nginx/nginx.conf\n- file: /etc/secret\n  content: '{{ vars.secret }}'\n"
    indented = "".join(f"    {line}\n" for line in resources.splitlines())
    head = "apiVersion: reconciler/v1\nkind: Service\nmetadata: {name: s}\nspec:\n  hosts: {matchLabels: {a: b}}\n"
    head += "  vars: {secret: {from: env, name: A}}\n"
    text = f"{HOST}---\n{head}  resources:\n{indented}"
    linked = link(parse([("a.yaml", text.encode())], REGISTRY), REGISTRY, allow_local=True)
    found = resolve("0" * 40, linked, lambda path: FILES.get(path, b"x"), REGISTRY)
    assert len(found.layouts["h"].resources) >= len(REGISTRY), found.problems
    return found


DESIRED = _desired()
PAYLOAD = payloads(DESIRED, {}, Questions(REGISTRY))["h"]
DELIVERY = Delivery(DESIRED.hosts["h"], PAYLOAD)


def one(data: bytes) -> None:
    """The plan can be shown, written and read again."""
    reply = from_host(data.decode(errors="replace"), DELIVERY)
    seen = observed(Reading(reply, PAYLOAD, None, NOW), Interned())
    assessment = assess(DESIRED, {"h": seen}, {}, REGISTRY)
    head = Head("h", seen.observed_at, seen.fingerprint, seen.unreachable, "", "", "", owned=False)
    plan = make_plan(assessment, DESIRED, Seen(standing(DESIRED, {"h": head}), {}), Scope(), Caution())
    assert plan_bytes(read_plan(plan_bytes(plan))) == plan_bytes(plan)
    shown = [line.text for line in plan_text(plan, DESIRED, [], "", NOW)]
    assert all(text.isprintable() for text in shown), shown


if __name__ == "__main__":
    fuzz("facts", one)
