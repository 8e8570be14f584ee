"""Ctrl-C and SIGTERM during training: finish the current step, and save."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Stop:
    """The signal that asked training to stop; false until one has."""

    by: signal.Signals | None = None

    def __bool__(self) -> bool:
        return self.by is not None

    @property
    def status(self) -> int:
        """The exit status that shells use for this signal."""
        return 128 + int(self.by or 0)


@contextlib.contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Within this block the first Ctrl-C or SIGTERM asks it to stop; a second ends it at once."""
    stop = Stop()
    before = {number: signal.getsignal(number) for number in NAMES}

    def request(number: int, frame: FrameType | None) -> None:
        stop.by = signal.Signals(number)
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in NAMES:
        signal.signal(number, request)
    try:
        yield stop
    finally:
        restore()
