"""What functions of fnet expect of their arguments, and what they raise otherwise."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.core.trees import is_shape
from fnet.errors import ConfigurationError, DataError, ShapeError

OF_ONE = (
    "; a single example is a batch of one: x[None], and init takes the shape of one, without "
    "the batch"
)


def require(condition: bool, message: str) -> None:
    """Raise `ShapeError(message)` unless the (static) condition holds."""
    if not condition:
        raise ShapeError(message)


def require_array(name: str, x: Any) -> None:
    """Raise ShapeError unless x is a NumPy or JAX array."""
    kind = type(x).__name__
    require(hasattr(x, "dtype"), f"{name} is a {kind}; it must be an array: jnp.asarray(...)")


def require_floating(name: str, x: Any, hint: str = "") -> None:
    """Raise ShapeError unless x is an array of floating point numbers."""
    require_array(name, x)
    floating = jnp.issubdtype(x.dtype, jnp.floating)
    require(floating, f"{name} is {x.dtype}; it must be floating point{hint}")


def require_shape(shape: Any) -> None:
    """Raise ShapeError unless this is the shape of one example: sizes, or a tree of such tuples."""
    shape = tuple(shape) if isinstance(shape, list) else shape
    require(
        not hasattr(shape, "dtype"),
        f"shape is an array of {getattr(shape, 'shape', ())}; it must be a tuple, that of one "
        "example, without the batch: x.shape[1:]",
    )
    leaves = jax.tree.leaves(shape, is_leaf=is_shape)
    sizes = bool(leaves) and all(is_shape(leaf) for leaf in leaves)
    require(sizes, f"shape is {shape!r}; it must be a tuple, that of one example: (32, 32, 3)")


def require_one_array(name: str, shape: Any, axes: int = 0) -> None:
    """Raise ShapeError unless this is the shape of one array, of so many axes or more."""
    require_shape(shape)
    fits = is_shape(tuple(shape)) and len(shape) >= axes
    require(fits, f"{name} takes one array, and an example is {shape}")


def require_key_and_shape(key: Any, shape: Any) -> None:
    """Raise ShapeError unless they are a JAX key, which is an array, and one example's shape."""
    dtype = getattr(key, "dtype", None)
    is_key = dtype is not None and (
        jnp.issubdtype(dtype, jax.dtypes.prng_key) or dtype == np.uint32
    )
    what = repr(key) if dtype is None else f"an array of {dtype}"
    require(is_key, f"key is {what}; it must be a JAX key: jax.random.key(0)")
    require_shape(shape)


def check_range(name: str, values: Any, low: float, high: float) -> None:
    """Raise DataError naming the first value out of range; a traced array passes unchecked."""
    if isinstance(values, jax.core.Tracer):
        return
    # In NumPy: inside jit, JAX would trace even a comparison of constants.
    known = np.asarray(values)
    wrong = (known < low) | (known > high)
    if wrong.any():
        first = np.unravel_index(wrong.argmax(), wrong.shape)
        index = ", ".join(map(str, first))
        raise DataError(f"{name}[{index}] is {known[first]}; it must be from {low} to {high}")


def require_number(
    name: str,
    value: Any,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    most: float = math.inf,
    below: float = math.inf,
) -> None:
    """Raise ConfigurationError unless this is a finite number within these bounds."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and value > above and least <= value <= most and value < below:
        return
    bounds = [
        *([f"above {above}"] if above > -math.inf else []),
        *([f"at least {least}"] if least > -math.inf else []),
        *([f"at most {most}"] if most < math.inf else []),
        *([f"below {below}"] if below < math.inf else []),
        *([] if min(most, below) < math.inf else ["finite"]),
    ]
    raise ConfigurationError(f"{name} is {value!r}; it must be a number, {' and '.join(bounds)}")


def require_bool(what: str, value: Any) -> None:
    """Raise ConfigurationError unless it is True or False.

    >>> require_bool("conv: bias", True)
    """
    if not isinstance(value, bool):
        raise ConfigurationError(f"{what} is {value!r}; it must be True or False")


def require_whole(name: str, value: Any, *, least: int) -> None:
    """Raise ConfigurationError unless this is a whole number, at least `least`."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        raise ConfigurationError(
            f"{name} is {value!r}; it must be a whole number, at least {least}"
        )


def require_learning_rate(optimizer: str, learning_rate: Any) -> None:
    """Raise ConfigurationError unless this is a number above 0."""
    if callable(learning_rate):
        raise ConfigurationError(
            f"{optimizer}: learning_rate is a function; give a number, which a schedule "
            f"multiplies: scheduled({optimizer}(0.1), schedules.cosine(1000)); one of optax scales "
            f"updates: optax.chain({optimizer}(1.0), optax.scale_by_schedule(schedule))"
        )
    require_number(f"{optimizer}: learning_rate", learning_rate, above=0)


def require_state(optimizer: str, kind: type, state: Any) -> None:
    """Raise ConfigurationError unless this optimizer made the state."""
    if not isinstance(state, kind):
        raise ConfigurationError(
            f"{optimizer}: update got a state of type {type(state).__name__}; it takes what "
            f"{optimizer}(...).init(params) or the previous update returned"
        )


def require_settable(state: Any, learning_rate: Any) -> None:
    """Raise ConfigurationError unless the state has a learning rate, and this is a valid one."""
    if not hasattr(state, "_replace") or not hasattr(state, "learning_rate"):
        raise ConfigurationError(
            f"set_learning_rate: the state is a {type(state).__name__}, not that of an fnet "
            "optimizer, such as record.state.opt_state. In a state of optax.chain, set it in the "
            "part that fnet's optimizer made"
        )
    if isinstance(learning_rate, jax.Array | np.ndarray | np.generic):
        require(
            learning_rate.shape == (),
            f"set_learning_rate: learning_rate is an array of {learning_rate.shape}; it must be "
            "one number",
        )
        if isinstance(learning_rate, jax.core.Tracer):  # which has no value yet
            return
        # A schedule's value may be 0.
        require_number("set_learning_rate: learning_rate", float(learning_rate), least=0)
    else:
        if learning_rate == 0:
            raise ConfigurationError(
                "set_learning_rate: learning_rate is 0; it must be above 0: to keep weights as "
                "they are, use frozen(model), or end the training"
            )
        require_number("set_learning_rate: learning_rate", learning_rate, above=0)
