"""pyproximal: terms of objectives, with gradients of themselves or of their Moreau envelopes."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import two_functions

PACKAGE = "pyproximal"


def cases() -> Iterator[Case]:
    import pylops
    import pyproximal

    rng = np.random.default_rng(6)
    A, b, x = rng.normal(size=(5, 4)), rng.normal(size=5), rng.normal(size=4)
    of, square = pylops.MatrixMult(A), pylops.MatrixMult(A.T @ A)
    least = pyproximal.L2(Op=of, b=b, sigma=1.7)
    quadratic = pyproximal.Quadratic(Op=square, b=A.T @ b, c=0.3)
    for name, term in (
        ("L2", least),
        ("L2 of nothing", pyproximal.L2(sigma=0.7)),
        ("L2 with b", pyproximal.L2(b=x[::-1].copy(), sigma=0.7)),
        ("L2 with q", pyproximal.L2(Op=of, b=b, q=rng.normal(size=4), sigma=0.7, alpha=1.3)),
        ("L2Convolve", pyproximal.L2Convolve(np.array([0.2, 1.0, -0.4]), b=x[::-1].copy())),
        ("Euclidean", pyproximal.Euclidean(1.7)),
        ("Quadratic", quadratic),
        ("Quadratic, not symmetric", pyproximal.Quadratic(
            Op=pylops.MatrixMult(rng.normal(size=(4, 4))), b=A.T @ b)),
        ("Quadratic, linear", pyproximal.Quadratic(b=A.T @ b, c=0.3)),
        ("multiple", 2.5 * least),
        ("precomposition", least.precomposition(1.7, 0.4)),
        ("affine addition", least.affine_addition(rng.normal(size=4))),
    ):  # fmt: skip
        yield Case(PACKAGE, name, two_functions(term, term.grad), (x,))
    yield Case(PACKAGE, "L2", two_functions(least, least.grad), (np.zeros(4),), "at zero")
    yield from _factors(rng)


def _factors(rng: Any) -> Iterator[Case]:
    from pyproximal.utils.bilinear import LowRankFactorizedMatrix

    X, Y, d = rng.normal(size=(3, 2)), rng.normal(size=(2, 4)), rng.normal(size=12)

    def made() -> Any:
        return LowRankFactorizedMatrix(X.copy(), Y.copy(), d)

    def value(xy: Any) -> Any:
        of = made()
        return of(xy[:6], xy[6:])

    def gradient(xy: Any) -> Any:
        of = made()
        of.updatexy(xy)
        return of.grad(xy)

    both = np.concatenate([X.ravel(), Y.ravel()])
    yield Case(PACKAGE, "LowRankFactorizedMatrix", two_functions(value, gradient), (both,))
