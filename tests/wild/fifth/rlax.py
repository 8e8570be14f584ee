"""rlax: transformations and losses of reinforcement learning, by autodiff."""

from collections.abc import Iterator

import numpy as np

from tests.wild.case import Case

PACKAGE = "rlax"


def cases() -> Iterator[Case]:
    import rlax
    from rlax._src import transforms

    rng = np.random.default_rng(76)
    x, share = rng.normal(size=6), rng.uniform(0.1, 0.9, 6)
    for name in ("identity", "sigmoid", "signed_logp1", "signed_expm1", "signed_hyperbolic",
                 "signed_parabolic"):  # fmt: skip
        yield Case(PACKAGE, name, getattr(transforms, name), (x,))
        if name.startswith("signed"):
            yield Case(PACKAGE, name, getattr(transforms, name), (np.array([0.0, 0.3]),), "zero")
    yield Case(PACKAGE, "logit", transforms.logit, (share,))
    yield Case(PACKAGE, "power", lambda x: transforms.power(x, 1.7), (share,))
    yield Case(PACKAGE, "huber_loss", rlax.huber_loss, (2 * x,))
    yield Case(PACKAGE, "huber_loss", rlax.huber_loss, (np.array([0.0, 1.0, -1.0]),), "ends")
    yield Case(PACKAGE, "l2_loss", rlax.l2_loss, (x, share))
    yield Case(PACKAGE, "log_loss", rlax.log_loss, (share, (share > 0.5).astype(float)))
    yield Case(PACKAGE, "expectile_loss", lambda p, t: rlax.expectile_loss(p, t, 0.3), (x, share))
    bins, logits = np.linspace(-3, 3, 5), rng.normal(size=(4, 5))
    values = rng.uniform(-2, 2, 4)
    yield Case(PACKAGE, "transform_to_2hot", lambda v: rlax.transform_to_2hot(v, -3.0, 3.0, 5),
               (values,))  # fmt: skip
    yield Case(PACKAGE, "transform_from_2hot",
               lambda p: rlax.transform_from_2hot(p, -3.0, 3.0, 5), (logits,))  # fmt: skip
    yield Case(PACKAGE, "transform_to_2hot_nonlinear",
               lambda v: transforms.transform_to_2hot_nonlinear(v, bins), (values[0],))  # fmt: skip
    logits_other = rng.normal(size=(4, 5))
    actions = np.array([0, 3, 1, 4])
    softmax, gaussian = rlax.softmax(0.7), rlax.gaussian_diagonal(0.4)
    yield Case(PACKAGE, "softmax.entropy", softmax.entropy, (logits,))
    yield Case(PACKAGE, "softmax.kl", softmax.kl, (logits, logits_other))
    yield Case(PACKAGE, "softmax.logprob", lambda q: softmax.logprob(actions, q), (logits,))
    yield Case(PACKAGE, "gaussian_diagonal.logprob", lambda m: gaussian.logprob(x, m), (x + 0.3,))
    yield Case(PACKAGE, "categorical_kl_divergence", rlax.categorical_kl_divergence,
               (logits, logits_other))  # fmt: skip
    rewards, discounts = rng.normal(size=4), rng.uniform(0.5, 1, 4)
    later, lambdas = rng.normal(size=4), rng.uniform(0.3, 1, 4)
    yield Case(PACKAGE, "lambda_returns", rlax.lambda_returns,
               (rewards, discounts, later, lambdas))  # fmt: skip
    yield Case(PACKAGE, "discounted_returns", rlax.discounted_returns, (rewards, discounts, later))
    yield Case(PACKAGE, "n_step_bootstrapped_returns",
               lambda r, d, v: rlax.n_step_bootstrapped_returns(r, d, v, 2),
               (rewards, discounts, later))  # fmt: skip
    states = rng.normal(size=5)
    yield Case(PACKAGE, "td_lambda", lambda v: rlax.td_lambda(
        v[:-1], rewards, discounts, v[1:], lambdas, False), (states,))  # fmt: skip
    yield Case(PACKAGE, "qlearn", lambda q: rlax.q_learning(
        q[0], actions[0], rewards[0], discounts[0], q[1], False), (logits,))  # fmt: skip
