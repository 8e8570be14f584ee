"""pyPESTO: priors of parameters on three scales, with two derivatives, and their residuals."""

from collections.abc import Iterator

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import elementwise

PACKAGE = "pypesto"
PRIORS = {
    "uniform": (0.0, 9.0),
    "normal": (0.4, 1.3),
    "laplace": (0.2, 1.3),
    "logNormal": (0.2, 0.8),
    "parameterScaleNormal": (0.4, 1.3),
    "parameterScaleLaplace": (0.2, 1.3),
}
VALUES = (("density_fun", "density_dx"), ("density_dx", "density_ddx"), ("residual", "residual_dx"))


def cases() -> Iterator[Case]:
    from pypesto.objective.priors import get_parameter_prior_dict

    at = np.random.default_rng(73).uniform(0.3, 0.9, 4)
    for kind, parameters in PRIORS.items():
        scales = ("lin",) if kind.startswith("parameterScale") else ("lin", "log", "log10")
        for scale in scales:
            one = get_parameter_prior_dict(0, kind, list(parameters), scale)
            for value, slope in VALUES:
                if one[value] is not None:
                    pair = elementwise(*(np.vectorize(one[each], otypes=[float])
                                         for each in (value, slope)))  # fmt: skip
                    yield Case(PACKAGE, f"{kind}.{slope}", pair, (at,), scale)
