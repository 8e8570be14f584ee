#!/usr/bin/env bash
# pyGPs' Matern kernel has wrong derivatives by both of its parameters, at every degree: getDerMatrix writes the
# kernel over the matrix of distances, and then differentiates at the kernel's values. So is the gradient of the
# evidence, by which GPR.optimize() learns the length scale: here it has the wrong sign. RBF's and RQ's are right.
# So: take the derivatives of sf² (1 + s) exp(-s), of s = √3 r/l, from elsewhere, or another kernel.
# Seen with pyGPs 1.3.5, numpy 2.4.0, scipy 1.17.1, Linux x86-64, by the logarithm of the length scale:
#   RBF: given 14.390898, differences 14.390898
#   RQ: given 8.059819, differences 8.059819
#   Matern: given -0.412637, differences 2.379800
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pyGPs==1.3.5 numpy==2.4.0 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import numpy as np
import pyGPs
from pyGPs.Core import cov

STEP = 1e-5
x = np.array([[-1.0], [0.2], [0.9], [2.0]])
y = np.sin(2 * x)


def evidence(kernel):
    """Minus the logarithm of the evidence, and its derivative by that of the length scale."""
    model = pyGPs.GPR()
    model.setData(x, y)
    model.setPrior(kernel=kernel)
    value, slopes, _ = model.getPosterior()
    return float(np.squeeze(value)), float(np.squeeze(slopes.cov[0]))


print(f"pyGPs {version('pyGPs')}")
for name, make in (("RBF", cov.RBF), ("RQ", cov.RQ), ("Matern", cov.Matern)):
    given = evidence(make(0.3))[1]
    differences = (evidence(make(0.3 + STEP))[0] - evidence(make(0.3 - STEP))[0]) / (2 * STEP)
    print(f"{name}: given {given:.6f}, differences {differences:.6f}")
    right = abs(given - differences) < 1e-5 * abs(differences)
    assert right == (name != "Matern"), f"the derivative of {name} has changed"
PYTHON
