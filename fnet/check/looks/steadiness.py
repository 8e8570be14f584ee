"""The same call gives the same numbers, and leaves everything else as it was."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from fnet.check.looks.bench import given
from fnet.check.looks.workbench import Workbench
from fnet.check.report import Finding
from fnet.check.truth.arguments import copied, in_layout, in_numpy, is_known

UNSTEADY = ("not deterministic", "stale")  # kinds of mistakes after which no number means anything


KEPT = Finding(
    "structure",
    "stale",
    "something of one call is found in another: it is kept outside of the cache (in an object, in "
    "a global name), where another forward pass writes too; put it into the cache",
)


def honest(bench: Workbench, dout: Any) -> Iterator[Finding]:
    """The same call gives the same numbers, and leaves everything else as it was."""
    first, second = called(bench, dout), called(bench, dout)
    if not _identical(first, second):
        yield Finding(
            "structure",
            "not deterministic",
            "the same call gives other numbers the second time: something is kept between calls",
        )
        return
    yield from _caches(bench, dout, first)
    yield from _untouched(bench, dout)


def _caches(bench: Workbench, dout: Any, expected: list[np.ndarray]) -> Iterator[Finding]:
    if bench.subject.passes is None:
        return
    forward, backward = bench.subject.passes
    arguments = bench.arguments(bench.start)
    _, cache = forward(*arguments)
    before = [np.array(leaf) for leaf in jax.tree.leaves(cache) if isinstance(leaf, np.ndarray)]
    backward(given(bench, dout), cache, *arguments)
    after = [leaf for leaf in jax.tree.leaves(cache) if isinstance(leaf, np.ndarray)]
    if not _identical(before, after):
        yield Finding(
            "structure",
            "mutated",
            "backward writes into the cache: a second call would find other numbers; copy first",
        )
        return
    _, cache = forward(*arguments)
    try:
        forward(*bench.arguments([1.001 * array for array in bench.start]))
    except Exception:  # a function need not take what is beside its arguments
        return
    found = _arrays(bench, backward(given(bench, dout), cache, *arguments))
    if not _identical(found, expected):
        yield Finding(
            "structure",
            "stale",
            "after another forward pass, backward gives another gradient for the same cache: it "
            "reads what forward left outside of the cache",
        )


def _untouched(bench: Workbench, dout: Any) -> Iterator[Finding]:
    if bench.subject.traceable:
        return  # JAX's arrays cannot be written to
    dy, arguments = given(bench, dout), bench.arguments(bench.start)
    kept = copied((dy, arguments))
    gradients = _by_hand(bench)(dy, *arguments)
    names = ["dout", *bench.subject.names]
    apart = zip(names, (kept[0], *kept[1]), (dy, *arguments), (dout, *gradients), strict=False)
    for name, old, new, gradient in apart:
        # What is not differentiated may be for writing: running averages, a dictionary of both.
        pairs = zip(jax.tree.leaves(old), jax.tree.leaves(new), strict=False)
        if gradient is not None and any(
            is_known(a) and not np.array_equal(in_numpy(a), in_numpy(b), equal_nan=True)
            for a, b in pairs
        ):
            words = f"it writes into {name}: its caller finds other numbers there; copy first"
            yield Finding("structure", "mutated", words)


def _by_hand(bench: Workbench) -> Callable[..., Any]:
    return next(iter(bench.subject.routes.values()))


def called(bench: Workbench, dout: Any) -> list[np.ndarray]:
    """The gradients by hand, not compiled."""
    return _arrays(bench, _by_hand(bench)(given(bench, dout), *bench.arguments(bench.start)))


def _arrays(bench: Workbench, gradients: Any) -> list[np.ndarray]:
    found = in_layout(gradients, bench.form)
    if isinstance(found, str):
        return []
    pairs = zip(found, bench.start, strict=True)
    return [np.zeros(a.shape) if leaf is None else np.array(leaf) for leaf, a in pairs]


def _identical(found: list[np.ndarray], expected: list[np.ndarray]) -> bool:
    pairs = zip(found, expected, strict=True)
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)
