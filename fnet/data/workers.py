"""Processes that compute ahead and return their results in order.

They are spawned, never forked: forking a process with threads, such as JAX's, may deadlock.
Results come through pipes, which the system reclaims in any case; there is no shared memory to
leak.
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

SILENCE = 4.0  # seconds without a heartbeat, after which a worker is considered hung
STARTUP = 60.0  # seconds allowed for imports


class _Worker:
    """A process, our end of its pipe, the number of its task, and the time of its last sign."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs,), daemon=True)
        with _ctrl_c_ignored():
            self.process.start()
        theirs.close()  # so that its death ends the pipe
        self.known: Callable[..., Any] | None = None
        self.task: int | None = None
        self.ready = False
        self.sign = time.monotonic()


class Workers:
    """`count` spawned processes, started with the first task and ended with the `with` block.

    With 0 workers, the process itself does the work. A script that uses workers needs
    `if __name__ == "__main__":` around its code, as always when processes are spawned. Raises
    WorkerError within seconds if a worker dies or hangs; hanging means 4 seconds without progress
    or use of the processor, however long a task takes overall.

    >>> with Workers(0) as workers:
    ...     list(workers.map(abs, [-1, 2]))
    [1, 2]
    """

    def __init__(self, count: int) -> None:
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ConfigurationError(f"workers is {count!r}; it must be a whole number, 0 or more")
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
            worker.process.kill()  # it holds nothing that needs cleaning up
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
        """Yield function(item) for each item in order, starting at least `ahead` items early.

        The function is pickled once per process. Its exceptions are raised here.
        """
        if self.count == 0:
            yield from map(function, items)
            return
        pending: collections.deque[int] = collections.deque()
        try:
            for item in items:
                pending.append(self._submit(function, item))
                if len(pending) > max(ahead, self.count):
                    yield self._result(pending.popleft())
            while pending:
                yield self._result(pending.popleft())
        finally:
            self._forget(pending)

    def _submit(self, function: Callable[..., Any], item: Any) -> int:
        if not self._workers:
            _require_picklable(function)
            self._workers = [_Worker() for _ in range(self.count)]
        self._numbers += 1
        self._wanted.add(self._numbers)
        self._waiting.append((self._numbers, function, item))
        self._assign()
        return self._numbers

    def _result(self, number: int) -> Any:
        begun = time.monotonic()  # silence counts from here: the caller may have been away
        while number not in self._done:
            self._assign()
            self._listen(begun)
        self._listen(begun, wait=0.0)
        self._assign()  # work for while the caller is busy
        self._wanted.discard(number)
        result = self._done.pop(number)
        if isinstance(result, Failure):
            result.error.add_note(f"in a worker process:\n{result.where}")
            raise result.error
        return result

    def _assign(self) -> None:
        # Only to idle workers: a busy one may be waiting for us to read while we wait for it.
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
                    f"worker process {worker.process.pid} has hung for {limit:.0f} s; check that "
                    "the disk it reads responds, or use workers=0, which needs no processes"
                )

    def _lost(self, worker: _Worker) -> NoReturn:
        worker.process.join(SILENCE)
        code = worker.process.exitcode
        if not worker.ready:
            why = 'a script needs `if __name__ == "__main__":` around its code'
        elif code == -signal.SIGKILL:
            why = "the system may have run out of memory: use fewer workers, or smaller batches"
        else:
            why = "use workers=0, which needs no processes, to see where it ends"
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
    except Exception as error:  # pickling runs the object's own code
        raise ConfigurationError(
            f"workers can run only what can be pickled, and {function} cannot ({error}); define it "
            "in a module, or use workers=0"
        ) from None


def _ending(code: int | None) -> str:
    if code is None:
        return "for an unknown reason"
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


@contextlib.contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    """Processes started in this block ignore Ctrl-C, even while they import."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
