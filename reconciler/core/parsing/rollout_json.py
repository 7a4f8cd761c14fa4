"""Rollouts and health checks as plain values for JSON, and back. Nothing is checked: it was when it was read.

Must not know where it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any

from reconciler.model.rollout import (
    Batch,
    Check,
    CommandCheck,
    HttpCheck,
    PrometheusCheck,
    Rollout,
    Share,
    TcpCheck,
    Terms,
    UnitCheck,
)

_CHECKS: dict[str, Callable[..., Check]] = {
    "http": HttpCheck,
    "tcp": TcpCheck,
    "systemd": UnitCheck,
    "command": CommandCheck,
    "prometheus": PrometheusCheck,
}
"""As documents call them."""
_NAMES = {form: name for name, form in _CHECKS.items()}
_SHARES = ("canary", "max_failures", "max_unavailable")


def check_fields(check: Check) -> dict[str, Any]:
    """`{"http": {"url": …}}`; the same form in documents kept and in plans."""
    return {_NAMES[type(check)]: {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(check).items()}}


def check_from(values: Mapping[str, Any]) -> Check:
    """The other way round."""
    ((name, given),) = values.items()
    return _CHECKS[name](**{field: tuple(v) if isinstance(v, list) else v for field, v in given.items()})


def rollout_fields(rollout: Rollout) -> dict[str, Any]:
    """A service's rollout, with what stands in it only if somebody wrote it."""
    usual = Rollout()
    given = {f.name: getattr(rollout, f.name) for f in fields(rollout)}
    found = {name: value for name, value in given.items() if value != getattr(usual, name)}
    found |= {name: _share(found[name]) for name in _SHARES if name in found}
    if "batches" in found:
        found["batches"] = [_share(each) for each in rollout.batches]
    if "health" in found:
        found["health"] = [check_fields(check) for check in rollout.health]
    return found


def rollout_from(values: Mapping[str, Any]) -> Rollout:
    """The other way round."""
    found = dict(values)
    found |= {name: Share(*found[name]) for name in _SHARES if name in found}
    found["batches"] = tuple(Share(*each) for each in found.get("batches", ()))
    found["health"] = tuple(check_from(check) for check in found.get("health", ()))
    return Rollout(**found)


def terms_fields(terms: Terms) -> dict[str, Any]:
    """What governs a service's steps, for a plan's document."""
    return {
        "budget": terms.budget,
        "at_once": terms.at_once,
        "bake": terms.bake,
        "on_failure": terms.on_failure,
        "health": [check_fields(check) for check in terms.health],
        "stages": list(terms.stages),
        "domain": terms.domain,
        "good": {revision: list(terms.good[revision]) for revision in sorted(terms.good)},
    }


def terms_from(values: Mapping[str, Any]) -> Terms:
    """The other way round."""
    health = tuple(check_from(check) for check in values["health"])
    good = {revision: tuple(hosts) for revision, hosts in values["good"].items()}
    return Terms(**{**values, "health": health, "stages": tuple(values["stages"]), "good": good})


def batch_fields(batch: Batch | None) -> dict[str, Any] | None:
    """A step's place in its rollout; None for a step that is all of it."""
    return None if batch is None else asdict(batch)


def batch_from(values: Mapping[str, Any] | None) -> Batch | None:
    """The other way round."""
    return None if values is None else Batch(**values)


def _share(share: Share) -> list[Any]:
    return [share.amount, share.percent]
