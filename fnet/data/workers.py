"""Processes that compute ahead, and give what they computed in the order it was asked for.

They are spawned, never forked: a fork of a process that runs threads, as JAX does, may deadlock.
What they give comes through pipes, which the system takes back whatever happens; there is no
shared memory, and so none to leak.
"""

import collections
import contextlib
import multiprocessing
import multiprocessing.connection
import pickle
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, NoReturn, TypeVar

from fnet.data.worker import BEAT, Failure, work
from fnet.errors import ConfigurationError, WorkerError

Item = TypeVar("Item")
Result = TypeVar("Result")

SILENCE = 4.0  # seconds without a sign of life, after which a worker is taken to hang
STARTUP = 60.0  # seconds to import what the work needs


class _Worker:
    """A process, our end of its pipe, the number of its task, and when it last gave a sign."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs,), daemon=True)
        with _deaf():
            self.process.start()
        theirs.close()  # so that its death ends the pipe
        self.known: Callable[..., Any] | None = None
        self.task: int | None = None
        self.ready = False
        self.sign = time.monotonic()


class Workers:
    """So many spawned processes, started with the first work and ended with the `with` block.

    Of 0 workers the process itself does the work.
    A script that uses them needs `if __name__ == "__main__":` around what it does, as always where
    processes are spawned. Raises WorkerError within seconds where one dies, or hangs: it has then
    neither computed nor moved on for 4 seconds, however long its work takes as a whole.

    >>> with Workers(0) as workers:
    ...     list(workers.map(abs, [-1, 2]))
    [1, 2]
    """

    def __init__(self, count: int) -> None:
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ConfigurationError(f"workers are {count!r}; they must be a whole number")
        self.count = count
        self._workers: list[_Worker] = []
        self._numbers = 0
        self._waiting: collections.deque[tuple[int, Any, Any]] = collections.deque()
        self._wanted: set[int] = set()
        self._done: dict[int, Any] = {}

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.process.kill()  # it holds nothing that it would have to give back
            worker.pipe.close()
        for worker in self._workers:
            worker.process.join()
            worker.process.close()
        self._workers = []
        self._waiting.clear()
        self._done.clear()

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item], ahead: int = 1
    ) -> Generator[Result]:
        """function(item) of each item in order, `ahead` of them or more begun before they are due.

        The function is pickled once for each process. What it raises is raised here.
        """
        if self.count == 0:
            yield from map(function, items)
            return
        coming: collections.deque[int] = collections.deque()
        try:
            for item in items:
                coming.append(self._ask(function, item))
                if len(coming) > max(ahead, self.count):
                    yield self._result(coming.popleft())
            while coming:
                yield self._result(coming.popleft())
        finally:
            self._forget(coming)

    def _ask(self, function: Callable[..., Any], item: Any) -> int:
        if not self._workers:
            _require_picklable(function)
            self._workers = [_Worker() for _ in range(self.count)]
        self._numbers += 1
        self._wanted.add(self._numbers)
        self._waiting.append((self._numbers, function, item))
        self._assign()
        return self._numbers

    def _result(self, number: int) -> Any:
        begun = time.monotonic()  # the caller may have been away for long, and not listened
        while number not in self._done:
            self._assign()
            self._listen(begun)
        self._listen(begun, wait=0.0)
        self._assign()  # what they work at while the caller is busy
        self._wanted.discard(number)
        found = self._done.pop(number)
        if isinstance(found, Failure):
            found.error.add_note(f"in a worker process:\n{found.where}")
            raise found.error
        return found

    def _assign(self) -> None:
        # Only to the idle: one that is busy may be waiting for us to read, and we for it.
        for worker in self._workers:
            if not self._waiting:
                return
            if worker.task is None and worker.ready:
                number, function, item = self._waiting.popleft()
                news = () if function == worker.known else (function,)
                worker.task, worker.known, worker.sign = number, function, time.monotonic()
                try:
                    worker.pipe.send((number, item, news))
                except OSError:
                    self._lost(worker)

    def _listen(self, begun: float, wait: float = BEAT) -> None:
        pipes = {worker.pipe: worker for worker in self._workers}
        for pipe in multiprocessing.connection.wait(list(pipes), wait):
            worker = pipes[pipe]  # type: ignore[index]
            try:
                number, result = worker.pipe.recv()
            except (EOFError, OSError):
                self._lost(worker)
            worker.sign = time.monotonic()
            if number is None:
                worker.ready = True
                continue
            worker.task = None
            if number in self._wanted:
                self._done[number] = result
        for worker in self._workers:
            limit = SILENCE if worker.ready else STARTUP
            silent = time.monotonic() - max(worker.sign, begun)
            if (worker.task is not None or not worker.ready) and silent > limit:
                self._end(
                    f"worker process {worker.process.pid} has hung for {limit:.0f} s; is the disk "
                    "that it reads there? workers=0 reads without processes"
                )

    def _lost(self, worker: _Worker) -> NoReturn:
        worker.process.join(SILENCE)
        code = worker.process.exitcode
        if not worker.ready:
            why = 'a script needs `if __name__ == "__main__":` around what it does'
        elif code == -signal.SIGKILL:
            why = "the system kills what takes too much memory: fewer workers, smaller batches"
        else:
            why = "workers=0 computes without processes, and shows where it ends"
        self._end(f"worker process {worker.process.pid} died ({_ending(code)}); {why}")

    def _end(self, message: str) -> NoReturn:
        self.__exit__()
        raise WorkerError(message)

    def _forget(self, numbers: Iterable[int]) -> None:
        gone = set(numbers)
        self._wanted -= gone
        self._waiting = collections.deque(task for task in self._waiting if task[0] not in gone)
        for number in gone:
            self._done.pop(number, None)


def _require_picklable(function: Callable[..., Any]) -> None:
    try:
        pickle.dumps(function)
    except Exception as error:  # whatever a stranger's object does when it is pickled
        raise ConfigurationError(
            f"workers need what can be pickled, and {function} cannot ({error}); define it in a "
            "module, or read with workers=0"
        ) from None


def _ending(code: int | None) -> str:
    if code is None:
        return "how is not known"
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """A process started here does not hear Ctrl-C, not even while it imports."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
