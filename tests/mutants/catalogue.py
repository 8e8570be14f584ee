"""Every mistake that was planted by hand."""

from tests.mutants import (
    of_activations,
    of_courses,
    of_jax,
    of_layers,
    of_losses,
    of_numpy,
    of_rules,
)

PLANTED = {
    "of_layers.py": of_layers.LAYERS,
    "of_activations.py": of_activations.ACTIVATIONS,
    "of_losses.py": (*of_losses.LOSSES, *of_losses.MODELS),
    "of_numpy.py": of_numpy.NUMPY,
    "of_courses.py": of_courses.COURSES,
    "of_jax.py": of_jax.PAIRED,
    "of_rules.py": of_rules.RULED,
}
CATALOGUE = {mutant.name: mutant for mutants in PLANTED.values() for mutant in mutants}
PLANTED_IN = {mutant.name: file for file, mutants in PLANTED.items() for mutant in mutants}
assert len(CATALOGUE) == sum(map(len, PLANTED.values())), "two of one name"
