"""Sequences continued by a model, one token after the other, in one compiled loop."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree, PRNGKey

from fnet.core import Layer, out_shape
from fnet.core.expect import check_range, require, require_bool, require_number, require_whole
from fnet.core.remembering import remembered
from fnet.errors import ConfigurationError, ShapeError

GREEDY = 1e-6  # temperatures below it take the most probable token


def generate(
    model: Layer,
    params: ArrayTree,
    prompt: Any,
    tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int = 0,
    cached: bool = True,
) -> np.ndarray:
    """The prompts and `tokens` more of each, drawn from what the model says comes next.

        y = model(x)        p = softmax(yₜ / temperature)

    The next token is drawn from p, and then the one after it. prompt: (N, T) ids, T at least 1; the
    result: (N, T + tokens). A temperature of 0 takes the most probable token. With `top_k` only so
    many of the most probable ones are drawn from. What is drawn follows from seed, row and place.

    The prompt takes one forward pass; each further token one step of the model's `stream`, whose
    state, such as the keys and values of attention, comes from the cache of that pass. With
    cached=False every token takes a forward pass over all before it: the same tokens, up to
    rounding, in more time, for any model of which no step sees a later one. Raises
    ConfigurationError for a model that has no stream, or sees later steps, and DataError for an id
    that the model does not know.

    >>> from fnet.models import recurrent
    >>> model = recurrent(5, 3)
    >>> params, _ = model.init(jax.random.key(0), (4,))
    >>> longer = generate(model, params, [[1, 2]], 6)
    >>> again = generate(model, params, [[1, 2]], 6, cached=False)
    >>> longer.shape, bool((longer == again).all())
    ((1, 8), True)
    """
    given = _ids(prompt)
    vocabulary = out_shape(model, given.shape[1:])[-1]
    check_range("generate: the prompt", given, 0, vocabulary - 1)
    prompt = jnp.asarray(given.astype(np.int32))
    require_whole("generate: tokens", tokens, least=0)
    require_number("generate: temperature", temperature, least=0)
    require_whole("generate: top_k", 1 if top_k is None else top_k, least=1)
    require_bool("generate: cached", cached)
    if tokens == 0:
        return np.asarray(prompt)
    if cached and model.stream is None:
        raise ConfigurationError(
            f"generate: {_without_stream(model)} cannot continue a sequence step by step: a step "
            "of it depends on later ones, or it does not say how; try cached=False"
        )
    make = _make_cached if cached else _make_whole
    if not cached:
        _require_causal(model, params, prompt)
    run = make(model, tokens, top_k, temperature < GREEDY)
    scale = jnp.asarray(max(temperature, GREEDY), jnp.float32)
    return np.asarray(run(params, prompt, scale, jax.random.key(seed)))


def _ids(prompt: Any) -> np.ndarray:
    """The prompt as it is; ShapeError unless it is (N, T) whole numbers."""
    try:
        ids = np.asarray(prompt)
    except ValueError as error:
        raise ShapeError(f"generate: the prompt's rows are not of one length: {error}") from None
    require(
        ids.ndim == 2 and ids.shape[1] > 0 and ids.dtype.kind in "iu",
        f"generate: the prompt is {ids.shape} {ids.dtype}; it must be (N, T), rows of one id or "
        "more each, whole numbers",
    )
    return ids


@remembered
def _make_cached(
    model: Layer, tokens: int, top_k: int | None, greedy: bool
) -> Callable[..., Array]:
    stream = model.stream
    assert stream is not None

    @jax.jit
    def run(params: ArrayTree, prompt: Array, temperature: Array, key: PRNGKey) -> Array:
        steps = prompt.shape[1]
        y, cache = model.forward(params, prompt)
        state = stream.resume(params, cache, steps, steps + tokens)
        first = _drawn(y[:, -1], steps, temperature, key, top_k, greedy)

        def step(carry: Any, place: Array) -> Any:
            token, state = carry
            y, state = stream.step(params, state, token[:, None])
            after = _drawn(y[:, 0], place, temperature, key, top_k, greedy)
            return (after, state), after

        places = jnp.arange(steps + 1, steps + tokens, dtype=jnp.int32)
        _, others = jax.lax.scan(step, (first, state), places)
        return jnp.concatenate((prompt, first[:, None], others.T), axis=1)

    return run


@remembered
def _make_whole(model: Layer, tokens: int, top_k: int | None, greedy: bool) -> Callable[..., Array]:
    @jax.jit
    def run(params: ArrayTree, prompt: Array, temperature: Array, key: PRNGKey) -> Array:
        steps = prompt.shape[1]

        def step(place: Array, whole: Array) -> Array:
            y = model.forward(params, whole)[0][:, place - 1]
            return whole.at[:, place].set(_drawn(y, place, temperature, key, top_k, greedy))

        whole = jnp.pad(prompt, ((0, 0), (0, tokens)))
        done: Array = jax.lax.fori_loop(jnp.int32(steps), jnp.int32(steps + tokens), step, whole)
        return done

    return run


def _drawn(
    logits: Array, place: Any, temperature: Array, key: PRNGKey, top_k: int | None, greedy: bool
) -> Array:
    """A token for each row of logits (N, V), by a key of this place."""
    if greedy:
        return logits.argmax(axis=-1).astype(jnp.int32)
    values, tokens = logits.astype(jnp.float32), None
    if top_k is not None and top_k < values.shape[-1]:
        values, tokens = jax.lax.top_k(values, top_k)
    drawn = jax.random.categorical(jax.random.fold_in(key, place), values / temperature)
    if tokens is not None:
        drawn = jnp.take_along_axis(tokens, drawn[:, None], axis=-1)[:, 0]
    return drawn.astype(jnp.int32)


def _require_causal(model: Layer, params: ArrayTree, prompt: Array) -> None:
    """Raise ConfigurationError where the last step of the prompt sees one after it."""
    found, other = (
        model.forward(params, jnp.pad(prompt, ((0, 0), (0, 1)), constant_values=after))[0][:, -2]
        for after in (0, 1)
    )
    if not bool(jnp.allclose(found, other, rtol=1e-3, atol=1e-5)):
        raise ConfigurationError(
            "generate: what the model says of a step depends on later ones; give attention causal="
            "True, and recurrent layers no reverse=True"
        )


def _without_stream(layer: Layer) -> Layer:
    """The first part of a layer that has no stream."""
    for part in layer.layers:
        if part.stream is None:
            return _without_stream(part)
    return layer
