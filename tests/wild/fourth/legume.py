"""legume-gme: primitives of autograd that photonic crystals need."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case

PACKAGE = "legume-gme"


def taped(function: Callable[..., Any]) -> Pair:
    """A function of autograd's boxes and its vector-Jacobian products."""
    from autograd import make_vjp

    def backward(dout: Any, arrays: Any) -> Any:
        places = range(len(arrays))
        return tuple(make_vjp(function, place)(*arrays)[0](np.asarray(dout)) for place in places)

    return Pair(lambda *arrays: (function(*arrays), arrays), backward)


def cases() -> Iterator[Case]:
    import autograd.numpy as anp
    import scipy.sparse
    from legume import primitives as of

    rng = np.random.default_rng(55)
    A, B, v = rng.normal(size=(3, 3)), rng.normal(size=(3, 3)), rng.normal(size=3)
    grid, where = np.array([0.0, 0.4, 1.1, 2.0]), np.array([0.2, 0.7, 1.9])
    sparse = scipy.sparse.csr_matrix(A * (A > 0))
    places = (np.array([0, 2, 3]),)
    for name, function, arrays in (
        ("extend_ag", lambda v: of.extend_ag(v, places, (5,)), (v,)),
        ("sqrt_ag", of.sqrt_ag, (abs(v),)),
        ("inv_ag", of.inv_ag, (A + 2 * np.eye(3),)),
        ("eigh_ag, values", lambda A: of.eigh_ag(A + anp.transpose(A))[0], (A,)),
        ("eigh_ag, vectors", lambda A: of.eigh_ag(A + anp.transpose(A))[1] ** 2, (A,)),
        ("eigh_ag, complex", lambda A, B: of.eigh_ag(
            A + anp.transpose(A) + 1j * (B - anp.transpose(B)))[0], (A, B)),
        ("eigsh_ag, values", lambda A: of.eigsh_ag(A + anp.transpose(A), k=1)[0], (A,)),
        ("interp_ag", lambda y: of.interp_ag(where, grid, y), (np.array([0.3, -1.0, 2.0, 0.4]),)),
        ("spdot_ag", lambda x: of.spdot_ag(sparse, x), (v,)),
        ("toeplitz_block_ag", lambda a, b: anp.real(of.toeplitz_block_ag(2, a + 0j, b + 0j)),
         (rng.normal(size=6), rng.normal(size=6))),
        ("fmap", lambda v: of.fmap([anp.sum, lambda v: anp.sum(v**2), anp.prod], v), (v,)),
    ):  # fmt: skip
        yield Case(PACKAGE, name, taped(function), arrays)

    def root(x, a, b):
        return x**3 + a * x - b

    def solve(a, b):
        return of.fsolve_ag(root, 0.0, 3.0, a, b)

    yield Case(PACKAGE, "fsolve_ag", taped(solve), (np.array(1.4), np.array(2.2)))
    yield Case(PACKAGE, "sqrt_ag", taped(of.sqrt_ag), (np.array([1e-9, 1e-4, 0.5]),), "small")
