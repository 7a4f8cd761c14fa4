"""Label selectors over all hosts at once: an inverted index from labels to bitmaps, one bit a host.

Meaning: Kubernetes' documentation, chapter "Labels and Selectors". An empty selector
selects nothing here, whatever it means elsewhere. Must not know services.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import compress
from operator import or_

from reconciler.model.desired import Host
from reconciler.model.document import Expression, Selector

_ONE = ord("1")
_BITS = bytes.maketrans(b"01", b"\x00\x01")


class LabelIndex:
    """Built once for a set of hosts; each selector then costs a few operations on integers.

    A key is looked up at all hosts when a selector first names it, and a value's bitmap is made when one first asks
    for it: most labels (racks, serial numbers) are never asked for.
    """

    def __init__(self, hosts: Mapping[str, Host]) -> None:
        """Of hosts by name, which are sorted."""
        self._names = [*hosts]
        self._labels = [host.labels for host in hosts.values()]
        self._all = (1 << len(hosts)) - 1
        self._positions: dict[str, dict[str, list[int]]] = {}
        self._pairs: dict[tuple[str, str], int] = {}
        self._keys: dict[str, int] = {}
        self._selected: dict[int, tuple[str, ...]] = {}
        self._masks: dict[int, bytes] = {}

    def select(self, selector: Selector) -> tuple[str, ...]:
        """Names of the hosts that it selects, sorted."""
        return self.names(self.bits(selector))

    def bits(self, selector: Selector) -> int:
        """The hosts that it selects, as a bitmap of this index."""
        if not selector.match_labels and not selector.match_expressions:
            return 0
        selected = self._all
        for label in selector.match_labels.items():
            selected &= self._having(*label)
        for expression in selector.match_expressions:
            selected &= self._matching(expression)
        return selected

    def names(self, bits: int) -> tuple[str, ...]:
        """Names of the hosts of a bitmap, sorted."""
        if bits not in self._selected:
            self._selected[bits] = tuple(compress(self._names, self.mask(bits)))
        return self._selected[bits]

    def mask(self, bits: int) -> bytes:
        """A bitmap as a byte for each host, sorted by name: 1 or 0."""
        if bits not in self._masks:
            self._masks[bits] = f"{bits:0{len(self._names)}b}"[::-1].encode().translate(_BITS)
        return self._masks[bits]

    def _matching(self, expression: Expression) -> int:
        match expression.operator:
            case "In":
                return self._any(expression)
            case "NotIn":
                return self._all & ~self._any(expression)
            case "Exists":
                return self._with(expression.key)
            case "DoesNotExist":
                return self._all & ~self._with(expression.key)

    def _any(self, expression: Expression) -> int:
        return reduce(or_, (self._having(expression.key, value) for value in expression.values), 0)

    def _having(self, key: str, value: str) -> int:
        """Hosts with the label."""
        if (key, value) not in self._pairs:
            self._pairs[key, value] = self._bitmap(self._values(key).get(value, ()))
        return self._pairs[key, value]

    def _with(self, key: str) -> int:
        """Hosts with a label of this key, whatever its value."""
        if key not in self._keys:
            self._keys[key] = self._bitmap([i for found in self._values(key).values() for i in found])
        return self._keys[key]

    def _values(self, key: str) -> dict[str, list[int]]:
        """The hosts' positions by the value that they have for a key."""
        if key not in self._positions:
            found: dict[str | None, list[int]] = defaultdict(list)
            for i, value in enumerate([labels.get(key) for labels in self._labels]):
                found[value].append(i)
            self._positions[key] = {value: at for value, at in found.items() if value is not None}
        return self._positions[key]

    def _bitmap(self, positions: Sequence[int]) -> int:
        """Through digits: setting bits one by one in an integer would copy it for each."""
        digits = bytearray(b"0" * (len(self._names) + 1))
        for i in positions:
            digits[~i] = _ONE
        return int(digits, 2)
