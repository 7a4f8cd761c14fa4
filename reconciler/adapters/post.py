"""Where messages for the daemon arrive, from timers, webhooks, signals and work that is done aside. Bounded.

Must not know what any of them means.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue

from reconciler.ports import Message, Woken

MOST = 1000
"""What comes beyond is dropped: every message may be lost."""
AT_ONCE = 2
"""An apply, and asking hosts."""


class Mailbox:
    """A `Post`, and the threads for what is done aside. Any thread may put something in."""

    def __init__(self) -> None:
        self._queue: Queue[Message | None] = Queue(MOST)
        self._stopping = threading.Event()
        self._aside = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="aside")

    def put(self, message: Message) -> None:
        """Never waits."""
        with contextlib.suppress(Full):
            self._queue.put_nowait(message)

    def stop(self) -> None:
        """The daemon is to end."""
        self._stopping.set()
        with contextlib.suppress(Full):
            self._queue.put_nowait(None)

    def stopping(self) -> bool:
        return self._stopping.is_set()

    def wait(self, seconds: float) -> Sequence[Message]:
        if self.stopping():
            return []
        found: list[Message | None] = []
        with contextlib.suppress(Empty):
            found.append(self._queue.get(timeout=seconds) if seconds > 0 else self._queue.get_nowait())
            while True:
                found.append(self._queue.get_nowait())
        return [message for message in found if message is not None]

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)

    def aside(self, work: Callable[[], None]) -> None:
        """Does it in another thread, and says so when it is done."""
        self._aside.submit(work).add_done_callback(self._woken)

    def close(self) -> None:
        """Waits for what is under way aside."""
        self._aside.shutdown()

    def _woken(self, _: Future[None]) -> None:
        self.put(Woken())
