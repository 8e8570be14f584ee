"""nilearn: data fits and penalties of images, and the adjoints of their differences."""

from collections.abc import Iterator

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case
from tests.wild.glue import two_functions

PACKAGE = "nilearn"


def cases() -> Iterator[Case]:
    from nilearn.decoding import _objective_functions as of
    from nilearn.decoding import space_net_solvers as solvers

    rng = np.random.default_rng(9)
    X, w, y = rng.normal(size=(7, 4)), rng.normal(size=4), rng.normal(size=7)
    sides = np.where(y > 0, 1.0, -1.0)
    with_intercept, far = np.append(w, 0.3), 40 * np.append(w, 0.3)
    squared = two_functions(lambda w: of.squared_loss(X, y, w),
                            lambda w: of.squared_loss(X, y, w, False, True))  # fmt: skip
    yield Case(PACKAGE, "squared_loss", squared, (w,))
    logistic = two_functions(lambda w: of.logistic_loss(X, sides, w),
                             lambda w: of.logistic_loss_grad(X, sides, w))  # fmt: skip
    yield Case(PACKAGE, "logistic_loss", logistic, (with_intercept,))
    yield Case(PACKAGE, "logistic_loss", logistic, (far,), "far")
    image = rng.normal(size=(3, 2, 4))
    difference = Pair(lambda x: (of.gradient_id(x, 0.3), None),
                      lambda dout, _: -of.divergence_id(dout, 0.3))  # fmt: skip
    yield Case(PACKAGE, "gradient_id", difference, (image,))
    mask = rng.uniform(size=(3, 2, 4)) > 0.3
    size = int(mask.sum())
    voxels, weights = rng.normal(size=(5, size)), rng.normal(size=size)
    target, signs = rng.normal(size=5), np.array([1.0, -1, 1, 1, -1])
    smooth = two_functions(
        lambda w: solvers._squared_loss_and_spatial_grad(voxels, target, w, mask, 0.7),
        lambda w: solvers._squared_loss_and_spatial_grad_derivative(voxels, target, w, mask, 0.7),
    )
    yield Case(PACKAGE, "_squared_loss_and_spatial_grad", smooth, (weights,))
    log = two_functions(
        lambda w: solvers._logistic_data_loss_and_spatial_grad(voxels, signs, w, mask, 0.7),
        lambda w: solvers._logistic_data_loss_and_spatial_grad_derivative(
            voxels, signs, w, mask, 0.7
        ),
    )
    yield Case(PACKAGE, "_logistic_data_loss_and_spatial_grad", log, (np.append(weights, 0.2),))
