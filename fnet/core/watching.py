"""Watching a pass: what each layer is given and returns, whatever it is composed of.

Summaries and post-mortems watch a pass instead of re-enacting it: only a composition knows in which
order, how often and on what it calls its parts.
"""

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Any

Watcher = Callable[[Any, Any, Any, Callable[[], Any]], Any]

_watcher: contextvars.ContextVar[Watcher | None] = contextvars.ContextVar("watcher", default=None)


@contextlib.contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Within this block, a layer's forward pass is `watcher(layer, params, x, run)`.

    run() -> (y, cache) does the pass, including those of the layer's parts; the watcher must return
    its result.

    >>> import numpy as np
    >>> from fnet import serial
    >>> from fnet.layers import flatten
    >>> seen = []
    >>> def watch(layer, params, x, run):
    ...     seen.append(layer)
    ...     return run()
    >>> with watching(watch):
    ...     y, cache = serial(flatten()).forward(((),), np.ones((2, 3, 5)))
    >>> seen
    [serial(flatten()), flatten()]
    """
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def watched(layer: Any, params: Any, x: Any, run: Callable[[], Any]) -> Any:
    """run(), through the watcher if there is one."""
    watcher = _watcher.get()
    return run() if watcher is None else watcher(layer, params, x, run)
