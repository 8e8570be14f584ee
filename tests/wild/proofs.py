"""For each mistake of the gallery one entry: what the package says, and mpmath by a formula."""

from collections.abc import Callable
from typing import Any

import numpy as np

Proof = Callable[[], tuple[float, float]]


def dish() -> tuple[float, float]:
    """y = z (z/√(1 + z²) + 1) / 2 of z = w x + b, by x."""
    import mpmath as mp
    from thinc.api import Dish, use_ops

    w, b, x = -0.5, 0.4, 1.3
    with use_ops("numpy"):
        model = Dish(1, 1)
        model.initialize(X=np.array([[x]], "f"))
        model.set_param("W", np.array([[w]]))
        model.set_param("b", np.array([b]))
        said = float(model(np.array([[x]]), is_train=True)[1](np.ones((1, 1)))[0, 0])

    def y(x: Any) -> Any:
        z = w * x + b
        return z * (z / mp.sqrt(1 + z * z) + 1) / 2

    return said, float(mp.diff(y, x))


def squared_distance() -> tuple[float, float]:
    """(g - t)² by g."""
    import mpmath as mp
    from thinc.api import L2Distance

    g, t = 1.7, 0.4
    said = L2Distance(normalize=False).get_grad(np.array([[g]]), np.array([[t]]))
    return float(said[0, 0]), float(mp.diff(lambda g: (g - t) ** 2, g))


def embedding() -> tuple[float, float]:
    """w + w by w."""
    import mpmath as mp

    from tests.wild.numpy_ml import of_package

    one = of_package("layers").Embedding(1, vocab_size=1, pool="sum")
    one.forward(np.array([[0, 0]]))
    one.backward(np.ones((1, 1, 1)))
    return float(one.gradients["W"][0, 0]), float(mp.diff(lambda w: w + w, 0.3))


def critic() -> tuple[float, float]:
    """The mean of two outputs on fake examples, by the first."""
    import mpmath as mp

    from tests.wild.numpy_ml import of_package

    fake, real, slopes = np.array([0.3, 0.9]), np.array([0.2, 0.1]), np.ones((2, 2))
    said = of_package("losses").WGAN_GPLoss().grad(fake, "C", real, slopes)[0][0]
    return float(said), float(mp.diff(lambda y: (y + 0.9) / 2, 0.3))


def neighbours() -> tuple[float, float]:
    """The divergence of t-SNE for three points on a line, by the first."""
    import mpmath as mp
    from sklearn.manifold._t_sne import _kl_divergence

    at, near, freedom = [0.2, 1.1, -0.7], [0.25, 0.15, 0.1], 4  # of pairs 01, 02, 12

    def divergence(first: Any) -> Any:
        y = [first, *at[1:]]
        pairs = [(0, 1), (0, 2), (1, 2)]
        tail = mp.mpf(-(freedom + 1)) / 2
        weight = [(1 + (y[i] - y[j]) ** 2 / freedom) ** tail for i, j in pairs]
        q = [each / (2 * sum(weight)) for each in weight]
        return 2 * sum(p * mp.log(p / one) for p, one in zip(near, q, strict=True))

    said = _kl_divergence(np.array(at), np.array(near), freedom, 3, 1)[1][0]
    return float(said), float(mp.diff(divergence, at[0]))


def frank() -> tuple[float, float]:
    """-log((exp(-θ t) - 1) / (exp(-θ) - 1)) by t."""
    import mpmath as mp
    from statsmodels.distributions.copula.transforms import TransfFrank

    t, theta = 0.4, 2.2

    def generator(t: Any) -> Any:
        return -mp.log(mp.expm1(-theta * t) / mp.expm1(-theta))

    return float(TransfFrank().deriv(t, theta)), float(mp.diff(generator, t))


def gumbel() -> tuple[float, float]:
    """(-log t)^θ twice by t."""
    import mpmath as mp
    from statsmodels.distributions.copula.transforms import TransfGumbel

    t, theta = 0.4, 1.8
    with np.errstate(all="ignore"):
        said = complex(TransfGumbel().deriv2(t, theta)).real
    return said, float(mp.diff(lambda t: (-mp.log(t)) ** theta, t, 2))


def inflated() -> tuple[float, float]:
    """The log-likelihood of counts that are 0 with probability w, or else Poisson."""
    import mpmath as mp
    from statsmodels.discrete.count_model import ZeroInflatedPoisson

    counts, params = [0, 2, 0, 1], [-0.3, 0.2]

    def likelihood(inflation: Any, mean: Any) -> Any:
        w, mu = 1 / (1 + mp.exp(-inflation)), mp.exp(mean)
        zero = mp.log(w + (1 - w) * mp.exp(-mu))
        rest = [mp.log(1 - w) - mu + y * mp.log(mu) - mp.loggamma(y + 1) for y in counts if y]
        return counts.count(0) * zero + sum(rest)

    model = ZeroInflatedPoisson(np.array(counts), np.ones((4, 1)))
    said = model.hessian(np.array(params))[0, 1]
    return float(said), float(mp.diff(likelihood, tuple(params), (1, 1)))


def dispersion() -> tuple[float, float]:
    """The log-likelihood of negative binomial counts, by the mean's and by log alpha."""
    import mpmath as mp
    from statsmodels.discrete.discrete_model import NegativeBinomial

    counts, params = [0, 2, 5, 1], [0.2, 0.6]

    def likelihood(mean: Any, log_alpha: Any) -> Any:
        size, mu = mp.exp(-log_alpha), mp.exp(mean)
        share = size / (size + mu)
        return sum(
            mp.loggamma(size + y)
            - mp.loggamma(size)
            - mp.loggamma(y + 1)
            + size * mp.log(share)
            + y * mp.log(1 - share)
            for y in counts
        )

    model = NegativeBinomial(np.array(counts), np.ones((4, 1)))
    said = model.hessian(np.array(params))[0, 1]
    return float(said), float(mp.diff(likelihood, tuple(params), (1, 1)))


def chi2() -> tuple[float, float]:
    """The logarithm of the density x^(k/2 - 1) exp(-x/2) / c by x."""
    import mpmath as mp
    from autograd import grad
    from autograd.scipy.stats import chi2

    x, freedom = 1.2, 2.5
    said = grad(chi2.logpdf)(x, freedom)
    return float(said), float(mp.diff(lambda x: (freedom / 2 - 1) * mp.log(x) - x / 2, x))


def sinc() -> tuple[float, float]:
    """sin(π x) / (π x) at 0."""
    import autograd.numpy as anp
    import mpmath as mp
    from autograd import grad

    with np.errstate(all="ignore"):
        return float(grad(anp.sinc)(0.0)), float(mp.diff(mp.sincpi, 0))


def product() -> tuple[float, float]:
    """2 · x · 3 by x at 0."""
    import autograd.numpy as anp
    import mpmath as mp
    from autograd import grad

    with np.errstate(all="ignore"):
        said = grad(anp.prod)(np.array([2.0, 0.0, 3.0]))[1]
    return float(said), float(mp.diff(lambda x: 2 * x * 3, 0))


def spence() -> tuple[float, float]:
    """The dilogarithm of 1 - x at 1.5."""
    import jax
    import jax.scipy.special as special
    import mpmath as mp

    return float(jax.grad(special.spence)(1.5)), float(
        mp.re(mp.diff(lambda x: mp.polylog(2, 1 - x), 1.5))
    )
