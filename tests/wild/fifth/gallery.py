"""Mistakes in the derivatives of these packages: `python -m tests.wild.fifth.gallery`.

Each is confirmed by two means, as in `tests.wild.gallery`.
"""

from tests.wild.fifth import proofs
from tests.wild.gallery import Mistake, show

MISTAKES = (
    Mistake(
        "pyttb",
        "1.8.6",
        "pyttb.gcp.handles.negative_binomial_grad",
        "The slope of (r + d) log(m + 1) is (r + 1)/(m + 1), and not (r + d)/(m + 1).",
        "it agrees where the count is 1 and nowhere else",
        ("negative_binomial_grad", ""),
        proofs.negative_binomial,
    ),
    Mistake(
        "qc-grid",
        "0.0.9.post1",
        "grid.rtransform.HandyModRTransform.deriv3",
        "A factor of the third derivative is wrong; the first two are right.",
        "it disagrees everywhere",
        ("HandyModRTransform.deriv3", ""),
        proofs.handy,
    ),
    Mistake(
        "prysm",
        "0.21.1",
        "prysm.experimental.raytracing.surfaces.der_direction_cosine_spheroid",
        "The surface has 1 + k, its derivative 1 - k: they are the same for a sphere alone.",
        "the gradient is the right one times a constant, which is 1 for k = 0",
        ("der_direction_cosine_spheroid", ""),
        proofs.spheroid,
    ),
    Mistake(
        "prysm",
        "0.21.1",
        "prysm.experimental.raytracing.surfaces.off_axis_conic_sigma_der",
        "Under the second root, the value has 1 - k c² a and the derivative 1 + k c² a.",
        "it agrees for k = 0 and disagrees everywhere for another",
        ("off_axis_conic_sigma_der", "in x"),
        proofs.off_axis,
    ),
    Mistake(
        "pyGPs",
        "1.3.5",
        "pyGPs.Core.cov.Matern.getDerMatrix",
        "Both derivatives take the kernel for the distance: its matrix is written over that of the "
        "distances before these are used.",
        "both derivatives disagree everywhere, at all four degrees",
        ("cov.Matern 5", "cross"),
        proofs.matern,
    ),
    Mistake(
        "pyGPs",
        "1.3.5",
        "pyGPs.Core.cov.Gabor.getDerMatrix",
        "By the length scale, it is not the square of the distance that multiplies the kernel.",
        "both derivatives disagree everywhere",
        ("cov.Gabor", "cross"),
        proofs.gabor,
    ),
    Mistake(
        "pyGPs",
        "1.3.5",
        "pyGPs.Core.cov.Const.getDerMatrix",
        "The kernel is exp(h), its derivative 2 exp(h); so it is of Linear and of scaled kernels.",
        "the gradient is twice the right one",
        ("cov.Const", "cross"),
        proofs.constant,
    ),
    Mistake(
        "pyGPs",
        "1.3.5",
        "pyGPs.Core.cov.RQard.getDerMatrix",
        "By a length scale, distances are multiplied by it where they must be divided, and those "
        "of a training set are 0.",
        "it agrees where the length scale is 1, between two sets of points",
        ("cov.RQard", "cross"),
        proofs.rational,
    ),
    Mistake(
        "factor_analyzer",
        "0.5.1",
        "factor_analyzer.rotator.Rotator._oblimax_obj",
        "The gradient has the opposite sign of that of the criterion.",
        "it is minus the right one everywhere",
        ("Rotator, oblimax", ""),
        proofs.oblimax,
    ),
    Mistake(
        "ondil",
        "0.4.8",
        "ondil.distributions.SkewT.pdf",
        "The density lacks the constant of Student's t, which depends on the degrees of freedom: "
        "its integral is not 1. The derivative by these has it.",
        "of the four derivatives, that by the degrees of freedom disagrees",
        ("SkewT.dl1_dp1", ""),
        proofs.skewed,
    ),
    Mistake(
        "rlax",
        "0.1.9",
        "rlax.signed_logp1",
        "By autodiff the slope at 0 is 0, since sign(x) is 0 there; it is 1. So it is of "
        "signed_expm1, signed_hyperbolic and signed_parabolic.",
        "one entry is 0 where the function is smooth",
        ("signed_logp1", "zero"),
        proofs.signed,
    ),
)


if __name__ == "__main__":
    show(MISTAKES)
