"""When to stop: generators around the generator that `fit` is.

for record in stop_early(fit(...), patience=5): ...
"""

from collections.abc import Iterator

import jax
import jax.numpy as jnp

from fnet.errors import ConfigurationError
from fnet.records import Record


def stop_early(records: Iterator[Record], patience: int) -> Iterator[Record]:
    """The records up to the one that is `patience` epochs after the best."""
    for record in records:
        if "val_loss" not in record.metrics:
            raise ConfigurationError("stop_early needs a validation set: fit(..., train, val, ...)")
        yield record
        if record.epoch - record.best.epoch >= patience:
            return


def until_converged(records: Iterator[Record], tolerance: float) -> Iterator[Record]:
    """The records up to the first whose parameters moved by less: ‖θᵏ⁺¹ − θᵏ‖ < tolerance."""
    before = None
    for record in records:
        yield record
        params = record.state.params
        if before is not None:
            moved = jax.tree.map(lambda new, old: jnp.sum((new - old) ** 2), params, before)
            if float(sum(jax.tree.leaves(moved))) < tolerance**2:
                return
        before = params
