"""A loss must leave out the rows that `where` does not mark."""

from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp

from fnet.check.checks.probe import Probe
from fnet.check.report import Finding
from fnet.core import Loss
from fnet.core.masking import unmarked_counts


def unmarked(probe: Probe, rng: Any) -> Iterator[Finding]:
    """A finding for a loss that counts the last row, where that is not marked."""
    loss = probe.subject.of[0]
    y, target, _ = probe.arguments(probe.start)
    if not isinstance(loss, Loss) or jnp.ndim(target) == 0 or len(target) < 2:
        return
    how = unmarked_counts(loss, jnp.asarray(y), jnp.asarray(target))
    if how is not None:
        yield Finding(
            "structure",
            "where",
            f"{how}; sum over marked rows alone, divide a mean by where.sum(), and let dy be 0 "
            "elsewhere",
        )
