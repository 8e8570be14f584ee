"""The cases of a layer: in use and in training, for a batch and for one example."""

import functools
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from fnet.check.subjects.library import of_layer, of_penalty
from fnet.check.subjects.subject import Case
from fnet.check.truth.arguments import is_float
from fnet.core import Layer, NonTrainable, expect
from fnet.core.examples import Ints, Uniform, drawn, is_input, shapes_of
from fnet.core.trees import is_shape
from fnet.errors import ConfigurationError

_layer_subject = functools.lru_cache(maxsize=64)(of_layer)
IN_TRAINING = "in training, with a key"


def cases_of_layer(
    layer: Layer, arguments: tuple[Any, ...], key: Any, batch_size: int, rng: Any, quick: bool
) -> Iterator[Case]:
    """The layer without a key, with one if that changes what it computes, and its penalty.

    Unless quick, also for one example alone, and for examples of one entry.
    """
    takes = _required(layer, arguments)
    expect.require_whole("batch_size", batch_size, least=1)
    params, x = _drawn(layer, takes, batch_size, rng)
    if not _differentiated(params) and not _differentiated(x):
        kinds = ", ".join(dict.fromkeys(str(leaf.dtype) for leaf in jax.tree.leaves(x)))
        raise ConfigurationError(
            f"{layer!r}: there is nothing to differentiate by: it has no trainable "
            f"parameters, and its input is {kinds or 'empty'}"
        )
    key = _key(rng) if key is None else key
    modes: list[tuple[Any, ...]] = [(), (key,)] if _uses(layer, params, x, key) else [()]
    for with_key in modes:
        words, right = (IN_TRAINING, "in use, without one") if with_key else ("", "")
        subject = _layer_subject(layer, bool(with_key))
        yield Case(subject, (params, x, *with_key), words, right)
        for case, few, inputs in () if quick else _smaller(layer, takes, params, x, with_key, rng):
            case = f"{words}, {case}" if words else case
            yield Case(subject, (few, inputs, *with_key), case, "for all of the batch", False)
    if layer.penalty is not None and _differentiated(params):
        yield Case(of_penalty(layer), (params,), in_full=False)


def _required(layer: Layer, arguments: tuple[Any, ...]) -> Any:
    """What the layer takes; raises unless it is a shape or a tree of shapes."""
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
    """One example alone, and examples of one entry, where the layer accepts them."""
    cases = [("one example alone", params, jax.tree.map(lambda array: array[:1], x))]
    ones = jax.tree.map(_of_ones, takes, is_leaf=is_input)
    try:
        small = _drawn(layer, ones, len(jax.tree.leaves(x)[0]), rng)
        cases.append((f"examples of shape {shapes_of(ones)}", *small))
    except Exception:  # a layer may refuse a shape
        pass
    for case, few, inputs in cases:
        try:
            jax.eval_shape(layer.forward, few, inputs, *key)
        except Exception:  # or a batch of one
            continue
        yield case, few, inputs


def _of_ones(leaf: Any) -> Any:
    ones = (1,) * len(_shape(leaf))
    return ones if is_shape(leaf) else leaf._replace(shape=ones)


def _drawn(layer: Layer, takes: Any, batch_size: int, rng: Any) -> tuple[Any, Any]:
    """Parameters as the layer draws them, perturbed so that none is zero, and a batch of inputs."""
    params = _params(layer, shapes_of(takes), _key(rng))
    x = drawn(takes, batch_size, int(rng.integers(2**31)))

    def moved(leaf: Any) -> Any:
        if not is_float(leaf):
            return leaf
        return np.float64(leaf) + 0.1 * rng.normal(size=leaf.shape)

    return jax.tree.map(moved, params), x


def _key(rng: Any) -> Any:
    """A key, made without compiling a program."""
    return jax.random.wrap_key_data(
        rng.integers(2**32, size=2, dtype=np.uint32), impl="threefry2x32"
    )


def _params(layer: Layer, shape: Any, key: Any) -> Any:
    def init(key: Any) -> Any:
        return layer.init(key, shape)[0]

    try:
        return jax.jit(init)(key)  # one program instead of one per operation
    except jax.errors.JAXTypeError:  # it cannot be traced
        return init(key)


def _differentiated(tree: Any) -> bool:
    """Whether it contains a trainable floating-point array."""
    nodes = jax.tree.leaves(tree, is_leaf=lambda node: isinstance(node, NonTrainable))
    return any(is_float(node) and node.size for node in nodes)


def _uses(layer: Layer, params: Any, x: Any, key: Any) -> bool:
    """Whether a key changes what the layer computes: whether it lowers to a different program.

    Lowering drops dead code, such as a key that is only split and passed on."""

    def lowered(key: Any) -> str:
        traced = jax.jit(lambda params, x: layer.forward(params, x, key))
        return str(traced.lower(params, x).as_text())

    try:
        return lowered(None) != lowered(key)
    except TypeError as error:
        if "argument" not in str(error):
            raise
        return False  # its forward pass accepts no key
