"""Losses: value and gradient from one function, so that the two cannot drift apart.

Every constructor takes `reduction`: "mean" over the entries that count, their "sum", or "none".
Shapes and dtypes are checked; arrays are never broadcast.

>>> import jax.numpy as jnp
>>> value, dy = mse().value_and_grad(jnp.array([1.0, 4.0]), jnp.array([3.0, 4.0]))
>>> float(value), dy.tolist()
(2.0, [-2.0, 0.0])
"""

from fnet.core.examples import ints, uniform
from fnet.losses.binary import bce, bce_with_logits
from fnet.losses.classes import cross_entropy
from fnet.losses.classes import softmax as softmax
from fnet.losses.pointwise import REDUCTIONS as REDUCTIONS
from fnet.losses.regression import l1, mse

__all__ = ["bce", "bce_with_logits", "cross_entropy", "l1", "mse"]  # the constructors

EXAMPLES = {  # the shape of predictions, and what the targets are
    "l1()": ((3, 5), (3, 5)),
    "mse()": ((3, 5), (3, 5)),
    "bce()": (uniform(3, 5), uniform(3, 5)),
    "bce_with_logits()": ((3, 5), uniform(3, 5)),
    "cross_entropy()": ((5,), ints(below=5)),
    "cross_entropy('sum')": ((3, 5), ints(3, below=5)),
}
