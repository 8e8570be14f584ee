"""The parameters that a model has: their shapes, and whether those given are its own."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.core import Layer
from fnet.core.expect import require


def template(model: Layer, shape: Any) -> Any:
    """Parameters as `init` draws them, of zeros that take no memory."""
    drawn = jax.eval_shape(lambda key: model.init(key, shape)[0], jax.random.key(0))
    return jax.tree.map(lambda one: np.broadcast_to(np.zeros((), one.dtype), one.shape), drawn)


def silent(params: Any, padding: int) -> Any:
    """The table with zeros where its padding stands, which other libraries look up as any row."""
    return params._replace(w=jnp.asarray(params.w).at[padding].set(0))


def check_params(caller: str, model: Layer, shape: Any, params: Any) -> None:
    """Raise ShapeError unless the params are those of this model."""
    ours, given = (
        [(jax.tree_util.keystr(path), leaf.shape) for path, leaf in leaves]
        for leaves in map(jax.tree_util.tree_leaves_with_path, (template(model, shape), params))
    )
    for one, other in zip(ours, given, strict=False):
        require(
            one == other,
            f"{caller}: params{other[0]} is {other[1]}, and the model has params{one[0]} of "
            f"{one[1]} for examples of {shape}: give the parameters of this model",
        )
    require(
        len(ours) == len(given),
        f"{caller}: params are {len(given)} arrays, and the model has {len(ours)}",
    )
