"""Mistakes in the derivatives of public packages: `python -m tests.wild.gallery`.

Each is confirmed by two means: the differences of `truth.py` at its case, and the derivative of an
independent formula in mpmath (`proofs.py`) beside what the package says.
"""

from typing import NamedTuple

from tests.wild import proofs
from tests.wild.proofs import Proof


class Mistake(NamedTuple):
    """What is wrong in a version of a package, how it was seen, and the case that shows it, as the
    name and the label that it has in this folder. `proof` gives what the package says of one entry,
    and what mpmath says."""

    package: str
    version: str
    function: str
    what: str
    how: str
    case: tuple[str, str]
    proof: Proof


MISTAKES = (
    Mistake(
        "thinc",
        "9.1.1",
        "thinc.layers.Dish",
        "The backward pass evaluates the derivative of the activation at the layer's input X, and "
        "not at W X + b. Where the widths of input and output differ, it raises.",
        "all of dX, dW and db disagree at ordinary arguments",
        ("layers.Dish", "as wide as its input"),
        proofs.dish,
    ),
    Mistake(
        "thinc",
        "9.1.1",
        "thinc.loss.L2Distance",
        "The gradient is g - t, the loss the sum of (g - t)²: a factor of 2 is missing; with "
        "normalize=True, the loss is divided by the square of the number of rows, and the gradient "
        "by the number.",
        "the gradient is the right one times a constant",
        ("loss.L2Distance", "normalize=False"),
        proofs.squared_distance,
    ),
    Mistake(
        "numpy-ml",
        "0.1.2",
        "numpy_ml.neural_nets.layers.Embedding",
        "With pool='sum' or 'mean', an id that occurs twice in a row gets its gradient once: "
        "`dW[ids] += dy` adds repeated indices only once.",
        "the row of the repeated id is too small; without repeated ids all agrees",
        ("layers.Embedding pool=sum", "edge repeated ids"),
        proofs.embedding,
    ),
    Mistake(
        "numpy-ml",
        "0.1.2",
        "numpy_ml.neural_nets.losses.WGAN_GPLoss",
        "The gradients of the critic's loss by its outputs on fake and on real examples have the "
        "opposite sign.",
        "both gradients are the negative of the right ones at ordinary arguments",
        ("losses.WGAN_GPLoss", "critic"),
        proofs.critic,
    ),
    Mistake(
        "scikit-learn",
        "1.9.1",
        "sklearn.manifold._t_sne._kl_divergence",
        "The gradient is multiplied by (1 + d²/ν)^(-(ν + 1)/2), where it should be by "
        "(1 + d²/ν)^(-1): these are the same at ν = 1 degree of freedom alone.",
        "it agrees at 1 degree of freedom and disagrees everywhere at 2 and 4",
        ("t_sne._kl_divergence", "4 degrees of freedom"),
        proofs.neighbours,
    ),
    Mistake(
        "statsmodels",
        "0.15.0",
        "statsmodels.distributions.copula.transforms.TransfFrank.deriv",
        "The derivative of the generator has the opposite sign.",
        "it is the negative of the right one at ordinary arguments",
        ("copula.TransfFrank.deriv", "ordinary"),
        proofs.frank,
    ),
    Mistake(
        "statsmodels",
        "0.15.0",
        "statsmodels.distributions.copula.transforms.TransfGumbel.deriv2",
        "A power of a negative number makes the second derivative NaN unless θ is whole.",
        "it is not a number where the first derivative is smooth",
        ("copula.TransfGumbel.deriv2", "ordinary"),
        proofs.gumbel,
    ),
    Mistake(
        "statsmodels",
        "0.15.0",
        "statsmodels.discrete.count_model.ZeroInflatedPoisson.hessian",
        "The block of mixed derivatives, by inflation and by mean, is 0: it is computed above the "
        "diagonal and then overwritten by what is below.",
        "the Hessian disagrees with differences of the score in that block alone",
        ("discrete.ZeroInflatedPoisson.hessian", "ordinary"),
        proofs.inflated,
    ),
    Mistake(
        "statsmodels",
        "0.15.0",
        "statsmodels.discrete.discrete_model.NegativeBinomial.hessian",
        "Before the model is fitted, log-likelihood and score take the logarithm of alpha; the "
        "Hessian is by alpha itself.",
        "its last row and column disagree, by a factor of alpha in the mixed derivatives",
        ("discrete.NegativeBinomial.hessian", "unfitted"),
        proofs.dispersion,
    ),
    Mistake(
        "autograd",
        "1.9.1",
        "autograd.scipy.stats.chi2.logpdf",
        "The derivative is 0 unless the degrees of freedom are a whole number.",
        "it agrees at 3 degrees of freedom and is 0 at 2.5",
        ("scipy.stats.chi2.logpdf", "2.5 degrees of freedom"),
        proofs.chi2,
    ),
    Mistake(
        "autograd",
        "1.9.1",
        "autograd.numpy.sinc",
        "The derivative at 0 is NaN; it is 0.",
        "one entry is not a number where the function is smooth",
        ("numpy.sinc", "edge"),
        proofs.sinc,
    ),
    Mistake(
        "autograd",
        "1.9.1",
        "autograd.numpy.prod",
        "The derivative by an entry that is 0 is NaN: the product is divided by the entry.",
        "one entry is not a number where the function is a polynomial",
        ("numpy.prod", "edge a zero"),
        proofs.product,
    ),
    Mistake(
        "jax",
        "0.10.2",
        "jax.scipy.special.spence",
        "By autodiff, the derivative is NaN at 1.2, 1.5 and 2, and 0 at 1, where it is -1.",
        "autodiff disagrees with mpmath and with differences where the function is smooth",
        ("scipy.special.spence", "edge 1, 2, 1e-3"),
        proofs.spence,
    ),
)


def show(mistakes: tuple[Mistake, ...]) -> None:
    """Print each mistake with both numbers, where the package is installed."""
    for one in mistakes:
        print(f"{one.package} {one.version}, {one.function}: {one.what}\n  Seen: {one.how}.")
        try:
            said, true = one.proof()
        except ImportError as error:
            print(f"  not installed: {error}")
            continue
        print(f"  one entry is {said:.9g}; by mpmath it is {true:.9g}")


if __name__ == "__main__":
    show(MISTAKES)
