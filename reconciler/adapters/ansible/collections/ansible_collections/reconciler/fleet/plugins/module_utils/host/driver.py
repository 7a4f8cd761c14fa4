"""The order of things on a host, in one round trip: lock, epoch, identity, checks, marker, works, answers.

Pure of any transport: values in, a reply out. Everything that is refused is refused before anything is changed.
"""

import json
import os
import signal
import time

from . import calls, lease, plain, probes, state
from .identity import identify
from .progress import Progress

REPLY = 8 * 1024 * 1024
HIDDEN = "(output hidden: sensitive)"


def answer(payload, host, modlib, tell):
    """The reply to a request.

    `payload` has `queries` and `works`; `host` has `root`, `store`, `epoch`, `identity`, `lock_wait` and `timeout`
    (seconds), and for a visit that does only some of the works a `part` (see `_Part`); `modlib` is the directory that
    this code was unpacked into; `tell` is called with outcomes, each a list that begins with the work's number, while
    others are still to come. An epoch without works is a fence: whoever comes later with a lower one is refused from
    now on.
    """
    os.chdir("/")
    part = _Part(host.get("part"), len(payload["works"]))
    workplace = _Workplace(host["root"], modlib, time.monotonic() + host["timeout"], Progress(tell))
    _alarm(host["timeout"] + 5)
    try:
        return _capped(_under_lock(payload, host, part, workplace))
    except state.Refused as refusal:
        return {"status": "refused", "reason": str(refusal)}
    finally:
        signal.alarm(0)


def _alarm(seconds):
    """A probe that hangs is interrupted, and its facts are unknown. Modules have limits of their own."""

    def ring(*_):
        signal.alarm(1)  # again, should there be another one that hangs
        raise TimeoutError("no answer in time")

    signal.signal(signal.SIGALRM, ring)
    signal.alarm(int(seconds))


class _Part:
    """The works from `start` to `end`, for a run that needs several visits: after each but the last the host stays
    held for `hold` seconds, for `holder`. A visit that does everything holds it no longer than it takes."""

    def __init__(self, given, works):
        given = given or {}
        self.start = given.get("start", 0)
        self.end = given.get("end", works)
        self.hold = given.get("hold", 0)
        self.holder = given.get("holder", "")


def _under_lock(payload, host, part, workplace):
    root, alone = host["root"], bool(payload["works"] or host["epoch"])
    try:
        with state.opened(root) as base, state.lock(base, alone, host["lock_wait"], part.holder):
            return _in_order(payload, host, part, base, workplace)
    except state.Refused as refusal:
        if alone or isinstance(refusal, state.Busy) or (root and not os.path.isdir(root)):
            raise
        # Looking changes nothing: it works on a disk that is full or read-only too.
        return _in_order(payload, host, part, "", workplace)


def _in_order(payload, host, part, base, workplace):
    works, root = payload["works"], host["root"]
    seen = state.check_epoch(base, host["store"], host["epoch"]) if works or host["epoch"] else 0
    identity = identify(root)
    if host["identity"] and identity != host["identity"]:
        raise state.Refused(f"another machine answers here: {identity}, not {host['identity']}")
    if part.start and state.held_by(base) != part.holder:
        raise state.Refused("the time is over for which this host was held for the run")
    reply = {"status": "done", "reason": "", "identity": identity, "outcomes": [], "seen": seen}
    stale = set() if part.start else _stale(works, root)
    if stale:
        reply["status"] = "stale"
        reply["outcomes"] = [["stale" if n in stale else "skipped", "", 0] for n in range(len(works))]
    elif host["epoch"] and not works:
        state.mark_epoch(base, host["store"], host["epoch"])
    if works and not stale:
        _change(reply, works, part, (base, host), workplace)
    if part.hold and reply["status"] == "done":
        state.hold(base, part.holder, part.hold)
        return reply
    if part.holder:
        lease.release(base)
    reply["facts"] = [plain.fact(fact) for fact in probes.answer(payload["queries"], root)]
    return reply


