"""Ctrl-C and SIGTERM while training: the step under way ends, what was reached is saved."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Asked:
    """Whether an end was asked for, and by which signal; false where none was."""

    by: signal.Signals | None = None

    def __bool__(self) -> bool:
        return self.by is not None

    @property
    def status(self) -> int:
        """The exit status that the shell knows for it."""
        return 128 + int(self.by or 0)


@contextlib.contextmanager
def asking() -> Iterator[Asked]:
    """Ctrl-C and SIGTERM ask for an end of this block; the second one ends it at once."""
    asked = Asked()
    before = {number: signal.getsignal(number) for number in NAMES}

    def ask(number: int, frame: FrameType | None) -> None:
        asked.by = signal.Signals(number)
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in NAMES:
        signal.signal(number, ask)
    try:
        yield asked
    finally:
        restore()
