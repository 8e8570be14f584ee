"""Checks hand-written gradients: whether one is right, and if not, where and why.

>>> from fnet.check import check_gradients
>>> from fnet.layers import affine
>>> check_gradients(affine(5), (7,)).right
True
"""

from fnet.check.examine import check_gradients, explain
from fnet.check.report import Finding, Report
from fnet.check.subjects.subject import Pair, ValueAndGrad

__all__ = ["Finding", "Pair", "Report", "ValueAndGrad", "check_gradients", "explain"]
