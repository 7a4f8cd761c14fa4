"""Turns a payload into the JSON that a host's driver reads. Pure; must not know how it gets there.

What is built here goes to the host as it is: keys stay behind (a host needs only the order), bytes become base64.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any

import orjson

from reconciler.model.delivery import Call, Payload, Work
from reconciler.model.digest import canonical
from reconciler.model.observation import Query

_MODULE = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*){2,}")


class Unsendable(Exception):
    """The payload has something in it that may not reach Ansible; says what."""


def document(payload: Payload, key: Callable[[], bytes]) -> bytes:
    """The request's payload part. `key` gives the key that keyed digests are made with. Raises Unsendable."""
    queries = [_query(query, key) for query in payload.queries.values()]
    works = [_work(work, key) for work in payload.works]
    try:
        return orjson.dumps({"queries": queries, "works": works})
    except TypeError as error:
        raise Unsendable(f"the payload is not plain JSON: {error}") from error


def modules(payload: Payload) -> list[str]:
    """The names of the Ansible modules that its calls name, sorted; without those of ordinary tasks."""
    return sorted({call.module for work in payload.works if not work.ordinary for call in work.calls})


def ordinary(payload: Payload) -> dict[str, Any]:
    """The works that are ordinary Ansible tasks, by their numbers: what the controller does. Raises Unsendable."""
    return {str(number): _tasks(work) for number, work in enumerate(payload.works) if work.ordinary}


def _tasks(work: Work) -> dict[str, Any]:
    if not work.calls or any(call.needs for call in work.calls):
        raise Unsendable(f"{work.key}: an ordinary task is a call, and can't depend on what the host has")
    return {"sensitive": work.sensitive, "calls": [_call(work, call) for call in work.calls]}


def _query(query: Query, key: Callable[[], bytes]) -> Query:
    """With a key of its own if it asks for a keyed digest: a host never gets ours, and the same content in two places
    gives two digests."""
    if not query.get("keyed"):
        return query
    return {**query, "key": hmac.new(key(), canonical(query), hashlib.sha256).hexdigest()}


def _work(work: Work, key: Callable[[], bytes]) -> dict[str, Any]:
    """What the host gets: of an ordinary task only what to check."""
    return {
        "query": _query(work.query, key),
        "expect": work.expect,
        "sensitive": work.sensitive,
        "calls": [] if work.ordinary else [_call(work, call) for call in work.calls],
    }


def _call(work: Work, call: Call) -> dict[str, Any]:
    if not _MODULE.fullmatch(call.module):
        raise Unsendable(f"{work.key}: {call.module!r} is not the full name of an Ansible module")
    _no_internals(work, call.args)
    return {
        "module": call.module,
        "args": call.args,
        "paths": call.paths,
        "files": {name: base64.b64encode(data).decode() for name, data in call.files.items()},
        "needs": call.needs,
    }


def _no_internals(work: Work, value: Any) -> None:
    """Refuse the keys by which Ansible passes its own settings and types to modules."""
    if isinstance(value, dict):
        for key, below in value.items():
            if str(key).startswith(("_ansible", "__ansible")):
                raise Unsendable(f"{work.key}: the key {key!r} is Ansible's own and can't be used")
            _no_internals(work, below)
    elif isinstance(value, list | tuple):
        for below in value:
            _no_internals(work, below)
