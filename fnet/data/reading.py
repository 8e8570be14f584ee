"""Reading in order: directly, by a thread that reads ahead, or by worker processes."""

import collections
import concurrent.futures
import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TypeVar

from fnet.data.workers import Workers

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int | Workers = 0,
    prefetch: int = 0,
) -> Generator[Result]:
    """Yield function(item) for each item, in order, computing `prefetch` of them ahead.

    Computed by `workers` processes; without workers, by a thread if `prefetch` is above 0. They end
    with the generator, except for `Workers` passed in.
    """
    with contextlib.ExitStack() as stack:
        if not isinstance(workers, Workers):
            workers = stack.enter_context(Workers(workers))
        results = workers.map(function, items, prefetch)
        if workers.count == 0:
            results = ahead(results, prefetch)
        yield from stack.enter_context(contextlib.closing(results))


def ahead(items: Iterator[Item], prefetch: int = 1) -> Generator[Item]:
    """The items, `prefetch` of them taken ahead by a thread."""
    if prefetch < 1:
        yield from items
        return
    end = object()
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        pending: collections.deque[concurrent.futures.Future[object]] = collections.deque()
        try:
            while True:
                while len(pending) <= prefetch:
                    pending.append(thread.submit(next, items, end))
                item = pending.popleft().result()
                if item is end:
                    return
                yield item  # type: ignore[misc]
        finally:
            for future in pending:
                future.cancel()
