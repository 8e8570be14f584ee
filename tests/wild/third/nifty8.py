"""nifty8: fields, whose functions and energies carry the Jacobian that was written beside them."""

from collections.abc import Iterator
from typing import Any

import mpmath as mp
import numpy as np

from fnet.check import Pair
from tests.wild.case import Case

PACKAGE = "nifty8"
X = np.array([-1.7, -0.4, 0.3, 1.2])
POINTWISE = {
    "sqrt": (abs(X), mp.sqrt), "sin": (X, mp.sin), "tan": (X, mp.tan), "sinc": (X, mp.sincpi),
    "exp": (X, mp.exp), "expm1": (X, mp.expm1), "log": (abs(X), mp.log),
    "log10": (abs(X), mp.log10),
    "log1p": (X / 2, mp.log1p), "sinh": (X, mp.sinh), "tanh": (X, mp.tanh),
    "sigmoid": (X, lambda x: 1 / (1 + mp.exp(-2 * x))), "reciprocal": (X, lambda x: 1 / x),
    "abs": (X, abs), "sign": (X, mp.sign), "arctan": (X, mp.atan), "unitstep": (X, None),
    "softplus": (np.array([-50.0, -20.0, 0.3, 20.0, 50.0]), lambda x: mp.log1p(mp.exp(x))),
}  # fmt: skip


def of_operator(make: Any) -> Pair:
    """An operator on fields over points, and the adjoint of its Jacobian."""
    import nifty8 as ift

    def parts(x: Any) -> Any:
        domain = ift.makeDomain(ift.UnstructuredDomain(np.shape(x)))
        field = ift.makeField(domain, np.array(x))
        return field, make(ift, domain)

    def forward(x: Any) -> Any:
        field, operator = parts(x)
        return np.array(operator(field).val), x

    def backward(dout: Any, x: Any) -> Any:
        field, operator = parts(x)
        linear = operator(ift.Linearization.make_var(field))
        return linear.jac.adjoint(ift.makeField(linear.target, np.array(dout))).val

    return Pair(forward, backward)


def cases() -> Iterator[Case]:
    for name, (at, exact) in POINTWISE.items():
        yield Case(PACKAGE, name, of_operator(_pointwise(name)), (at,), "", exact)
    yield Case(PACKAGE, "sinc", of_operator(_pointwise("sinc")), (np.array([0.0, 1, -2]),), "zeros",
               mp.sincpi)  # fmt: skip
    for name, more in (("power", (2.5,)), ("clip", (0.3, 0.9)), ("exponentiate", (1.7,))):
        yield Case(PACKAGE, name, of_operator(_pointwise(name, *more)), (abs(X),))
    yield Case(PACKAGE, "power", of_operator(_pointwise("power", 3)), (X,), "cube")
    rng = np.random.default_rng(7)
    x, counts = rng.normal(size=4), np.array([0, 1, 4, 2])
    data, hits = rng.normal(size=4), np.array([0, 1, 1, 0])
    for name, make, at in (
        ("Squared2NormOperator", lambda i, d: i.Squared2NormOperator(d), x),
        ("GaussianEnergy", lambda i, d: i.GaussianEnergy(i.makeField(d, data)), x),
        ("GaussianEnergy with covariance", _with_covariance(data), x),
        ("PoissonianEnergy", lambda i, d: i.PoissonianEnergy(i.makeField(d, counts)), abs(x)),
        ("InverseGammaEnergy",
         lambda i, d: i.InverseGammaEnergy(i.makeField(d, abs(data))), abs(x)),
        ("StudentTEnergy", lambda i, d: i.StudentTEnergy(d, 2.7), x),
        ("BernoulliEnergy", lambda i, d: i.BernoulliEnergy(i.makeField(d, hits)),
         np.array([0.2, 0.4, 0.9, 0.6])),
        ("StandardHamiltonian", lambda i, d: i.StandardHamiltonian(
            i.GaussianEnergy(i.makeField(d, data))), x),
        ("product", lambda i, d: i.ScalingOperator(d, 1.0).exp() * i.ScalingOperator(d, 2.0).tanh(),
         x),
        ("vdot", lambda i, d: i.ScalingOperator(d, 1.0).exp().vdot(i.ScalingOperator(d, 2.0)), x),
        ("HarmonicSmoothing", _smoothed, x),
    ):  # fmt: skip
        yield Case(PACKAGE, name, of_operator(make), (at,))


def _pointwise(name: str, *more: Any) -> Any:
    return lambda ift, domain: ift.ScalingOperator(domain, 1.0).ptw(name, *more)


def _with_covariance(data: Any) -> Any:
    def make(ift: Any, domain: Any) -> Any:
        inverse = ift.makeOp(ift.makeField(domain, np.array([0.5, 1.0, 2.0, 0.3])))
        return ift.GaussianEnergy(ift.makeField(domain, data), inverse_covariance=inverse)

    return make


def _smoothed(ift: Any, domain: Any) -> Any:
    space = ift.RGSpace(domain.shape)
    cast = ift.GeometryRemover(space).adjoint
    return ift.HarmonicSmoothingOperator(space, 0.2) @ cast
