"""mogp-emulator: kernels and priors of Gaussian processes, with two derivatives each."""

from collections.abc import Iterator

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case
from tests.wild.glue import elementwise

PACKAGE = "mogp-emulator"
KERNELS = ("SquaredExponential", "UniformSqExp", "Matern52", "UniformMat52", "ProductMat52")
PRIORS = ("NormalPrior", "LogNormalPrior", "GammaPrior", "InvGammaPrior")


def cases() -> Iterator[Case]:
    from mogp_emulator import GPParams, Kernel, Priors

    rng = np.random.default_rng(68)
    x, z = rng.normal(size=(4, 2)), rng.normal(size=(3, 2))
    for name in KERNELS:
        kernel = getattr(Kernel, name)()
        params = 0.5 * rng.normal(size=1 if name.startswith("Uniform") else 2)
        for label, other in (("", z), ("itself", x)):
            pair = Pair(
                lambda p, k=kernel, z=other: (k.kernel_f(x, z, p), p),
                lambda dout, p, k=kernel, z=other: np.einsum(
                    "nm,pnm->p", dout, k.kernel_deriv(x, z, p)
                ),
            )
            yield Case(PACKAGE, f"{name}.kernel_deriv", pair, (params,), label)
            pair = Pair(
                lambda p, k=kernel, z=other: (k.kernel_deriv(x, z, p), p),
                lambda dout, p, k=kernel, z=other: np.einsum(
                    "pnm,pqnm->q", dout, k.kernel_hessian(x, z, p)
                ),
            )
            yield Case(PACKAGE, f"{name}.kernel_hessian", pair, (params,), label)
    squared = rng.uniform(0.2, 3.0, size=(3, 2))
    for name in ("SquaredExponential", "Matern52"):
        kernel = getattr(Kernel, name)()
        for value, slope in (("calc_K", "calc_dKdr2"), ("calc_dKdr2", "calc_d2Kdr22")):
            pair = elementwise(getattr(kernel, value), getattr(kernel, slope))
            yield Case(PACKAGE, f"{name}.{slope}", pair, (squared,))
    at = rng.uniform(0.3, 2.0, size=5)
    for name in PRIORS:
        prior = getattr(Priors, name)(1.7, 0.8)
        for value, slope in (("logp", "dlogpdx"), ("dlogpdx", "d2logpdx2")):
            pair = elementwise(*(np.vectorize(getattr(prior, each)) for each in (value, slope)))
            yield Case(PACKAGE, f"{name}.{slope}", pair, (at,))
        for transform in (GPParams.CorrTransform, GPParams.CovTransform):
            to = transform.transform
            pair = elementwise(
                np.vectorize(lambda r, p=prior, t=to: p.logp(t(r))),
                np.vectorize(lambda r, p=prior, t=transform: p.dlogpdtheta(t.transform(r), t)),
            )
            label = transform.__name__
            yield Case(PACKAGE, f"{name}.dlogpdtheta", pair, (at - 1,), label)
            pair = elementwise(
                np.vectorize(lambda r, p=prior, t=transform: p.dlogpdtheta(t.transform(r), t)),
                np.vectorize(lambda r, p=prior, t=transform: p.d2logpdtheta2(t.transform(r), t)),
            )
            yield Case(PACKAGE, f"{name}.d2logpdtheta2", pair, (at - 1,), label)
    for transform in (GPParams.CorrTransform, GPParams.CovTransform):
        scaled, name = transform.transform, transform.__name__
        pair = elementwise(scaled, lambda r, t=transform: t.dscaled_draw(t.transform(r)))
        yield Case(PACKAGE, f"{name}.dscaled_draw", pair, (at - 1,))
        pair = elementwise(lambda r, t=transform: t.dscaled_draw(t.transform(r)),
                           lambda r, t=transform: t.d2scaled_draw2(t.transform(r)))  # fmt: skip
        yield Case(PACKAGE, f"{name}.d2scaled_draw2", pair, (at - 1,))
