"""For each mistake of these packages one entry: what the package says, and mpmath's."""

from typing import Any

import numpy as np

PAIR = np.zeros((1, 1)), np.full((1, 1), 0.9)  # a distance of 0.9
START = {"l": 0.7, "sigmaf": 1.3}


def _slope(kernel: Any, parameter: str) -> float:
    return float(kernel.gradK(*PAIR, param=parameter)[0, 0])


def matern_by_length() -> tuple[float, float]:
    """σ (1 + s + s²/3) exp(-s) for s = √5 r/l, by l."""
    import mpmath as mp
    from pyGPGO.covfunc import matern52

    def kernel(l: mp.mpf) -> mp.mpf:  # noqa: E741
        s = mp.sqrt(5) * mp.mpf(0.9) / l
        return mp.mpf(1.3) * (1 + s + s * s / 3) * mp.exp(-s)

    return _slope(matern52(**START), "l"), float(mp.diff(kernel, 0.7))


def matern_by_variance() -> tuple[float, float]:
    """The same by σ."""
    import mpmath as mp
    from pyGPGO.covfunc import matern52

    s = mp.sqrt(5) * mp.mpf(0.9) / mp.mpf(0.7)
    true = mp.diff(lambda sigma: sigma * (1 + s + s * s / 3) * mp.exp(-s), 1.3)
    return _slope(matern52(**START), "sigmaf"), float(true)


def gamma_exponential() -> tuple[float, float]:
    """σ exp(-(r/l)^γ), by l."""
    import mpmath as mp
    from pyGPGO.covfunc import gammaExponential

    true = mp.diff(lambda x: mp.mpf(1.3) * mp.exp(-((mp.mpf(0.9) / x) ** mp.mpf(1.4))), 0.7)
    return _slope(gammaExponential(gamma=1.4, **START), "l"), float(true)


def rational_quadratic() -> tuple[float, float]:
    """σ (1 + r²/(2 α l²))^-α, by l."""
    import mpmath as mp
    from pyGPGO.covfunc import rationalQuadratic

    def kernel(l: mp.mpf) -> mp.mpf:  # noqa: E741
        return mp.mpf(1.3) * (1 + mp.mpf(0.9) ** 2 / (2 * mp.mpf(0.8) * l * l)) ** mp.mpf(-0.8)

    made = rationalQuadratic(alpha=0.8, **START)
    return _slope(made, "l"), float(mp.diff(kernel, 0.7))


def noise_of_products() -> tuple[float, float]:
    """σ x·y + n δ(x, y), by n, for x = y = 2."""
    import mpmath as mp
    from pyGPGO.covfunc import dotProd

    x = np.full((1, 1), 2.0)
    said = dotProd(sigmaf=1.3, sigman=0.2).gradK(x, x, param="sigman")[0, 0]
    return float(said), float(mp.diff(lambda n: mp.mpf(1.3) * 4 + n, 0.2))
