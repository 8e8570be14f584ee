"""Mistakes in the derivatives of these packages: `python -m tests.wild.fourth.gallery`.

Each is confirmed by two means, as in `tests.wild.gallery`.
"""

from tests.wild.fourth import proofs
from tests.wild.gallery import Mistake, show

MISTAKES = (
    Mistake(
        "openturns",
        "1.27.post1",
        "openturns.InverseBoxCoxTransform.gradient",
        "The gradient of (1 + l x)^(1/l) is x^(1/l - 1): 1 + l x is missing.",
        "it disagrees for any power but 0 and 1",
        ("InverseBoxCoxTransform", "0.4"),
        proofs.inverse_box_cox,
    ),
    Mistake(
        "QuantLib",
        "1.44",
        "QuantLib.BlackCalculator.volga",
        "The second derivative by the volatility is too small by the root of the time to expiry; "
        "so is that of BachelierCalculator.",
        "the gradient is the right one times a constant, which is 1 for one year",
        ("BlackCalculator.volga", "Call"),
        proofs.second_by_volatility,
    ),
    Mistake(
        "QuantLib",
        "1.44",
        "QuantLib.BachelierCalculator.theta",
        "The derivative by time is neither that at a constant forward nor that at a constant spot.",
        "it disagrees everywhere; that of BlackCalculator is right",
        ("BachelierCalculator.theta", "Call"),
        proofs.bachelier_by_time,
    ),
    Mistake(
        "pyfeng",
        "0.5.0",
        "pyfeng.Bsm.vega_d2",
        "The derivative of vega by the volatility is divided by the root of the time to expiry.",
        "the gradient is the right one times a constant, which is 1 for one year",
        ("Bsm.vega_d2", ""),
        proofs.vega_by_volatility,
    ),
    Mistake(
        "chainer",
        "7.8.1",
        "chainer.functions.hinge",
        "The backward pass divides the gradient that it is given by the number of rows, in place: "
        "what else uses the same array, as both terms of a sum do, is scaled with it.",
        "a cotangent has changed after the backward pass",
        ("hinge, L1", ""),
        proofs.hinge,
    ),
    Mistake(
        "pypose",
        "0.9.5",
        "pypose.SE3.AdjT",
        "The forward pass is that of the adjoint of the inverse, the backward pass that of the "
        "transposed adjoint; they are the same for rotations alone.",
        "it agrees for SO3 and disagrees everywhere for SE3",
        ("se3 AdjT", ""),
        proofs.transposed_adjoint,
    ),
    Mistake(
        "pypose",
        "0.9.5",
        "pypose.sim3.Exp",
        "The Jacobians of Exp and Log are series cut off after six terms and four, without a word.",
        "it agrees for small tangent vectors, and is off by a tenth at ordinary ones",
        ("sim3 Exp.Act", ""),
        proofs.similarity,
    ),
    Mistake(
        "pyGPGO",
        "0.5.1",
        "pyGPGO.covfunc.matern52.gradK",
        "By the length scale, the variance is missing as a factor.",
        "the gradient is the right one times a constant, which is 1 for a variance of 1",
        ("matern52.gradK", "l"),
        proofs.matern_by_length,
    ),
    Mistake(
        "pyGPGO",
        "0.5.1",
        "pyGPGO.covfunc.matern52.gradK",
        "By the variance, the exponential has the distance, and not that over the length scale.",
        "it agrees for a length scale of 1 and disagrees for another",
        ("matern52.gradK", "sigmaf"),
        proofs.matern_by_variance,
    ),
    Mistake(
        "pyGPGO",
        "0.5.1",
        "pyGPGO.covfunc.gammaExponential.gradK",
        "By the length scale and by gamma, the variance is missing as a factor.",
        "the gradient is the right one times a constant, which is 1 for a variance of 1",
        ("gammaExponential.gradK", "l"),
        proofs.gamma_exponential,
    ),
    Mistake(
        "pyGPGO",
        "0.5.1",
        "pyGPGO.covfunc.rationalQuadratic.gradK",
        "By the length scale and by alpha, the variance is missing as a factor.",
        "the gradient is the right one times a constant, which is 1 for a variance of 1",
        ("rationalQuadratic.gradK", "l"),
        proofs.rational_quadratic,
    ),
    Mistake(
        "pyGPGO",
        "0.5.1",
        "pyGPGO.covfunc.dotProd.gradK",
        "By the noise it is the covariance without the noise, and not 1 on the diagonal.",
        "it disagrees everywhere",
        ("dotProd.gradK", "sigman"),
        proofs.noise_of_products,
    ),
)


if __name__ == "__main__":
    show(MISTAKES)
