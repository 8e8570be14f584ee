"""Every mistake that was planted by hand."""

from tests.mutants.of_activations import ACTIVATIONS
from tests.mutants.of_courses import COURSES
from tests.mutants.of_jax import PAIRED
from tests.mutants.of_layers import LAYERS
from tests.mutants.of_losses import LOSSES, MODELS
from tests.mutants.of_numpy import NUMPY
from tests.mutants.of_rules import RULED

PLANTED = (*LAYERS, *ACTIVATIONS, *LOSSES, *MODELS, *NUMPY, *COURSES, *PAIRED, *RULED)
CATALOGUE = {mutant.name: mutant for mutant in PLANTED}
assert len(CATALOGUE) == len(PLANTED), "two of one name"
