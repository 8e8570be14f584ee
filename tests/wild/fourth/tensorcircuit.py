"""tensorcircuit: matrix factorizations whose derivatives are regularized by hand."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.held.glue import from_torch

PACKAGE = "tensorcircuit-ng"


def cases() -> Iterator[Case]:
    from tensorcircuit.backends import jax_ops, pytorch_ops

    rng = np.random.default_rng(45)
    square, tall = rng.normal(size=(3, 3)), rng.normal(size=(4, 3))
    for label, A in (("square", square), ("tall", tall), ("wide", tall.T.copy())):
        yield Case(PACKAGE, "adaware_svd, values", lambda A: jax_ops.adaware_svd(A)[1], (A,), label)

        def vectors(A):
            return _product(jax_ops.adaware_svd(A))

        yield Case(PACKAGE, "adaware_svd, vectors", vectors, (A,), label)
        yield Case(PACKAGE, "adaware_qr", jax_ops.adaware_qr, (A,), label)
        for number, what in enumerate("QR"):
            factor = from_torch(lambda A, n=number: pytorch_ops.torchqr.apply(A)[n])
            yield Case(PACKAGE, f"torchqr, {what}", factor, (A,), label)

    def values(A):
        return jax_ops.adaware_eigh(A + A.T)[0]

    def vectors(A):
        return jax_ops.adaware_eigh(A + A.T)[1] ** 2

    yield Case(PACKAGE, "adaware_eigh, values", values, (square,))
    yield Case(PACKAGE, "adaware_eigh, vectors", vectors, (square,))
    double = np.diag([1.0, 1.0, 2.0])
    yield Case(PACKAGE, "adaware_eigh, values", lambda A: values(A).sum(), (double,), "double")


def _product(factors: Any) -> Any:
    """What does not depend on the signs of the vectors: the orthogonal factor of the matrix."""
    u, _, v = factors
    return u @ v
