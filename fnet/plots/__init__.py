"""Pictures of data and of training, each a matplotlib Figure that a notebook displays.

Colours are those of Okabe & Ito, which colour-blind readers can tell apart; a mark or a word always
repeats the distinction. No display, window or global state of matplotlib is used or changed.
"""

from fnet.plots.attention import attention, filters
from fnet.plots.comparisons import compare, learning_rates
from fnet.plots.costs import growth, layer_bytes
from fnet.plots.descents import Movie, animated_paths, paths
from fnet.plots.errors import gradient_errors
from fnet.plots.images import class_grid, predictions, weights
from fnet.plots.language import attention_weights, bits_per_character
from fnet.plots.probabilities import calibration, roc
from fnet.plots.regressions import predicted_against_true, residuals
from fnet.plots.results import confusion, curves, sigmoid_scatter

__all__ = [
    "Movie",
    "animated_paths",
    "attention",
    "attention_weights",
    "bits_per_character",
    "calibration",
    "class_grid",
    "compare",
    "confusion",
    "curves",
    "filters",
    "gradient_errors",
    "growth",
    "layer_bytes",
    "learning_rates",
    "paths",
    "predicted_against_true",
    "predictions",
    "residuals",
    "roc",
    "sigmoid_scatter",
    "weights",
]
