"""A layer as the subjects that are examined: in use and in training, in a batch and alone."""

import functools
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from fnet.check.subjects.library import of_layer, of_penalty
from fnet.check.subjects.subject import Asked
from fnet.check.truth.arguments import is_float
from fnet.core import Layer, NonTrainable, expect
from fnet.core.examples import Ints, Uniform, drawn, is_input, shapes_of
from fnet.core.trees import is_shape
from fnet.errors import ConfigurationError

_layer_subject = functools.lru_cache(maxsize=64)(of_layer)
IN_TRAINING = "in training, with a key"


def of_a_layer(
    layer: Layer, arguments: tuple[Any, ...], key: Any, batch_size: int, rng: Any, quick: bool
) -> Iterator[Asked]:
    """The layer without a key; with one, if that changes what it does; and its penalty.

    Each of a batch, and unless it is quick of one example alone, and of examples of one entry.
    """
    takes = _required(layer, arguments)
    expect.require_whole("batch_size", batch_size, least=1)
    params, x = _drawn(layer, takes, batch_size, rng)
    if not _differentiated(params) and not _differentiated(x):
        kinds = ", ".join(dict.fromkeys(str(leaf.dtype) for leaf in jax.tree.leaves(x)))
        raise ConfigurationError(
            f"{layer!r}: there is nothing to differentiate by: it has no parameters that are "
            f"trained, and its input is {kinds or 'empty'}"
        )
    key = _key(rng) if key is None else key
    modes: list[tuple[Any, ...]] = [(), (key,)] if _uses(layer, params, x, key) else [()]
    for with_key in modes:
        words, right = (IN_TRAINING, "in use, without one") if with_key else ("", "")
        subject = _layer_subject(layer, bool(with_key))
        yield Asked(subject, (params, x, *with_key), words, right)
        for case, few, inputs in () if quick else _smaller(layer, takes, params, x, with_key, rng):
            case = f"{words}, {case}" if words else case
            yield Asked(subject, (few, inputs, *with_key), case, "for all of the batch", False)
    if layer.penalty is not None and _differentiated(params):
        yield Asked(of_penalty(layer), (params,), in_full=False)


def _required(layer: Layer, arguments: tuple[Any, ...]) -> Any:
    """What the layer takes; raises where it is no shape, nor a tree of them."""
    takes = arguments[0] if len(arguments) == 1 else None
    whole = isinstance(takes, tuple | list) and all(
        isinstance(size, int | np.integer) and not isinstance(size, bool) for size in takes
    )
    takes = tuple(map(int, takes)) if whole else takes  # type: ignore[arg-type]
    leaves = jax.tree.leaves(takes, is_leaf=is_input)
    if not leaves or not all(map(is_input, leaves)):
        raise ConfigurationError(
            f"{layer!r}: give the shape of one example, as a tuple; or a tree of shapes, with "
            "ints(5, below=11) for integers"
        )
    for size in (size for leaf in leaves for size in _shape(leaf)):
        expect.require_whole("a size of the shape", size, least=1)
    return takes


def _shape(leaf: Any) -> tuple[int, ...]:
    return leaf.shape if isinstance(leaf, Ints | Uniform) else leaf


def _smaller(
    layer: Layer, takes: Any, params: Any, x: Any, key: tuple[Any, ...], rng: Any
) -> Iterator[tuple[str, Any, Any]]:
    """One example alone, and examples of one entry, where the layer takes them."""
    cases = [("one example alone", params, jax.tree.map(lambda array: array[:1], x))]
    ones = jax.tree.map(_of_ones, takes, is_leaf=is_input)
    try:
        small = _drawn(layer, ones, len(jax.tree.leaves(x)[0]), rng)
        cases.append((f"examples of shape {shapes_of(ones)}", *small))
    except Exception:  # a layer need not take every shape
        pass
    for case, few, inputs in cases:
        try:
            jax.eval_shape(layer.forward, few, inputs, *key)
        except Exception:  # nor every batch
            continue
        yield case, few, inputs


def _of_ones(leaf: Any) -> Any:
    ones = (1,) * len(_shape(leaf))
    return ones if is_shape(leaf) else leaf._replace(shape=ones)


def _drawn(layer: Layer, takes: Any, batch_size: int, rng: Any) -> tuple[Any, Any]:
    """Parameters as the layer draws them, each moved, so that none is left at zero; and inputs."""
    params = _params(layer, shapes_of(takes), _key(rng))
    x = drawn(takes, batch_size, int(rng.integers(2**31)))

    def moved(leaf: Any) -> Any:
        if not is_float(leaf):
            return leaf
        return np.float64(leaf) + 0.1 * rng.normal(size=leaf.shape)

    return jax.tree.map(moved, params), x


def _key(rng: Any) -> Any:
    """A key that no program is compiled for."""
    return jax.random.wrap_key_data(
        rng.integers(2**32, size=2, dtype=np.uint32), impl="threefry2x32"
    )


def _params(layer: Layer, shape: Any, key: Any) -> Any:
    def init(key: Any) -> Any:
        return layer.init(key, shape)[0]

    try:
        return jax.jit(init)(key)  # one program, in place of one for each operation
    except jax.errors.JAXTypeError:  # it need not be a function that JAX can trace
        return init(key)


def _differentiated(tree: Any) -> bool:
    """Whether there is a floating-point array in it that is trained."""
    nodes = jax.tree.leaves(tree, is_leaf=lambda node: isinstance(node, NonTrainable))
    return any(is_float(node) and node.size for node in nodes)


def _uses(layer: Layer, params: Any, x: Any, key: Any) -> bool:
    """Whether the layer does with a key what it does not do without: whether it lowers to another
    program, in which what nobody needs, such as a key handed on, is left out."""

    def lowered(key: Any) -> str:
        traced = jax.jit(lambda params, x: layer.forward(params, x, key))
        return str(traced.lower(params, x).as_text())

    try:
        return lowered(None) != lowered(key)
    except TypeError as error:
        if "argument" not in str(error):
            raise
        return False  # a forward of anybody's that takes no key
