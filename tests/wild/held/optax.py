"""Optax: losses and projections, some with derivative rules of their own."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case

PACKAGE = "optax"


def _case(name: str, subject: Any, *arguments: Any, label: str = "") -> Case:
    return Case(PACKAGE, name, subject, arguments, label)


def cases() -> Iterator[Case]:
    yield from _projections()
    yield from _classification()
    yield from _regression()


def _projections() -> Iterator[Case]:
    from optax import projections as onto

    rng = np.random.default_rng(6)
    x, a = rng.normal(size=5), rng.normal(size=5)
    yield _case("projection_simplex", onto.projection_simplex, x)
    yield _case("projection_simplex", onto.projection_simplex, x, np.array(2.5), label="scaled")
    inside = np.array([0.1, 0.2, 0.3, 0.15, 0.25])
    yield _case("projection_simplex", onto.projection_simplex, inside, label="of the simplex")
    tree = {"w": x[:2], "b": a[:3]}
    yield _case("projection_simplex", onto.projection_simplex, tree, label="tree")
    yield _case("projection_l1_sphere", onto.projection_l1_sphere, x)
    yield _case("projection_l1_ball", onto.projection_l1_ball, x)
    yield _case("projection_l1_ball", onto.projection_l1_ball, x / 50, label="inside")
    yield _case("projection_l2_sphere", onto.projection_l2_sphere, x)
    yield _case("projection_l2_ball", onto.projection_l2_ball, x)
    yield _case("projection_l2_ball", onto.projection_l2_ball, 0 * x, label="0")
    yield _case("projection_linf_ball", onto.projection_linf_ball, x)
    yield _case("projection_vector", onto.projection_vector, x, a)
    yield _case("projection_hyperplane", onto.projection_hyperplane, x, a, np.array(0.7))
    yield _case("projection_halfspace", onto.projection_halfspace, x, a, np.array(-5.0))
    yield _case("projection_box", lambda x: onto.projection_box(x, -0.5, 0.9), x)
    yield _case("projection_non_negative", onto.projection_non_negative, x)


def _classification() -> Iterator[Case]:
    import optax
    from optax.losses._classification import weighted_logsoftmax

    rng = np.random.default_rng(7)
    logits, labels = rng.normal(size=(3, 4)), np.array([0, 3, 1])
    probabilities = rng.dirichlet(np.ones(4), size=3)
    hot = np.eye(4)[labels]
    binary = (rng.uniform(size=(3, 4)) > 0.5).astype(int)
    yield _case("weighted_logsoftmax", weighted_logsoftmax, logits, probabilities)
    yield _case("weighted_logsoftmax", weighted_logsoftmax, logits, hot, label="one-hot")
    safe = optax.safe_softmax_cross_entropy
    yield _case("safe_softmax_cross_entropy", safe, logits, probabilities)
    forbidden = np.where(hot + np.roll(hot, 1, 1) > 0, logits, -np.inf)
    yield _case("safe_softmax_cross_entropy", lambda z: safe(z, hot), forbidden, label="-inf")
    yield _case("softmax_cross_entropy", optax.softmax_cross_entropy, logits, probabilities)
    yield _case("softmax_cross_entropy_with_integer_labels",
                optax.softmax_cross_entropy_with_integer_labels, logits, labels)  # fmt: skip
    yield _case("sigmoid_binary_cross_entropy", optax.sigmoid_binary_cross_entropy, logits, hot)
    yield _case("sigmoid_focal_loss", lambda z: optax.sigmoid_focal_loss(
        z, hot, alpha=0.25, gamma=2.0), logits)  # fmt: skip
    yield _case("sigmoid_focal_loss", optax.sigmoid_focal_loss, logits, probabilities, label="soft")
    yield _case("poly_loss_cross_entropy", optax.losses.poly_loss_cross_entropy, logits, hot)
    yield _case("kl_divergence", optax.losses.kl_divergence, np.log(probabilities[::-1]),
                probabilities)  # fmt: skip
    yield _case("kl_divergence_with_log_targets", optax.losses.kl_divergence_with_log_targets,
                logits, np.log(probabilities))  # fmt: skip
    yield _case("convex_kl_divergence", optax.losses.convex_kl_divergence, logits, probabilities)
    yield _case("generalized_kl_divergence", optax.losses.generalized_kl_divergence, logits,
                probabilities)  # fmt: skip
    yield _case("multiclass_sparsemax_loss", optax.losses.multiclass_sparsemax_loss, logits, labels)
    yield _case("sparsemax_loss", optax.losses.sparsemax_loss, 2 * logits, binary)
    yield _case("multiclass_hinge_loss", optax.losses.multiclass_hinge_loss, logits, labels)
    yield _case("dice_loss", optax.losses.dice_loss, logits[None, ..., None], hot[None, ..., None])
    yield _case("ranking_softmax_loss", optax.losses.ranking_softmax_loss, logits, probabilities)
    frames, padding = rng.normal(size=(2, 6, 4)), np.zeros((2, 6))
    words, missing = np.array([[1, 2, 2], [3, 1, 0]]), np.array([[0.0, 0, 0], [0, 0, 1]])
    yield _case("ctc_loss", lambda z: optax.losses.ctc_loss(z, padding, words, missing), frames)


def _regression() -> Iterator[Case]:
    import jax
    import optax

    rng = np.random.default_rng(8)
    x, y = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    yield _case("cosine_similarity", lambda x, y: optax.cosine_similarity(
        x, y, epsilon=1e-8), x, y)  # fmt: skip
    yield _case("huber_loss", optax.huber_loss, 2 * x, y)
    yield _case("log_cosh", optax.losses.log_cosh, x, y)
    yield _case("log_cosh", optax.losses.log_cosh, 500 * x, y, label="far")
    yield _case("ntxent", lambda x: optax.losses.ntxent(x, np.array([0, 0, 1, 1])), y.T.copy())
    yield _case("triplet_margin_loss", optax.losses.triplet_margin_loss, x, y, x[::-1] + 1)
    fenchel_young = optax.losses.make_fenchel_young_loss(jax.scipy.special.logsumexp)
    yield _case("make_fenchel_young_loss(logsumexp)", fenchel_young, x[0], y[0])
    yield _case("scale_gradient(1.0)", lambda x: optax.scale_gradient(x * x, 1.0), x)
    yield _case("safe_norm", lambda x: optax.safe_norm(x, 1e-3), x)
    yield _case("safe_norm", lambda x: optax.safe_norm(x, 1e-3), 0 * x, label="0")
    yield _case("safe_root_mean_squares", lambda x: optax.safe_root_mean_squares(x, 1e-3), x)
