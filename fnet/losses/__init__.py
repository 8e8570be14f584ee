"""Losses: value and gradient from one function, so that the two cannot drift apart.

Every constructor takes `reduction`: "mean" over the entries that count, their "sum", or "none".
Shapes and dtypes are checked; arrays are never broadcast. Narrow floats are computed in float32 and
rounded at the end (`bce` excepted), so that a row that is nearly right still has a gradient.

>>> import jax.numpy as jnp
>>> value, dy = mse().value_and_grad(jnp.array([1.0, 4.0]), jnp.array([3.0, 4.0]))
>>> float(value), dy.tolist()
(2.0, [-2.0, 0.0])
"""

from typing import TYPE_CHECKING

from fnet.core.examples import ints, uniform
from fnet.core.guessed import answering, written
from fnet.losses.binary import bce, bce_with_logits
from fnet.losses.classes import cross_entropy, focal, nll
from fnet.losses.classes import softmax as softmax
from fnet.losses.likelihoods import gaussian_nll, poisson
from fnet.losses.linear import linear_cross_entropy
from fnet.losses.margins import hinge, multiclass_hinge, squared_hinge
from fnet.losses.overlap import dice, tversky
from fnet.losses.pointwise import REDUCTIONS as REDUCTIONS
from fnet.losses.ranking import info_nce, triplet
from fnet.losses.regression import l1, mse
from fnet.losses.relative import mape, msle
from fnet.losses.robust import huber, log_cosh, quantile, smooth_l1
from fnet.losses.sequences import ctc
from fnet.losses.standardizing import standardized
from fnet.losses.vectors import cosine_distance, kl_divergence

__all__ = [  # the constructors
    "bce",
    "bce_with_logits",
    "cosine_distance",
    "cross_entropy",
    "ctc",
    "dice",
    "focal",
    "gaussian_nll",
    "hinge",
    "huber",
    "info_nce",
    "kl_divergence",
    "l1",
    "linear_cross_entropy",
    "log_cosh",
    "mape",
    "mse",
    "msle",
    "multiclass_hinge",
    "nll",
    "poisson",
    "quantile",
    "smooth_l1",
    "squared_hinge",
    "standardized",
    "triplet",
    "tversky",
]

EXAMPLES = {  # the shape of predictions, and what the targets are
    "l1()": ((3, 5), (3, 5)),
    "mse()": ((3, 5), (3, 5)),
    "huber()": ((3, 5), (3, 5)),
    "smooth_l1(beta=0.5)": ((3, 5), (3, 5)),
    "log_cosh()": ((3, 5), (3, 5)),
    "quantile(q=0.3)": ((3, 5), (3, 5)),
    "poisson()": ((3, 5), uniform(3, 5)),
    "standardized(huber(), 3.0, 2.0)": ((3, 5), (3, 5)),
    "gaussian_nll()": ((3, 2), (3,)),
    "bce()": (uniform(3, 5), uniform(3, 5)),
    "bce(pos_weight=3.0)": (uniform(3, 5), uniform(3, 5)),
    "bce_with_logits()": ((3, 5), uniform(3, 5)),
    "bce_with_logits(pos_weight=3.0)": ((3, 5), uniform(3, 5)),
    "hinge()": ((3, 5), uniform(3, 5)),
    "squared_hinge()": ((3, 5), uniform(3, 5)),
    "dice()": ((3, 5), uniform(3, 5)),
    "tversky(alpha=0.3, beta=0.7, per_class=True)": ((3, 5), uniform(3, 5)),
    "cross_entropy()": ((5,), ints(below=5)),
    "cross_entropy('sum')": ((3, 5), ints(3, below=5)),
    "cross_entropy(label_smoothing=0.1, ignore=1)": ((3, 5), ints(3, below=5)),
    "cross_entropy(weights=(1.0, 3.0, 0.5))": ((5, 3), uniform(5, 3)),
    "linear_cross_entropy()": ((3, 5), ints(3, below=5)),
    "nll()": ((3, 5), ints(3, below=5)),
    "focal()": ((3, 5), ints(3, below=5)),
    "multiclass_hinge()": ((3, 5), ints(3, below=5)),
    "cross_entropy(z_loss=0.1)": ((3, 5), ints(3, below=5)),
    "kl_divergence()": ((3, 5), uniform(3, 5)),
    "cosine_distance()": ((3, 5), (3, 5)),
    "mape()": ((3, 5), (3, 5)),
    "msle()": (uniform(3, 5), uniform(3, 5)),
    "info_nce()": ((5,), (5,)),
    "triplet(margin=5.0)": ((5,), ints(below=2)),
    "ctc(blank=2)": ((5, 3), ints(2, below=2)),
}

if not TYPE_CHECKING:
    __getattr__ = answering("fnet.losses", written(losses=__all__))
