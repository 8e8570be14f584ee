"""Training: one step, one epoch, a generator of epochs whose loop belongs to the caller; and the
tools around them.

>>> from fnet import training
>>> callable(training.fit)
True
"""

from fnet.training.descent import descend
from fnet.training.evaluation import Predictions, confusion_matrix, evaluate, predict
from fnet.training.loop import fit, make_epoch
from fnet.training.overfitting import overfit
from fnet.training.records import Best, Metrics, Record, State, start
from fnet.training.step import make_step
from fnet.training.stopping import stop_early, until_converged
from fnet.training.sweeping import sweep

__all__ = [
    "Best",
    "Metrics",
    "Predictions",
    "Record",
    "State",
    "confusion_matrix",
    "descend",
    "evaluate",
    "fit",
    "make_epoch",
    "make_step",
    "overfit",
    "predict",
    "start",
    "stop_early",
    "sweep",
    "until_converged",
]
