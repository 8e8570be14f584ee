"""What methods are given beside arrays: functions, other methods, tolerances and keys."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from fnet.core.expect import require, require_key_and_shape, require_number
from fnet.errors import ConfigurationError
from fnet.solvers.numbers import one_number


def require_function(what: str, f: Any) -> None:
    """Raise ConfigurationError unless f can be called.

    >>> require_function("solve: the objective", lambda x: x @ x)
    """
    if not callable(f):
        raise ConfigurationError(f"{what} is {f!r:.80}; it must be a function")


def require_one_number(what: str, f: Callable[..., Any], *given: Any) -> Any:
    """Raise ShapeError unless f is a function, and f(*given) one real number.

    Gives its shape and dtype; nothing is computed.
    """
    require_function(what, f)
    return jax.eval_shape(lambda *given: one_number(what, f(*given)), *given)


def require_method(what: str, method: Any, kind: type, example: str) -> None:
    """Raise ConfigurationError unless the method is of this kind."""
    if not isinstance(method, kind):
        raise ConfigurationError(f"{what} is {method!r:.80}; it must be one: {example}")


def require_tolerance(what: str, tol: Any) -> None:
    """Raise ConfigurationError unless tol is a number from 0 on, or None for the default."""
    if tol is not None:
        require_number(what, tol, least=0)


def require_known(what: str, *found: Any) -> None:
    """Raise ConfigurationError where results have no values yet, to be said in words and numbers.

    >>> require_known("solve", jnp.ones(2))
    """
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(found)):
        raise ConfigurationError(
            f"{what} is called inside jit, vmap, grad or a loop of JAX, and how it ends is not "
            "known there: call it outside; it compiles itself, once for arrays of the same shapes"
        )


def require_key(what: str, key: Any) -> None:
    """Raise ShapeError unless this is one JAX key."""
    require_key_and_shape(key, ())
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    one = () if typed else jax.eval_shape(jax.random.PRNGKey, 0).shape
    require(key.shape == one, f"{what} is an array of keys {key.shape}; it must be one key")
