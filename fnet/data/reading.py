"""Reading in order: here and now, by a thread that is ahead, or by worker processes."""

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
    """function(item) of each item, in order, `prefetch` of them computed before they are due.

    By so many worker processes, or those given, which then outlive this; without workers, by a
    thread where something is to be prefetched. Each ends with the generator.
    """
    with contextlib.ExitStack() as stack:
        if not isinstance(workers, Workers):
            workers = stack.enter_context(Workers(workers))
        results = workers.map(function, items, prefetch)
        if workers.count == 0:
            results = ahead(results, prefetch)
        yield from stack.enter_context(contextlib.closing(results))


def ahead(items: Iterator[Item], prefetch: int = 1) -> Generator[Item]:
    """The items, so many of them taken by a thread while the ones before are in use."""
    if prefetch < 1:
        yield from items
        return
    end = object()
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        coming: collections.deque[concurrent.futures.Future[object]] = collections.deque()
        try:
            while True:
                while len(coming) <= prefetch:
                    coming.append(thread.submit(next, items, end))
                item = coming.popleft().result()
                if item is end:
                    return
                yield item  # type: ignore[misc]
        finally:
            for future in coming:
                future.cancel()
