"""Mistakes with what is not differentiated: indices, labels, targets, masks."""

import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check.mistakes.evidence import Evidence, Explanation, Explanations, Sample


def constants(evidence: Evidence) -> Explanations:
    """Indices off by one, a mask inverted or not used, targets left out."""
    bench = evidence.bench
    if not bench.autodiff:
        return
    sizes = sorted({size for array in bench.start for size in array.shape})
    for number, (name, array) in enumerate(zip(bench.others_called, bench.others, strict=True)):
        for kind, words, other in _changes(name, array, sizes):
            if evidence.fits(functools.partial(_with, evidence, number, other)):
                yield Explanation(kind, f"{evidence.leaf}: {words}")


def _changes(name: str, array: jax.Array, sizes: list[int]) -> Iterator[tuple[str, str, jax.Array]]:
    if jnp.issubdtype(array.dtype, jnp.integer):
        for step, sign in ((1, "+"), (-1, "−")):
            words = f"off by one: {name} {sign} 1 stands where {name} must"
            yield "shifted", words, array + step
            for size in sizes:  # of the axis that they point into: the last is before the first
                if size > array.max(initial=0):
                    yield "shifted", words, (array + step) % size
    elif jnp.issubdtype(array.dtype, jnp.floating):
        words = f"{name} is left out: this is the gradient where {name} is 0"
        yield "term missing", words, jnp.zeros_like(array)
    elif array.dtype == jnp.bool_:
        yield "mask inverted", f"the mask {name} is inverted", ~array
        yield "derivative missing", f"the mask {name} is not used", jnp.ones_like(array)


def _with(evidence: Evidence, number: int, other: Any, sample: Sample) -> np.ndarray:
    """What is expected with this constant in the place of that."""
    others = list(evidence.bench.others)
    others[number] = other
    found = evidence.bench.programs["plain"]((sample.floats, tuple(others)), sample.dout)
    return np.asarray(found[evidence.place])
