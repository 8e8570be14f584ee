"""Ctrl-C, SIGTERM and the end of a terminal during training: finish the step, and save."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
CLOSED = getattr(signal, "SIGHUP", None)  # of a terminal; Windows has none
if CLOSED:
    NAMES[CLOSED] = "SIGHUP, as of a terminal that is closed,"


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
    """Within this block the first of these signals asks it to stop; a second ends it at once.

    SIGHUP stays ignored where it was, as under nohup; a second that is SIGHUP is ignored, since a
    terminal and `fnet launch` may both send it.
    """
    stop = Stop()
    before = {number: signal.getsignal(number) for number in NAMES}
    if CLOSED and before[CLOSED] == signal.SIG_IGN:
        del before[CLOSED]

    def request(number: int, frame: FrameType | None) -> None:
        stop.by = signal.Signals(number)
        restore()
        if CLOSED:
            signal.signal(CLOSED, signal.SIG_IGN)

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, request)
    try:
        yield stop
    finally:
        restore()
