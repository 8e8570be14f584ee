"""All of them, in two halves: one to improve diagnoses by, and one that stays unseen."""

import hashlib

from tests.mutants.unseen import (
    attention,
    convolutions,
    dropouts,
    geometry,
    kernels,
    likelihoods,
    losses,
    matrices,
    norms,
    physics,
    poolings,
    recurrences,
    scalings,
    signals,
    solvers,
    updates,
)
from tests.mutants.unseen.form import Mistake

MODULES = (
    losses,
    likelihoods,
    kernels,
    updates,
    solvers,
    attention,
    recurrences,
    scalings,
    geometry,
    physics,
    signals,
    matrices,
    convolutions,
    poolings,
    norms,
    dropouts,
)
MISTAKES = [mistake for module in MODULES for mistake in module.MISTAKES]


def held_out(mistake: Mistake) -> bool:
    """Whether it is of the half that stays unseen: by a digest of its function's name."""
    return hashlib.sha256(mistake.forward.__qualname__.encode()).digest()[0] % 2 == 0
