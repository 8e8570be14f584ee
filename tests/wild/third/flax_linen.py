"""flax: layers of linen, as functions of their parameters and their input."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case

PACKAGE = "flax"


def cases() -> Iterator[Case]:
    import jax
    from flax import linen as nn

    rng = np.random.default_rng(19)
    row, image, series = (rng.normal(size=s) for s in ((2, 4), (1, 4, 4, 2), (2, 5, 4)))
    cell, constant = nn.RNN(nn.LSTMCell(3)), np.full((2, 4), 1.5)
    for name, layer, given, label in (
        ("Dense", nn.Dense(3), row, ""),
        ("DenseGeneral", nn.DenseGeneral((2, 3), axis=(-2, -1)), image, ""),
        ("Einsum", nn.Einsum((4, 3), "ab,bc->ac"), row, ""),
        ("Conv", nn.Conv(2, (3, 3), strides=2), image, "stride"),
        ("Conv", nn.Conv(4, (3, 3), feature_group_count=2, padding="CIRCULAR"), image, "circular"),
        ("ConvTranspose", nn.ConvTranspose(2, (2, 2), (2, 2)), image, ""),
        ("LayerNorm", nn.LayerNorm(), row, ""),
        ("LayerNorm", nn.LayerNorm(), constant, "constant rows"),
        ("RMSNorm", nn.RMSNorm(), row, ""),
        ("RMSNorm", nn.RMSNorm(), np.zeros((2, 4)), "zeros"),
        ("GroupNorm", nn.GroupNorm(2), image, ""),
        ("InstanceNorm", nn.InstanceNorm(), image, ""),
        ("WeightNorm", nn.WeightNorm(nn.Dense(3)), row, ""),
        ("PReLU", nn.PReLU(), row, ""),
        ("MultiHeadDotProductAttention", nn.MultiHeadDotProductAttention(2), series, ""),
        ("RNN of LSTMCell", cell, series, ""),
        ("RNN of GRUCell", nn.RNN(nn.GRUCell(3)), series, ""),
        ("RNN of SimpleCell", nn.RNN(nn.SimpleCell(3), reverse=True), series, "reverse"),
        ("Bidirectional", nn.Bidirectional(cell, nn.RNN(nn.GRUCell(3))), series, ""),
    ):
        variables = layer.init(jax.random.PRNGKey(0), given)
        drawn = jax.tree.map(lambda p: rng.normal(size=p.shape), variables)
        if name.startswith(("RNN", "Bidir")):  # its state is of float32, and so must all be
            drawn, given = jax.tree.map(np.float32, (drawn, given))
        yield Case(PACKAGE, name, layer.apply, (drawn, given), label)
    for name, function in (
        ("max_pool", lambda x: nn.max_pool(x, (2, 2))),
        ("avg_pool", lambda x: nn.avg_pool(x, (2, 2), padding="SAME", count_include_pad=False)),
    ):
        yield Case(PACKAGE, name, function, (image,))
    batch = nn.BatchNorm(use_running_average=False)
    state = jax.tree.map(lambda p: np.asarray(p, float), batch.init(jax.random.PRNGKey(0), row))

    def normed(parameters: Any, x: Any) -> Any:
        given = {"params": parameters, "batch_stats": state["batch_stats"]}
        return batch.apply(given, x, mutable=["batch_stats"])[0]

    yield Case(PACKAGE, "BatchNorm", normed, (state["params"], row))
