"""zuko: monotonic transformations and their inverses, quadrature, and an adjoint of solutions."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.held.glue import from_torch

PACKAGE = "zuko"


def cases() -> Iterator[Case]:
    import torch
    from zuko import transforms as of
    from zuko import utils

    rng = np.random.default_rng(83)
    x, a = rng.normal(size=4), rng.uniform(0.5, 1.5, 4)
    share = rng.uniform(-0.9, 0.9, 4)
    w, h, d = rng.normal(size=(2, 3)), rng.normal(size=(2, 3)), rng.normal(size=(2, 2))

    def bisected(y: Any, a: Any) -> Any:
        return utils.bisection(lambda x: a * x + x**3, y, -5.0, 5.0, 60, (a,))

    yield Case(PACKAGE, "bisection", from_torch(bisected), (x, a), options={"rtol": 1e-7})

    def integral(lower: Any, upper: Any, a: Any) -> Any:
        return utils.gauss_legendre(lambda x: torch.exp(-a * x * x), lower, upper, 8, (a,))

    yield Case(PACKAGE, "gauss_legendre", from_torch(integral), (share - 1, share + 0.5, a))

    def solution(x: Any, a: Any) -> Any:
        return utils.odeint(lambda t, x: torch.sin(a * x) + t, x, 0.0, 1.0, (a,), 1e-9, 1e-8)

    yield Case(PACKAGE, "odeint", from_torch(solution), (x[:2], a[:2]), options={"rtol": 1e-5})
    for name, made, at in (
        ("SoftclipTransform", of.SoftclipTransform(bound=3.0), x),
        ("SignedPowerTransform", of.SignedPowerTransform(torch.tensor(0.3)), x),
        ("SinTransform", of.SinTransform(), share),
        ("CosTransform", of.CosTransform(), np.abs(share)),
    ):
        yield Case(PACKAGE, name, from_torch(made), (at,))
        yield Case(PACKAGE, f"{name}.inv", from_torch(made.inv), (0.8 * np.sin(at),))
        ladj = from_torch(lambda x, f=made: f.log_abs_det_jacobian(x, f(x)))
        yield Case(PACKAGE, f"{name}.log_abs_det_jacobian", ladj, (at,))
    spline = from_torch(lambda x, w, h, d: of.MonotonicRQSTransform(w, h, d)(x))
    yield Case(PACKAGE, "MonotonicRQSTransform", spline, (x[:2], w, h, d))
    inverse = from_torch(lambda x, w, h, d: of.MonotonicRQSTransform(w, h, d).inv(x))
    yield Case(PACKAGE, "MonotonicRQSTransform.inv", inverse, (x[:2], w, h, d))
    bernstein = from_torch(lambda x, t: of.BernsteinTransform(t)(x))
    yield Case(PACKAGE, "BernsteinTransform", bernstein, (x, rng.normal(size=(4, 6))))
    affine = from_torch(lambda x, s, t: of.MonotonicAffineTransform(s, t)(x))
    yield Case(PACKAGE, "MonotonicAffineTransform", affine, (x, a, share))
