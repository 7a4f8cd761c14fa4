"""The secrets of one run: each opened once, when it is first needed, and kept out of what hosts say.

Must not know where secrets come from, nor what they are put into.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reconciler.core.planning.fill import Unopened
from reconciler.model.delivery import Reply
from reconciler.model.errors import ReconcilerError
from reconciler.model.secret import Secret
from reconciler.ports import Secrets

HIDDEN = "(sensitive)"
_SHORTEST = 4
"""Characters of a value that is looked for in messages: shorter ones stand in any text by chance."""


@dataclass(slots=True)
class Opened:
    """`known` are the secrets that the desired state refers to, by token; `opened` counts those that were asked for."""

    secrets: Secrets
    known: Mapping[str, Secret]
    opened: int = 0
    _values: dict[str, str | ReconcilerError] = field(default_factory=dict, repr=False)

    def value(self, token: str) -> str:
        """The value. Raises Unopened, the second time too: what can't be had is not asked for again."""
        if token not in self._values:
            self._values[token] = self._open(token)
        found = self._values[token]
        if isinstance(found, str):
            return found
        what = f"the secret {self.known[token]} can't be had: {found.message}" if token in self.known else found.message
        raise Unopened(f"{what}; {found.hint}" if found.hint else what)

    def _open(self, token: str) -> str | ReconcilerError:
        if token not in self.known:
            return ReconcilerError("Git refers to no such secret any more")
        self.opened += 1
        try:
            return self.secrets.value(self.known[token])
        except ReconcilerError as error:
            return error

    def kept_out(self, reply: Reply) -> Reply:
        """The reply without any value in its messages: a module, or a host, may repeat what it was given."""
        values = [v for v in self._values.values() if isinstance(v, str) and len(v) >= _SHORTEST]
        if not values:
            return reply
        outcomes = tuple(replace(o, message=_without(o.message, values)) for o in reply.outcomes)
        return replace(reply, reason=_without(reply.reason, values), outcomes=outcomes)


def _without(text: str, values: list[str]) -> str:
    for value in sorted(values, key=len, reverse=True):
        for piece in (value, *value.splitlines()):
            if len(piece) >= _SHORTEST:
                text = text.replace(piece, HIDDEN)
    return text
