#!/usr/bin/env bash
# The derivatives of autograd.scipy.stats.chi2.logpdf and pdf by x are 0 wherever the degrees of freedom
# are not a whole number; the values are scipy's, and the derivative of cdf is right. It is silent: a
# descent through them stands still. At whole degrees of freedom they are right, and gamma.logpdf
# of the same package, at x / 2 and half the degrees of freedom, is right at all of them.
# Seen with autograd 1.9.1 and scipy 1.17.1, Linux x86-64, at x = 1.2 (at 3.5 degrees as at 2.5):
#   degrees of freedom 2.5, logpdf: autograd 0.000000, differences -0.291667
#   degrees of freedom 2.5, pdf: autograd 0.000000, differences -0.077714
#   degrees of freedom 2.5, cdf: autograd 0.266447, differences 0.266447
#   degrees of freedom 2.5, gamma.logpdf: autograd -0.291667, differences -0.291667
#   degrees of freedom 3.0, logpdf: autograd -0.083333, differences -0.083333
#   degrees of freedom 3.0, pdf: autograd -0.019987, differences -0.019987
#   degrees of freedom 3.0, cdf: autograd 0.239841, differences 0.239841
#   degrees of freedom 3.0, gamma.logpdf: autograd -0.083333, differences -0.083333
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q autograd==1.9.1 numpy==2.4.0 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

import numpy as np
from autograd import grad
from autograd.scipy.stats import chi2, gamma

X, STEP = 1.2, 1e-5
print(f"autograd {version('autograd')}")
for freedom in (2.5, 3.0, 3.5):
    functions = {
        "logpdf": lambda x: chi2.logpdf(x, freedom),
        "pdf": lambda x: chi2.pdf(x, freedom),
        "cdf": lambda x: chi2.cdf(x, freedom),
        "gamma.logpdf": lambda x: gamma.logpdf(x / 2, freedom / 2),
    }
    for name, function in functions.items():
        said = grad(function)(X)
        true = (function(X + STEP) - function(X - STEP)) / (2 * STEP)
        print(f"degrees of freedom {freedom}, {name}: autograd {said:.6f}, differences {true:.6f}")
        if name in ("logpdf", "pdf") and freedom % 1:
            assert said == 0 and abs(true) > 0.01, "the derivative has changed"
        else:
            assert np.isclose(said, true, rtol=1e-6), "wrong here too"
PYTHON
