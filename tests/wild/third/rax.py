"""rax: losses of rankings, as functions of the scores."""

import functools
from collections.abc import Iterator

import numpy as np

from tests.wild.case import Case

PACKAGE = "rax"
LOSSES = ("softmax_loss", "poly1_softmax_loss", "unique_softmax_loss", "listmle_loss",
          "pairwise_hinge_loss", "pairwise_logistic_loss", "pairwise_soft_zero_one_loss",
          "pointwise_sigmoid_loss", "pointwise_mse_loss", "pairwise_mse_loss",
          "pairwise_qr_loss")  # fmt: skip


def cases() -> Iterator[Case]:
    import rax

    rng = np.random.default_rng(13)
    scores, labels = rng.normal(size=(2, 5)), rng.integers(0, 3, (2, 5)).astype(float)
    labels[0] = [0.0, 1, 2, 1, 0]
    where = np.array([[True, True, True, False, True], [True, True, True, True, True]])
    for name in LOSSES:
        loss = functools.partial(getattr(rax, name), labels=labels)
        yield Case(PACKAGE, name, loss, (scores,))
        yield Case(PACKAGE, name, functools.partial(loss, where=where), (scores,), "where")
    ties = np.array([0.5, -0.3, 0.5, 1.2, -0.3])
    for name in ("pairwise_hinge_loss", "unique_softmax_loss", "softmax_loss"):
        loss = functools.partial(getattr(rax, name), labels=labels[0])
        yield Case(PACKAGE, name, loss, (ties,), "ties")
    weighted = functools.partial(rax.pairwise_logistic_loss, labels=labels)
    for name in ("dcg_lambdaweight", "labeldiff_lambdaweight"):
        loss = functools.partial(weighted, lambdaweight_fn=getattr(rax, name))
        yield Case(PACKAGE, f"pairwise_logistic_loss with {name}", loss, (scores,))
