"""Asks hosts beside the daemon's loop, so that one that takes its time holds up nothing but those asked with it.

Whose turn it is was decided before (`core.serving.rota`). Must not know what is done about the answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.loop.observe import Asked, ask
from reconciler.loop.world import World
from reconciler.model.desired import Desired
from reconciler.model.errors import Stalled


class NotHeard(Stalled):
    """Nobody waits for the answers any more."""

    def __init__(self) -> None:
        super().__init__("hosts were being asked when it ended", "they are asked again")


@dataclass(slots=True)
class Answers:
    """What came of asking these hosts for what was `desired` then. `failure` is why it came to no end."""

    hosts: tuple[str, ...]
    desired: Desired
    asked: Asked = field(default_factory=Asked)
    failure: BaseException | None = None


@dataclass(slots=True)
class Asking:
    """`runner` runs a function, now or in another thread; `stopping` says that no further host is to be begun."""

    world: World
    runner: Callable[[Callable[[], None]], None]
    stopping: Callable[[], bool]
    over: bool = False
    _under_way: Answers | None = None
    _ended: bool = False

    @property
    def busy(self) -> bool:
        """Whether hosts are being asked, or have answered and were not taken in yet."""
        return self._under_way is not None

    def begin(self, desired: Desired, hosts: tuple[str, ...]) -> None:
        """Asks them; every answer is stored as it comes."""
        under_way = self._under_way = Answers(hosts, desired)
        self.over = False
        self.runner(lambda: self._run(under_way))

    def end(self) -> None:
        """Now: nothing is lost with an answer, so nobody waits for it."""
        self._ended = True

    def take(self) -> Answers | None:
        """The answers, once all are there."""
        if not self.over:
            return None
        done, self._under_way, self.over = self._under_way, None, False
        return done

    def _run(self, under_way: Answers) -> None:
        """In whatever thread: touches nothing but what is under way."""
        try:
            under_way.asked = ask(self.world, under_way.desired, under_way.hosts, self._stopping)
        except BaseException as error:  # noqa: BLE001 - it is raised where it is taken in
            under_way.failure = error
        self.over = True

    def _stopping(self) -> bool:
        if self._ended:
            raise NotHeard
        return self.stopping()
