"""Mistakes in the derivatives of these packages: `python -m tests.wild.third.gallery`.

Each is confirmed by two means, as in `tests.wild.gallery`.
"""

from tests.wild.gallery import Mistake, show
from tests.wild.third import proofs

MISTAKES = (
    Mistake(
        "pytensor",
        "3.0.7",
        "pytensor.tensor.gammaincc",
        "The derivative by k is an asymptotic series that is cut off after nine terms and used for "
        "arguments where it diverges: at k = 20, x = 18 it is -35. That of gammainc is right.",
        "it disagrees by a thousandth at k = 8, x = 6, and more for larger ones",
        ("gammaincc", ""),
        proofs.upper_gamma,
    ),
    Mistake(
        "gala",
        "1.11.0",
        "gala.potential.KuzminPotential.hessian",
        "The Hessian is 0, without a word: none was written.",
        "it is 0 where the gradient changes",
        ("KuzminPotential", "Hessian"),
        proofs.kuzmin,
    ),
    Mistake(
        "gala",
        "1.11.0",
        "gala.potential.BurkertPotential.hessian",
        "The Hessian is 0, without a word: none was written.",
        "it is 0 where the gradient changes",
        ("BurkertPotential", "Hessian"),
        proofs.burkert,
    ),
    Mistake(
        "scikit-fem",
        "12.0.2",
        "skfem.ElementLinePp.lbasis",
        "Values and slopes are kept, and returned for any other points if they are as many.",
        "the values do not change with the points; of an element made anew all agrees",
        ("LinePp", "3"),
        proofs.asked_again,
    ),
    Mistake(
        "nilearn",
        "0.14.1",
        "nilearn.decoding.space_net_solvers._squared_loss_and_spatial_grad_derivative",
        "The loss leaves out the differences of voxels beside the mask, the gradient takes them "
        "in. So does that of the logistic loss.",
        "it disagrees at voxels that follow one outside of the mask",
        ("_squared_loss_and_spatial_grad", ""),
        proofs.beside_the_mask,
    ),
    Mistake(
        "scikit-survival",
        "0.28.0",
        "sksurv.ensemble.survival_loss.IPCWLeastSquaresError.gradient",
        "The weights of the loss are not in its gradient, which is not 0 for who is censored.",
        "the gradient disagrees everywhere, and where it must be 0",
        ("IPCWLeastSquaresError", ""),
        proofs.weights,
    ),
    Mistake(
        "pyproximal",
        "0.13.0",
        "pyproximal.Quadratic.grad",
        "The gradient of x·A x/2 is A x, right for a symmetric A alone; a square one is asked for.",
        "it agrees for a symmetric matrix and disagrees for another",
        ("Quadratic, not symmetric", ""),
        proofs.not_symmetric,
    ),
    Mistake(
        "dm-pix",
        "0.4.5",
        "dm_pix.flat_nd_linear_interpolate",
        "At whole coordinates the slope is 0: the points to either side are then the same one. "
        "affine_transform and rotate inherit it.",
        "autodiff disagrees with differences at whole coordinates, also of data on a line",
        ("flat_nd_linear_interpolate", "whole coordinates, on a line"),
        proofs.whole_coordinate,
    ),
)


if __name__ == "__main__":
    show(MISTAKES)
