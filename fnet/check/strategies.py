"""Shapes and values for `hypothesis` at which gradients tend to be wrong; extra `check`.

Every new shape is compiled, which exceeds the deadline of hypothesis: set `deadline=None`.

>>> from hypothesis import given, settings
>>> from fnet.check import check_gradients
>>> from fnet.check.strategies import arrays, shapes
>>> import jax
>>> @settings(deadline=None, max_examples=20)
... @given(arrays(shapes(max_dims=2)))
... def test_relu(x):
...     check_gradients(jax.nn.relu, x)
"""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

SPECIAL = (0.0, 1.0, -1.0, 0.5, 1e-6, -1e-6, 1e3, -1e3)


def shapes(
    *, min_dims: int = 1, max_dims: int = 3, max_side: int = 5
) -> SearchStrategy[tuple[int, ...]]:
    """Small shapes, including axes of size one.

    >>> from hypothesis import given
    >>> @given(arrays(shapes(min_dims=2, max_dims=2, max_side=4)))
    ... def test_shape(x):
    ...     assert x.ndim == 2 and x.size <= 16
    >>> test_shape()
    """
    return st.lists(st.integers(1, max_side), min_size=min_dims, max_size=max_dims).map(tuple)


@st.composite
def arrays(draw: Any, shape: SearchStrategy[tuple[int, ...]] | tuple[int, ...]) -> np.ndarray:
    """float64 arrays: normal numbers of one scale, with some zeros, ties, tiny and huge entries, or
    with equal rows."""
    of = shape if isinstance(shape, tuple) else draw(shape)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    array: np.ndarray = rng.normal(size=of) * draw(st.sampled_from([1.0, 1e-6, 1e3]))
    for _ in range(draw(st.integers(0, 3))):
        if array.size:
            array.flat[draw(st.integers(0, array.size - 1))] = draw(st.sampled_from(SPECIAL))
    if array.ndim > 1 and draw(st.booleans()):
        array[:] = array[:1]
    return array
