"""Mistakes in the derivatives of the held packages: `python -m tests.wild.held.gallery`.

Each is confirmed by two means, as in `tests.wild.gallery`.
"""

from tests.wild.gallery import Mistake, show
from tests.wild.held import proofs

MISTAKES = (
    Mistake(
        "tfp-nightly",
        "0.26.0.dev20261027",
        "tfp.math.hpsd_quadratic_form_solve",
        "The gradient of Bᵀ A⁻¹ B by B is 2 A⁻¹ B G, right for a symmetric cotangent G alone; "
        "it is A⁻¹ B (G + Gᵀ).",
        "the gradient by the right-hand side disagrees for a cotangent that is not symmetric",
        ("hpsd_quadratic_form_solve", ""),
        proofs.quadratic_form,
    ),
    Mistake(
        "tfp-nightly",
        "0.26.0.dev20261027",
        "tfp.distributions.NoncentralChi2.cdf",
        "The derivative by the degrees of freedom is 0, without a word: the rule returns None for "
        "it. So is that of the quantile.",
        "the gradient by the degrees of freedom is 0 where the function rises",
        ("NoncentralChi2.cdf", ""),
        proofs.noncentral,
    ),
    Mistake(
        "numpyro",
        "0.22.0",
        "numpyro.distributions.DoublyTruncatedPowerLaw.log_prob",
        "The derivatives by the bounds are wrong for every exponent, and that by the upper bound "
        "has the wrong sign.",
        "the gradients by both bounds disagree at ordinary arguments",
        ("DoublyTruncatedPowerLaw.log_prob", ""),
        proofs.power_law,
    ),
    Mistake(
        "numpyro",
        "0.22.0",
        "numpyro.distributions.DoublyTruncatedPowerLaw.cdf",
        "At the exponent -1 the derivative by the upper bound has the opposite sign.",
        "it disagrees at -1 and agrees at 1",
        ("DoublyTruncatedPowerLaw.cdf", "alpha -1 and 1"),
        proofs.sign_at_minus_one,
    ),
    Mistake(
        "pints",
        "0.6.1",
        "pints.CensoredGaussianLogLikelihood.evaluateS1",
        "The part of the gradient that comes from censored values is summed over the parameters, "
        "and the sum added to every one of them.",
        "the gradient by the model's parameters disagrees wherever a value is censored",
        ("CensoredGaussianLogLikelihood", ""),
        proofs.censored,
    ),
    Mistake(
        "pints",
        "0.6.1",
        "pints.toy.TwistedGaussianLogPDF.evaluateS1",
        "The derivative by the first coordinate has 100 V where V² belongs: it is right for V = "
        "100, the default, alone.",
        "it disagrees at V = 20 in the first entry",
        ("toy.TwistedGaussianLogPDF", ""),
        proofs.banana,
    ),
    Mistake(
        "copt",
        "0.9.2",
        "copt.loss.LogLoss.hessian_mv",
        "The penalty's part is divided by the number of samples, which it is not in value and "
        "gradient.",
        "the Hessian disagrees with differences of the gradient on the diagonal",
        ("LogLoss.hessian_mv", ""),
        proofs.curvature,
    ),
    Mistake(
        "ott-jax",
        "0.6.0",
        "ott.math.utils.softmin",
        "The derivative by the smoothing γ is 0, without a word.",
        "the gradient by γ is 0 where the function falls",
        ("softmin", "by gamma"),
        proofs.soft_minimum,
    ),
    Mistake(
        "ott-jax",
        "0.6.0",
        "ott.math.utils.norm",
        "With an axis, the derivative at a row of zeros is NaN, where the function promises 0, as "
        "it gives without an axis.",
        "two entries are not numbers",
        ("norm", "a row of 0"),
        proofs.zero_row,
    ),
    Mistake(
        "ott-jax",
        "0.6.0",
        "ott.math.utils.norm, under differentiation",
        "At zeros the rule evaluates the norm of ones, and returns its value too: "
        "`jax.value_and_grad` gives 2 for the norm of four zeros.",
        "forward pass and function disagree at 0",
        ("norm", ""),
        proofs.norm_of_zeros,
    ),
    Mistake(
        "distrax",
        "0.1.9",
        "distrax.Multinomial.log_prob",
        "Where a class has probability 0 and was not seen, the value is finite and all of the "
        "gradient NaN.",
        "all entries are not numbers where the function is smooth in three of them",
        ("Multinomial.log_prob", "boundary"),
        proofs.impossible_class,
    ),
    Mistake(
        "torch",
        "2.13.0",
        "torch.nn.functional.ctc_loss",
        "The gradient is not that by its argument, log-probabilities: it has that of log_softmax "
        "folded in, and is right only behind one.",
        "it agrees behind log_softmax and disagrees by itself",
        ("ctc_loss", "of log-probabilities"),
        proofs.connectionist,
    ),
    Mistake(
        "torch",
        "2.13.0",
        "torch.special.xlogy",
        "At x = y = 0, where the function is 0 for every y, its derivative by y is NaN.",
        "one entry is not a number",
        ("special.xlogy", "0"),
        proofs.product_with_log,
    ),
)


if __name__ == "__main__":
    show(MISTAKES)
