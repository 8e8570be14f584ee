#!/usr/bin/env bash
# The gradient of pyttb's negative binomial loss, (r + d) log(m + 1) - d log m of a count d and a model m, has
# (r + 1)/(m + 1) where (r + d)/(m + 1) must be: it is right for counts of 1 alone, and of another sign for
# others. gcp_opt with Objectives.NEGATIVE_BINOMIAL descends by it. The gradients of the other losses are right.
# So: give gcp_opt a tuple of functions of one's own, with (r + d) in the gradient.
# Seen with pyttb 1.8.6, numpy 2.4.0, Linux x86-64, of r = 4 at m = 0.7:
#   count 0: given 2.941176, differences 2.352941
#   count 1: given 1.512605, differences 1.512605
#   count 3: given -1.344538, differences -0.168067
#   count 9: given -9.915966, differences -5.210084
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pyttb==1.8.6 numpy==2.4.0
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

import numpy as np
from pyttb.gcp.handles import negative_binomial, negative_binomial_grad

MODEL, TRIALS, STEP = 0.7, 4.0, 1e-5
print(f"pyttb {version('pyttb')}")
for count in (0.0, 1.0, 3.0, 9.0):

    def loss(model):
        return negative_binomial(np.array([count]), np.array([model]), TRIALS)[0]

    given = negative_binomial_grad(np.array([count]), np.array([MODEL]), TRIALS)[0]
    differences = (loss(MODEL + STEP) - loss(MODEL - STEP)) / (2 * STEP)
    formula = (TRIALS + count) / (1 + MODEL) - count / MODEL
    print(f"count {count:.0f}: given {given:.6f}, differences {differences:.6f}")
    assert abs(formula - differences) < 1e-6, "the differences and the formula disagree"
    if count == 1:
        assert abs(given - formula) < 1e-6, "it is wrong here too"
    else:
        assert abs(given - (TRIALS + 1) / (1 + MODEL) + count / MODEL) < 1e-6, "it has changed"
PYTHON
