"""Mistakes with constants: indices, labels, targets, masks."""

import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check.mistakes.evidence import Evidence, Explanation, Explanations, Sample


def constants(evidence: Evidence) -> Explanations:
    """Indices off by one, a mask inverted or unused, targets omitted."""
    probe = evidence.probe
    if not probe.autodiff:
        return
    sizes = sorted({size for array in probe.start for size in array.shape})
    for number, (name, array) in enumerate(zip(probe.others_called, probe.others, strict=True)):
        for kind, words, other in _changes(name, array, sizes):
            if evidence.fits(functools.partial(_with, evidence, number, other)):
                yield Explanation(kind, f"{evidence.leaf}: {words}")


def _changes(name: str, array: jax.Array, sizes: list[int]) -> Iterator[tuple[str, str, jax.Array]]:
    if jnp.issubdtype(array.dtype, jnp.integer):
        for step, sign in ((1, "+"), (-1, "−")):
            words = f"off by one: {name} {sign} 1 is used instead of {name}"
            yield "shifted", words, array + step
            for size in sizes:  # of the axis that they index, modulo its size
                if size > array.max(initial=0):
                    yield "shifted", words, (array + step) % size
    elif jnp.issubdtype(array.dtype, jnp.floating):
        words = f"{name} is omitted: this is the gradient for {name} = 0"
        yield "term missing", words, jnp.zeros_like(array)
    elif array.dtype == jnp.bool_:
        yield "mask inverted", f"the mask {name} is inverted", ~array
        yield "derivative missing", f"the mask {name} is not used", jnp.ones_like(array)


def _with(evidence: Evidence, number: int, other: Any, sample: Sample) -> np.ndarray:
    """The expected gradient with one constant replaced."""
    others = list(evidence.probe.others)
    others[number] = other
    found = evidence.probe.programs["plain"]((sample.floats, tuple(others)), sample.dout)
    return np.asarray(found[evidence.place])
