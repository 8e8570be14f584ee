"""fmmax: eigenvectors of matrices that are not symmetric, with a broadened derivative."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case

PACKAGE = "fmmax"


def cases() -> Iterator[Case]:
    import jax.numpy as jnp
    from fmmax import eig

    rng = np.random.default_rng(46)
    A, B = rng.normal(size=(2, 3, 3))
    S = A + A.T

    def both(A: Any, B: Any) -> Any:
        values, vectors = eig.eig(A + 1j * B)
        return jnp.abs(values), jnp.abs(vectors)

    yield Case(PACKAGE, "eig, values", lambda A: eig.eig(A)[0].real, (S,), "symmetric")
    yield Case(PACKAGE, "eig, vectors", lambda A: jnp.abs(eig.eig(A)[1]) ** 2, (S,), "symmetric")
    yield Case(PACKAGE, "eig", both, (A, B), "complex")
    yield Case(PACKAGE, "eig, values", lambda A: jnp.abs(eig.eig(A)[0]), (A,))
