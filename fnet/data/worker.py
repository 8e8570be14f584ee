"""A worker process: it computes the tasks that it is sent, and sends heartbeats meanwhile."""

import contextlib
import signal
import threading
import time
import traceback
from typing import Any, NamedTuple

from fnet.core.movement import Movement
from fnet.errors import FnetError, WorkerError

BEAT = 0.5  # seconds between heartbeats


class Failure(NamedTuple):
    """The result for an item if the function raised."""

    error: BaseException
    where: str


def work(pipe: Any) -> None:
    """Compute tasks until the parent closes its end of the pipe, or ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
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
    """Send heartbeats while the main thread makes progress or uses the processor."""
    movement = Movement()
    with contextlib.suppress(OSError):
        while True:
            time.sleep(BEAT)
            if movement.moved(BEAT) and busy.is_set():
                with lock:
                    pipe.send((None, None))


def _failure(error: Exception) -> Failure:
    where = "".join(traceback.format_exception(error))
    if isinstance(error, FnetError | OSError | MemoryError):
        return Failure(error, where)
    # Other exceptions may not be picklable.
    return Failure(WorkerError(f"{type(error).__name__}: {error}"), where)
