"""Optimizers: stateless (init_state, update) pairs. Updates are added to the parameters.

The learning rate is an array in the state: it can be read there, and changed by
`set_learning_rate` without recompiling. Moments of bfloat16 parameters are kept in float32, since
bfloat16 rounds 0.999 to 1; an update has the dtype of its gradient.

>>> import jax.numpy as jnp
>>> init_state, update = sgd(0.5)
>>> updates, state = update(jnp.array([1.0, -3.0]), init_state(jnp.zeros(2)))
>>> updates.tolist()
[-0.5, 1.5]

What stands around an optimizer is an optimizer too, so that they nest:

>>> from fnet.optimizers.schedules import cosine, warmup
>>> scheduled(clip_by_global_norm(adamw(1e-3), 1.0), warmup(100, cosine(900)))
scheduled(clip_by_global_norm(adamw(0.001), 1.0), warmup(100, schedule=cosine(900)))

Where PyTorch, Keras and optax disagree about an optimizer, an argument chooses. Its default is the
paper's, and `tests/conventions/RESULTS.md` shows whose convention is which.
"""

from typing import TYPE_CHECKING

from fnet.core.guessed import answering, written
from fnet.optimizers import schedules
from fnet.optimizers.adam import Adam, AmsGrad, adam, adamw, amsgrad
from fnet.optimizers.adaptive import Adadelta, Adagrad, RmsProp, adadelta, adagrad, rmsprop
from fnet.optimizers.around import clip_by_global_norm, clip_by_value, decayed
from fnet.optimizers.averaging import (
    Accumulated,
    Averaged,
    accumulate,
    averaged,
    averaged_params,
)
from fnet.optimizers.gradient import Momentum, Sgd, momentum, sgd
from fnet.optimizers.layerwise import Lars, lamb, lars
from fnet.optimizers.matrices import Muon, muon
from fnet.optimizers.moments import Adamax, Nadam, adamax, nadam, radam
from fnet.optimizers.parts import ByPart, Frozen, by_part, frozen
from fnet.optimizers.rows import by_rows, update_rows
from fnet.optimizers.rule import apply_updates, set_learning_rate
from fnet.optimizers.scheduling import Plateau, Scheduled, plateau, scheduled
from fnet.optimizers.signs import Lion, Rprop, lion, rprop
from fnet.optimizers.sparse import Ftrl, ftrl

__all__ = [
    "Accumulated",
    "Adadelta",
    "Adagrad",
    "Adam",
    "Adamax",
    "AmsGrad",
    "Averaged",
    "ByPart",
    "Frozen",
    "Ftrl",
    "Lars",
    "Lion",
    "Momentum",
    "Muon",
    "Nadam",
    "Plateau",
    "RmsProp",
    "Rprop",
    "Scheduled",
    "Sgd",
    "accumulate",
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "amsgrad",
    "apply_updates",
    "averaged",
    "averaged_params",
    "by_part",
    "by_rows",
    "clip_by_global_norm",
    "clip_by_value",
    "decayed",
    "frozen",
    "ftrl",
    "lamb",
    "lars",
    "lion",
    "momentum",
    "muon",
    "nadam",
    "plateau",
    "radam",
    "rmsprop",
    "rprop",
    "scheduled",
    "schedules",
    "set_learning_rate",
    "sgd",
    "update_rows",
]

EXAMPLES = (
    "sgd(0.1)",
    "momentum(0.1)",
    "momentum(0.1, nesterov=True)",
    "momentum(0.1, rate_in_velocity=False)",
    "rmsprop(0.01)",
    "rmsprop(0.01, centered=True, momentum=0.9, eps_at='outside')",
    "adagrad(0.1)",
    "adadelta()",
    "adam(0.01)",
    "adamw(0.01)",
    "amsgrad(0.01)",
    "nadam(0.01)",
    "adamax(0.01)",
    "radam(0.01)",
    "lion(0.01)",
    "rprop(0.01)",
    "lars(0.1)",
    "lamb(0.01)",
    "ftrl(0.1, l1=0.01)",
    "muon(0.02)",
    "frozen()",
    "by_part(('matrices', adam(0.01)), ('*b', sgd(0.1)))",
    "clip_by_value(sgd(0.1), 0.5)",
    "clip_by_global_norm(adam(0.01), 0.5)",
    "decayed(momentum(0.1), 0.1)",
    "scheduled(adam(0.01), warmup(3, schedule=cosine(7)))",
    "plateau(sgd(0.1), patience=2)",
    "accumulate(adam(0.01), 2)",
    "averaged(adam(0.01))",
)

if not TYPE_CHECKING:
    __getattr__ = answering("fnet.optimizers", written(optimizers=__all__))
