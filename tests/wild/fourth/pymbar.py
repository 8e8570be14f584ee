"""pymbar: the objective of multistate reweighting, its gradient and Hessian."""

from collections.abc import Iterator

import numpy as np

from fnet.check import ValueAndGrad
from tests.wild.case import Case
from tests.wild.glue import by_jacobian, two_functions

PACKAGE = "pymbar"


def cases() -> Iterator[Case]:
    from pymbar import mbar_solvers as of

    rng = np.random.default_rng(48)
    for label, scale, counts in (("", 1.0, [4, 3, 5]), ("an empty state", 1.0, [4, 0, 5]),
                                 ("steep", 30.0, [4, 3, 5])):  # fmt: skip
        N = np.array(counts, float)
        u, f = scale * rng.normal(size=(3, int(N.sum()))), rng.normal(size=3)

        def both(f, u=u, N=N):
            return of.mbar_objective_and_gradient(u, N, f)

        yield Case(PACKAGE, "mbar_objective_and_gradient", ValueAndGrad(both), (f,), label)
        pair = two_functions(lambda f, u=u, N=N: of.mbar_objective(u, N, f),
                             lambda f, u=u, N=N: of.mbar_gradient(u, N, f))  # fmt: skip
        yield Case(PACKAGE, "mbar_gradient", pair, (f,), label)
        pair = by_jacobian(lambda f, u=u, N=N: of.mbar_gradient(u, N, f),
                           lambda f, u=u, N=N: of.mbar_hessian(u, N, f))  # fmt: skip
        yield Case(PACKAGE, "mbar_hessian", pair, (f,), label)
