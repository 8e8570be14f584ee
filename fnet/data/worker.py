"""What a worker process does: compute what it is sent, and give signs of life meanwhile."""

import contextlib
import signal
import sys
import threading
import time
import traceback
from typing import Any, NamedTuple

from fnet.errors import FnetError, WorkerError

BEAT = 0.5  # seconds between two signs of life


class Failure(NamedTuple):
    """What comes of an item where the function raised."""

    error: BaseException
    where: str


def work(pipe: Any) -> None:
    """What a worker does until our end of the pipe is closed, or our process has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that we work for
    lock, busy = threading.Lock(), threading.Event()
    threading.Thread(target=_beat, args=(pipe, lock, busy), daemon=True).start()
    function: Any = None
    with contextlib.suppress(EOFError, OSError):
        with lock:
            pipe.send((None, None))
        while True:
            number, item, news = pipe.recv()
            if news:
                (function,) = news
            busy.set()
            try:
                result = function(item)
            except Exception as error:
                result = _failure(error)
            busy.clear()
            with lock:
                pipe.send((number, result))


def _beat(pipe: Any, lock: threading.Lock, busy: threading.Event) -> None:
    """Give a sign of life as long as the main thread moves, or computes."""
    main = threading.main_thread().ident
    before: tuple[int, int] | None = None
    spent = 0.0
    with contextlib.suppress(OSError):
        while True:
            time.sleep(BEAT)
            frame = sys._current_frames()[main] if main else None
            now = (id(frame), frame.f_lasti) if frame else None
            used = time.process_time() - spent
            spent += used
            if busy.is_set() and (now != before or used > BEAT / 10):
                with lock:
                    pipe.send((None, None))
            before = now


def _failure(error: Exception) -> Failure:
    where = "".join(traceback.format_exception(error))
    if isinstance(error, FnetError | OSError | MemoryError):
        return Failure(error, where)
    # Of a stranger's exception nobody knows whether it can be pickled.
    return Failure(WorkerError(f"{type(error).__name__}: {error}"), where)
