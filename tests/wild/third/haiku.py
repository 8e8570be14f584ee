"""dm-haiku: layers, as functions of their parameters, in dictionaries, and their input."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case

PACKAGE = "dm-haiku"


def cases() -> Iterator[Case]:
    import haiku as hk
    import jax

    rng = np.random.default_rng(18)
    row, image, words = rng.normal(size=(2, 4)), rng.normal(size=(1, 4, 4, 2)), np.array([1, 0, 3])
    series, far = rng.normal(size=(3, 5, 2)), 30 * rng.normal(size=(2, 4))
    for name, make, given, label in (
        ("Linear", lambda: hk.Linear(3), row, ""),
        ("Bias", hk.Bias, row, ""),
        ("MLP", lambda: hk.nets.MLP([3, 2], activation=jax.nn.gelu), row, ""),
        ("Conv1D", lambda: hk.Conv1D(2, 3), series, ""),
        ("Conv2D", lambda: hk.Conv2D(2, 3, stride=2), image, "stride"),
        ("Conv2DTranspose", lambda: hk.Conv2DTranspose(2, 2, stride=2), image, ""),
        ("DepthwiseConv2D", lambda: hk.DepthwiseConv2D(2, 2), image, ""),
        ("SeparableDepthwiseConv2D", lambda: hk.SeparableDepthwiseConv2D(2, 2), image, ""),
        ("LayerNorm", lambda: hk.LayerNorm(-1, True, True), row, ""),
        ("LayerNorm", lambda: hk.LayerNorm(-1, True, True), far, "far"),
        ("RMSNorm", lambda: hk.RMSNorm(-1), row, ""),
        ("InstanceNorm", lambda: hk.InstanceNorm(True, True), image, ""),
        ("GroupNorm", lambda: hk.GroupNorm(2), image, ""),
        ("MaxPool", lambda: hk.MaxPool(2, 2, "VALID"), image, ""),
        ("AvgPool", lambda: hk.AvgPool(2, 1, "SAME"), image, ""),
        ("Embed", lambda: hk.Embed(5, 3), words, ""),
        ("MultiHeadAttention", _attention(hk), series, ""),
        ("LSTM", _unrolled(hk, lambda: hk.LSTM(3)), series, ""),
        ("GRU", _unrolled(hk, lambda: hk.GRU(3)), series, ""),
        ("VanillaRNN", _unrolled(hk, lambda: hk.VanillaRNN(3)), series, ""),
    ):
        network = hk.without_apply_rng(hk.transform(lambda x, make=make: make()(x)))
        parameters = jax.tree.map(
            lambda p: rng.normal(size=p.shape), network.init(jax.random.PRNGKey(0), given)
        )
        if parameters:
            yield Case(PACKAGE, name, network.apply, (parameters, given), label)
        else:
            yield Case(PACKAGE, name, lambda x, n=network: n.apply({}, x), (given,), label)


def _attention(hk: Any) -> Any:
    def make() -> Any:
        layer = hk.MultiHeadAttention(2, 3, w_init=hk.initializers.RandomNormal())
        return lambda x: layer(x, x, x)

    return make


def _unrolled(hk: Any, make: Any) -> Any:
    def unroll() -> Any:
        core = make()
        return lambda x: hk.dynamic_unroll(core, x, core.initial_state(x.shape[1]))[0]

    return unroll
