"""Whether a process gets on, or hangs: what its heartbeats say of it."""

import sys
import threading
import time
from types import FrameType


class Movement:
    """Whether the main thread makes progress, or the process uses the processor.

    >>> movement = Movement()
    >>> movement.moved(0.5)
    True
    """

    def __init__(self) -> None:
        self._before: tuple[int, int] | None = None
        self._spent = time.process_time()

    def moved(self, seconds: float) -> bool:
        """Since the last call, so many seconds ago; the first time, since it began."""
        frame = main_frame()
        at = (id(frame), frame.f_lasti) if frame else None
        used = time.process_time() - self._spent
        moved = at != self._before or used > seconds / 10
        self._spent, self._before = self._spent + used, at
        return moved


def main_frame() -> FrameType | None:
    """Where the main thread is; nowhere, once it has ended."""
    main = threading.main_thread().ident
    return sys._current_frames().get(main) if main else None
