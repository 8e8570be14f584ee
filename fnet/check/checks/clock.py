"""A time limit: an examination ends when its time is over, wherever it is."""

import contextlib
import ctypes
import threading
import time
from collections.abc import Iterator

CALLS = 100  # after which an interruption has arrived
RESERVED = 0.25  # of the time, for the explanation of what was found


class OutOfTime(BaseException):
    """The time is over. No Exception, since those of a user's function are caught on the way."""


class Clock:
    """Raises `OutOfTime` in `check` once the time to compare is over, or to explain."""

    def __init__(self, limit: float) -> None:
        self.limit, self.began = limit, time.monotonic()
        self._share = 1 - RESERVED

    def check(self) -> None:
        """Raise if the time is over."""
        if time.monotonic() - self.began > self._share * self.limit:
            raise OutOfTime

    def explain(self) -> None:
        """From here on, the reserved time may be used too."""
        self._share = 1.0

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Within, a call that does not return is interrupted at the limit, unless it never returns
        to Python."""
        thread, fired = threading.get_ident(), threading.Event()

        def interrupt() -> None:
            fired.set()
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread), ctypes.py_object(OutOfTime)
            )

        timer = threading.Timer(self.limit, interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            if fired.is_set():  # what is still on its way must not reach the caller
                with contextlib.suppress(OutOfTime):
                    for _ in range(CALLS):
                        time.sleep(0)