def _change(reply, works, part, where, workplace):
    base, host = where
    state.mark_epoch(base, host["store"], host["epoch"])
    with state.scratch(base) as workplace.scratch:
        reply["outcomes"] = _perform_all(works, part, workplace)
    workplace.progress.rest()
    if any(outcome[0] == "failed" for outcome in reply["outcomes"]):
        reply["status"] = "failed"


def _stale(works, root):
    """The numbers of the works whose facts are not what they were when they were planned."""
    checked = [number for number, work in enumerate(works) if work["expect"]]
    facts = probes.answer([works[number]["query"] for number in checked], root)
    return {number for number, fact in zip(checked, facts) if plain.digest(fact) != works[number]["expect"]}


class _Workplace:
    def __init__(self, root, modlib, until, progress):
        self.root = root
        self.modlib = modlib
        self.until = until
        self.progress = progress
        self.scratch = ""
        self._modules = None

    def module(self, name):
        if self._modules is None:
            with open(os.path.join(self.modlib, "reconciler_modules.json"), encoding="utf-8") as stream:
                self._modules = json.load(stream)
            calls.share(self._modules.values())
        module = self._modules[name]
        temporary = {"_ansible_tmpdir": self.scratch, "_ansible_remote_tmp": self.scratch}
        return dict(module, internal=dict(module["internal"], **temporary))


def _perform_all(works, part, workplace):
    outcomes = []
    for number in range(part.start, part.end):
        work = works[number]
        if outcomes and outcomes[-1][0] in ("failed", "skipped"):
            outcomes.append(["skipped", "", 0])
            continue
        began = time.monotonic()
        result, message = _perform(work, workplace)
        outcomes.append([result, message, int((time.monotonic() - began) * 1000)])
        workplace.progress.add(number, outcomes[-1])
    return outcomes


def _perform(work, workplace):
    """A work's result and message. Its calls run in order, up to the first that fails."""
    fitting = [call for call in work["calls"] if not call["needs"] or calls.has(call["needs"])]
    if work["calls"] and not fitting:
        return "failed", _missing([call["needs"] for call in work["calls"]])
    changed, said = False, ""
    for call in fitting:
        reply = _call(call, workplace)
        changed, said = changed or reply.changed, reply.said or said
        if reply.failed:
            return "failed", _as_seen(_message(work, reply), workplace.root)
    return ("changed" if changed else "ok"), "" if work["sensitive"] else _as_seen(said, workplace.root)


def _as_seen(message, root):
    """Paths as the host has them, so that hosts with the same cause give the same message."""
    return message.replace(root, "") if root else message


def _missing(programs):
    names = sorted(set(programs))
    return f"{names[0]} is not on this host" if len(names) == 1 else f"none of {', '.join(names)} is on this host"


def _message(work, reply):
    if work["sensitive"]:
        return " ".join(filter(None, (reply.told, HIDDEN)))
    return ": ".join(filter(None, (reply.told, reply.said)))


def _call(call, workplace):
    left = workplace.until - time.monotonic()
    if left <= 0:
        return calls.Answer(failed=True, told="the time for this host is up, so it was not begun")
    try:
        args = calls.arguments(call, workplace.root, workplace.scratch)
        return calls.run(workplace.module(call["module"]), args, workplace.modlib, left, workplace.progress.flush)
    except (OSError, ImportError, LookupError, ValueError) as error:
        return calls.Answer(failed=True, told=f"{call['module']} could not be run: {error}")


def _capped(reply):
    """A reply of bearable size: facts that are too large for it are errors."""
    if len(json.dumps(reply)) > REPLY:
        error = {"error": f"this host's answers are larger than {REPLY // 1024 // 1024} MiB together"}
        reply["facts"] = [error] * len(reply.get("facts", []))
    return reply
