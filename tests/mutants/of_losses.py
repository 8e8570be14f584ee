"""Mistakes in the losses and models of fnet."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from fnet import losses
from fnet.core import layer, loss
from fnet.models import classification_net, logistic_regression
from tests.mutants.planted import Mutant, mutant, normal

Y, T = normal(5, 3), normal(5, 3, seed=1)
P, CHANCE = np.full((5, 3), 0.2) + 0.6 * (Y > 0), np.random.default_rng(2).uniform(size=(5, 3))
LABELS = np.array([0, 2, 1, 1, 0], np.int32)
PER = Y.size  # what a mean divides by


def with_gradient(right, rule):
    """This loss, whose dy is rule(dy, y, target)."""

    def value_and_grad(y, target, where=None):
        value, dy = right.value_and_grad(y, target, where)
        floating = jnp.issubdtype(target.dtype, jnp.floating)
        return value, rule(dy, y, target.astype(y.dtype) if floating else target)

    return loss(value_and_grad)


def of_loss(right, name, kinds, rule) -> Mutant:
    title = repr(right).split("(")[0]
    y, target = {
        "bce": (P, CHANCE),
        "bce_with_logits": (Y, CHANCE),
        "cross_entropy": (Y, LABELS),
    }.get(title, (Y, T))
    return mutant(f"{title}: {name}", kinds, lambda: with_gradient(right, rule), y, target)


def without_cotangent():
    """mse("none") whose `apply` forgets what it is multiplied by."""
    right = losses.mse("none")

    @jax.custom_vjp
    def apply(y, target, where=None):
        return right.value_and_grad(y, target)[0]

    apply.defvjp(
        lambda y, target, where: right.value_and_grad(y, target),
        lambda dy, scale: (dy, None, None),
    )
    return dataclasses.replace(right, apply=apply)


def hot(y, labels):
    return (labels[:, None] == jnp.arange(y.shape[1], dtype=labels.dtype)).astype(y.dtype)


L1, MSE, BCE = losses.l1(), losses.mse(), losses.bce()
LOGITS, CROSS = losses.bce_with_logits(), losses.cross_entropy()

LOSSES = (
    of_loss(L1, "sign", "sign", lambda dy, y, t: -dy),
    of_loss(L1, "mean forgotten", "mean or sum", lambda dy, y, t: jnp.sign(y - t)),
    of_loss(L1, "divided by N alone", "mean or sum", lambda dy, y, t: dy * 3),
    of_loss(L1, "y − t for its sign", "derivative/another value", lambda dy, y, t: (y - t) / PER),
    of_loss(L1, "zeros", "zeros", lambda dy, y, t: 0 * dy),
    of_loss(MSE, "2 forgotten", "factor", lambda dy, y, t: dy / 2),
    of_loss(MSE, "mean forgotten", "mean or sum", lambda dy, y, t: dy * PER),
    of_loss(MSE, "mean taken twice", "mean or sum", lambda dy, y, t: dy / PER),
    of_loss(MSE, "sign", "sign", lambda dy, y, t: 2 * (t - y) / PER),
    of_loss(
        MSE,
        "y + t",
        "sign of a term/sign of an input/derivative",
        lambda dy, y, t: 2 * (y + t) / PER,
    ),
    of_loss(MSE, "target forgotten", "term missing", lambda dy, y, t: 2 * y / PER),
    of_loss(MSE, "one row", "one row", lambda dy, y, t: dy.at[3].set(0)),
    of_loss(MSE, "off by one", "shifted", lambda dy, y, t: jnp.roll(dy, 1, axis=0)),
    of_loss(
        MSE,
        "|y − t| for y − t",
        "derivative/absolute/factor extra",
        lambda dy, y, t: jnp.abs(y - t) * 2 / PER,
    ),
    mutant("mse: apply ignores its cotangent", "upstream ignored", without_cotangent, Y, T),
    of_loss(BCE, "second term forgotten", "term missing", lambda dy, y, t: -t / y / PER),
    of_loss(
        BCE,
        "sign of the second term",
        "sign of a term",
        lambda dy, y, t: (-t / y - (1 - t) / (1 - y)) / PER,
    ),
    of_loss(BCE, "sign", "sign", lambda dy, y, t: -dy),
    of_loss(BCE, "mean forgotten", "mean or sum", lambda dy, y, t: dy * PER),
    of_loss(
        BCE,
        "division by 0",
        "not finite",
        lambda dy, y, t: (-t / y + (1 - t) / (1 - y)) / PER,
    ),
    of_loss(
        LOGITS,
        "sigmoid forgotten",
        "derivative/evaluated at the input",
        lambda dy, y, t: (y - t) / PER,
    ),
    of_loss(LOGITS, "target forgotten", "term missing", lambda dy, y, t: jax.nn.sigmoid(y) / PER),
    of_loss(LOGITS, "sign", "sign", lambda dy, y, t: (t - jax.nn.sigmoid(y)) / PER),
    of_loss(LOGITS, "mean taken twice", "mean or sum", lambda dy, y, t: dy / PER),
    of_loss(
        LOGITS,
        "overflow",
        "not finite",
        lambda dy, y, t: (jnp.exp(y) / (1 + jnp.exp(y)) - t) / PER,
    ),
    of_loss(
        LOGITS,
        "derivative of σ too",
        "factor extra",
        lambda dy, y, t: dy * jax.nn.sigmoid(y) * jax.nn.sigmoid(-y),
    ),
    of_loss(
        CROSS, "onehot forgotten", "term missing", lambda dy, y, t: jax.nn.softmax(y, axis=1) / 5
    ),
    of_loss(CROSS, "softmax forgotten", "term missing", lambda dy, y, t: -hot(y, t) / 5),
    of_loss(CROSS, "sign", "sign", lambda dy, y, t: -dy),
    of_loss(CROSS, "mean forgotten", "mean or sum", lambda dy, y, t: 5 * dy),
    of_loss(CROSS, "divided by classes too", "mean or sum", lambda dy, y, t: dy / 3),
    of_loss(
        CROSS,
        "softmax over the examples",
        "wrong axis",
        lambda dy, y, t: (jax.nn.softmax(y, axis=0) - hot(y, t)) / 5,
    ),
    of_loss(
        CROSS,
        "labels off by one",
        "shifted",
        lambda dy, y, t: (jax.nn.softmax(y, axis=1) - hot(y, (t + 1) % 3)) / 5,
    ),
    of_loss(
        CROSS,
        "the label's column alone",
        "term missing/factor extra",
        lambda dy, y, t: dy * hot(y, t),
    ),
    of_loss(CROSS, "first example alone", "not summed", lambda dy, y, t: dy.at[1:].set(0)),
    of_loss(CROSS, "one entry", "one entry", lambda dy, y, t: dy.at[1, 2].add(1e-4)),
    of_loss(CROSS, "NaN", "not finite", lambda dy, y, t: dy + jnp.nan),
)


def model_with(right, change):
    def backward(params, cache, dy):
        return change(*right.backward(params, cache, dy), dy)

    return layer(right.init, right.forward, backward)


def of_net(name, kinds, change) -> Mutant:
    def subject():
        return model_with(classification_net(3, hidden=4), change)

    return mutant(f"classification_net: {name}", kinds, subject, (2, 7))


def of_regression(name, kinds, change) -> Mutant:
    def subject():
        return model_with(logistic_regression(), change)

    return mutant(f"logistic_regression: {name}", kinds, subject, (7,))


def put(dparams, place, **changed):
    found = list(dparams)
    found[place] = found[place]._replace(**changed)
    return type(dparams)(found)


MODELS = (
    of_net(
        "last dw is a mean", "mean or sum", lambda p, dx, dy: (put(p, 2, w=p[2].w / len(dy)), dx)
    ),
    of_net("dx is zeros", "zeros", lambda p, dx, dy: (p, 0 * dx)),
    of_net(
        "last db of the first example", "not summed", lambda p, dx, dy: (put(p, 2, b=dy[0]), dx)
    ),
    of_net("sign of the first db", "sign", lambda p, dx, dy: (put(p, 0, b=-p[0].b), dx)),
    of_net(
        "one entry of the first dw",
        "one entry",
        lambda p, dx, dy: (put(p, 0, w=p[0].w.at[1, 2].set(9.0)), dx),
    ),
    of_net("dx back to front", "shifted", lambda p, dx, dy: (p, dx[:, :, ::-1])),
    of_regression("sign of dw", "sign", lambda p, dx, dy: (put(p, 0, w=-p[0].w), dx)),
    of_regression(
        "dw is a mean", "mean or sum", lambda p, dx, dy: (put(p, 0, w=p[0].w / len(dy)), dx)
    ),
    of_regression(
        "db without the sigmoid",
        "derivative missing",
        lambda p, dx, dy: (put(p, 0, b=dy.sum()[None]), dx),
    ),
    of_regression("dx off by one", "shifted", lambda p, dx, dy: (p, jnp.roll(dx, 1, axis=1))),
    of_regression("dx twice", "factor", lambda p, dx, dy: (p, 2 * dx)),
)
