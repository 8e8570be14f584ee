"""ondil: scores of distributions by their parameters, and links, for regressions of these."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case
from tests.wild.glue import elementwise

PACKAGE = "ondil"
# The observations, and the range of each parameter.
REAL, POSITIVE, SHARE = (-2.0, 2.0), (0.4, 2.5), (0.1, 0.9)
DISTRIBUTIONS = {
    "Normal": (REAL, REAL, POSITIVE),
    "NormalMeanVariance": (REAL, REAL, POSITIVE),
    "StudentT": (REAL, REAL, POSITIVE, (3.0, 9.0)),
    "SkewT": (REAL, REAL, POSITIVE, (0.5, 2.0), (3.0, 9.0)),
    "SkewTMeanStd": (REAL, REAL, POSITIVE, (0.5, 2.0), (3.0, 9.0)),
    "JSU": (REAL, REAL, POSITIVE, REAL, POSITIVE),
    "Gamma": (POSITIVE, POSITIVE, POSITIVE),
    "Beta": (SHARE, SHARE, SHARE),
    "BetaInflated": (SHARE, SHARE, SHARE, POSITIVE, POSITIVE),
    "BetaInflatedZero": (SHARE, SHARE, SHARE, POSITIVE),
    "LogNormal": (POSITIVE, REAL, POSITIVE),
    "LogNormalMedian": (POSITIVE, POSITIVE, POSITIVE),
    "Logistic": (REAL, REAL, POSITIVE),
    "Exponential": (POSITIVE, POSITIVE),
    "PowerExponential": (REAL, REAL, POSITIVE, POSITIVE),
    "Gumbel": (REAL, REAL, POSITIVE),
    "ReverseGumbel": (REAL, REAL, POSITIVE),
    "InverseGaussian": (POSITIVE, POSITIVE, POSITIVE),
    "InverseGamma": (POSITIVE, POSITIVE, POSITIVE),
    "ZeroAdjustedGamma": (POSITIVE, POSITIVE, POSITIVE, SHARE),
    "Weibull": (POSITIVE, POSITIVE, POSITIVE),
}
LINKS = {
    "Log": ((), POSITIVE),
    "LogShiftTwo": ((), (2.5, 5.0)),
    "LogIdent": ((), (0.2, 3.0)),
    "Logit": ((), SHARE),
    "Sqrt": ((), POSITIVE),
    "SqrtShiftTwo": ((), (2.5, 5.0)),
    "InverseSoftPlus": ((), POSITIVE),
    "InverseSoftPlusShiftTwo": ((), (2.5, 5.0)),
}


def cases() -> Iterator[Case]:
    from ondil import distributions, links

    rng = np.random.default_rng(67)
    for name, (of, *ranges) in DISTRIBUTIONS.items():
        one = getattr(distributions, name)()
        y = rng.uniform(*of, size=5)
        theta = np.stack([rng.uniform(*each, size=5) for each in ranges], 1)
        yield Case(PACKAGE, f"{name}.dl1_dp1", _score(one, y), (theta,))
    counts = rng.poisson(2.0, size=5).astype(float)
    poisson = _score(distributions.Poisson(), counts, "logpmf")
    yield Case(PACKAGE, "Poisson.dl1_dp1", poisson, (rng.uniform(*POSITIVE, size=(5, 1)),))
    inflated = np.array([0.0, 1.0, 0.3, 0.0, 0.8])
    theta = np.stack([rng.uniform(*each, size=5) for each in (SHARE, SHARE, POSITIVE, POSITIVE)], 1)
    yield Case(PACKAGE, "BetaInflated.dl1_dp1", _score(distributions.BetaInflated(), inflated),
               (theta,), "at the ends")  # fmt: skip
    zeros = np.array([0.0, 1.3, 0.4, 0.0, 2.0])
    theta = np.stack([rng.uniform(*each, size=5) for each in (POSITIVE, POSITIVE, SHARE)], 1)
    yield Case(PACKAGE, "ZeroAdjustedGamma.dl1_dp1",
               _score(distributions.ZeroAdjustedGamma(), zeros), (theta,), "zeros")  # fmt: skip
    for name, (more, of) in LINKS.items():
        link, x = getattr(links, name)(*more), rng.uniform(*of, size=5)
        for value, slope, at in (
            ("link", "link_derivative", x),
            ("link_derivative", "link_second_derivative", x),
            ("inverse", "inverse_derivative", link.link(x)),
        ):
            if name == "LogIdent" and value != "inverse":
                continue  # the package has none
            pair = elementwise(getattr(link, value), getattr(link, slope))
            yield Case(PACKAGE, f"{name}.{slope}", pair, (at,))


def _score(one: Any, y: Any, density: str = "logpdf") -> Pair:
    """The logarithm of the density of each observation, by its row of parameters."""

    def backward(dout: Any, theta: Any) -> Any:
        slopes = [one.dl1_dp1(y, theta, number) for number in range(theta.shape[1])]
        return dout[:, None] * np.stack(slopes, 1)

    return Pair(lambda theta: (getattr(one, density)(y, theta), theta), backward)
