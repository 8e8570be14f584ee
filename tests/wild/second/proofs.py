"""For each mistake of these packages one entry: what the package says, and mpmath's."""

import numpy as np


def breakdown() -> tuple[float, float]:
    """I = -a V g (1 - V/Vb)^(-m) + …, by V, where all but this term is known to be right."""
    import mpmath as mp
    from pvlib.singlediode import bishop88

    cell, options = (0.0, 0.0, 0.0, 300.0, 1.5), (2e-3, -5.5, 3.28)
    names = ("breakdown_factor", "breakdown_voltage", "breakdown_exp")
    given = dict(zip(names, options, strict=True))
    said = bishop88(np.array(-2.0), *cell, gradients=True, **given)[3]

    def current(v: mp.mpf) -> mp.mpf:
        factor, voltage, exponent = options
        return -v / 300 - factor * v / 300 * (1 - v / mp.mpf(voltage)) ** -exponent

    return float(said), float(mp.diff(current, -2))


def norm_of_zeros() -> tuple[float, float]:
    """√(x² + y²) at 0, where x and y move together and to either side: the mean of both slopes."""
    import mpmath as mp
    import mygrad

    x = mygrad.tensor([0.0, 0.0])
    mygrad.linalg.norm(x).backward()
    slopes = [mp.diff(lambda x: mp.sqrt(2 * x * x), 0, direction=side) for side in (-1, 1)]
    return float(x.grad[0]), float(sum(slopes)) / 2


def slope() -> tuple[float, float]:
    """k x for k = 1/2."""
    import mpmath as mp

    vars(np).setdefault("Inf", np.inf)  # it is of NumPy 1
    from neurolab.trans import SatLinPrm

    function, x = SatLinPrm(0.5, -0.8, 0.9), np.array([0.3])
    return float(function.deriv(x, function(x))[0]), float(mp.diff(lambda x: x / 2, 0.3))
