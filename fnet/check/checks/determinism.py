"""Equal calls return equal numbers and have no side effects."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from fnet.check import thresholds
from fnet.check.checks.evaluator import given
from fnet.check.checks.probe import Probe
from fnet.check.report import Finding
from fnet.check.truth.arguments import copied, in_layout, in_numpy, is_known
from fnet.check.truth.compare import compare

UNRELIABLE = ("not deterministic", "stale")  # kinds of mistakes that make all numbers useless


KEPT = Finding(
    "structure",
    "stale",
    "one call depends on another: something is kept outside of the cache (in an object or a global "
    "variable), where another forward pass overwrites it; put it into the cache",
)


VARIES = Finding(
    "structure",
    "not deterministic",
    "the same call returns different numbers the second time: state is kept between calls",
)


def honest(probe: Probe, dout: Any) -> Iterator[Finding]:
    """Equal calls return equal numbers and have no side effects."""
    if probe.subject.unsteady:
        yield Finding("structure", "not deterministic", probe.subject.unsteady)
        return
    if probe.subject.staged:  # its passes are only ever traced, and so keep nothing else
        if probe.traced_anew("route ") != [probe.traces["route "].digest]:
            yield VARIES
        return
    first, second = called(probe, dout), called(probe, dout)
    if not _same(first, second):
        yield VARIES
        return
    yield from _caches(probe, dout, first)
    yield from _untouched(probe, dout)


def _caches(probe: Probe, dout: Any, expected: list[np.ndarray]) -> Iterator[Finding]:
    if probe.subject.passes is None:
        return
    forward, backward = probe.subject.passes
    arguments = probe.arguments(probe.start)
    _, cache = forward(*arguments)
    before = [np.array(leaf) for leaf in jax.tree.leaves(cache) if isinstance(leaf, np.ndarray)]
    backward(given(probe, dout), cache, *arguments)
    after = [leaf for leaf in jax.tree.leaves(cache) if isinstance(leaf, np.ndarray)]
    if not _identical(before, after):
        yield Finding(
            "structure",
            "mutated",
            "backward writes into the cache, which changes the result of a second call; copy first",
        )
        return
    _, cache = forward(*arguments)
    try:
        forward(*probe.arguments([thresholds.LAW_ANOTHER * array for array in probe.start]))
    except Exception:  # the function may reject neighbouring points
        return
    found = _arrays(probe, backward(given(probe, dout), cache, *arguments))
    if not _same(found, expected):
        yield Finding(
            "structure",
            "stale",
            "after another forward pass, backward returns a different gradient for the same cache: "
            "it reads state that forward keeps outside of the cache",
        )


def _untouched(probe: Probe, dout: Any) -> Iterator[Finding]:
    if probe.subject.traceable:
        return  # JAX arrays are immutable
    dy, arguments = given(probe, dout), probe.arguments(probe.start)
    kept = copied((dy, arguments))
    gradients = _by_hand(probe)(dy, *arguments)
    names = ["dout", *probe.subject.names]
    apart = zip(names, (kept[0], *kept[1]), (dy, *arguments), (dout, *gradients), strict=False)
    for name, old, new, gradient in apart:
        # Constants may be meant for writing: running averages, a dictionary of settings.
        pairs = zip(jax.tree.leaves(old), jax.tree.leaves(new), strict=False)
        if gradient is not None and any(
            is_known(a) and not np.array_equal(in_numpy(a), in_numpy(b), equal_nan=True)
            for a, b in pairs
        ):
            words = f"it writes into {name}, which its caller still uses; copy first"
            yield Finding("structure", "mutated", words)


def _by_hand(probe: Probe) -> Callable[..., Any]:
    return next(iter(probe.subject.routes.values()))


def called(probe: Probe, dout: Any) -> list[np.ndarray]:
    """The hand-written gradients, not compiled."""
    return _arrays(probe, _by_hand(probe)(given(probe, dout), *probe.arguments(probe.start)))


def _arrays(probe: Probe, gradients: Any) -> list[np.ndarray]:
    found = in_layout(gradients, probe.form)
    if isinstance(found, str):
        return []
    pairs = zip(found, probe.start, strict=True)
    return [np.zeros(a.shape) if leaf is None else np.array(leaf) for leaf, a in pairs]


def _same(found: list[np.ndarray], expected: list[np.ndarray]) -> bool:
    """But for rounding: compiled code may add in an order that depends on where an array lies."""
    pairs = zip(found, expected, strict=True)
    return all(a.shape == b.shape and not compare(a, b).wrong.any() for a, b in pairs)


def _identical(found: list[np.ndarray], expected: list[np.ndarray]) -> bool:
    pairs = zip(found, expected, strict=True)
    return all(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc") for a, b in pairs)
