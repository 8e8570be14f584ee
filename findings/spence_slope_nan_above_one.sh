#!/usr/bin/env bash
# jax.scipy.special.spence has the right values, but by autodiff its derivative is NaN from above 1 up
# to 2, and 0 at 1 itself, where the function is smooth: the derivative is log(x) / (1 - x), which
# goes to -1 at 1. (A branch that is not taken there is the logarithm of a negative number, and the
# value at 1 is a constant.) Below 1 and above 2 the derivative is right.
# So: give spence a derivative of its own, by jax.custom_jvp, before differentiating it.
# Seen with jax and jaxlib 0.10.2, scipy 1.17.1, Linux x86-64, float64:
#   x = 0.7: autodiff -1.188916, differences -1.188916, true -1.188916
#   x = 1.0: autodiff 0.000000, differences -1.000000, true -1.000000
#   x = 1.2: autodiff nan, differences -0.911608, true -0.911608
#   x = 1.5: autodiff nan, differences -0.810930, true -0.810930
#   x = 2.0: autodiff nan, differences -0.693147, true -0.693147
#   x = 2.5: autodiff -0.610860, differences -0.610860, true -0.610860
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 numpy==2.4.0 scipy==1.17.1
JAX_PLATFORMS=cpu JAX_ENABLE_X64=1 "$folder/venv/bin/python" - <<'PYTHON'
import jax
import numpy as np
import scipy.special
from jax.scipy.special import spence

STEP = 1e-5
print(f"jax {jax.__version__}")
seen = {}
for x in (0.7, 1.0, 1.2, 1.5, 2.0, 2.5):
    seen[x] = float(jax.grad(spence)(x))
    differences = float(spence(x + STEP) - spence(x - STEP)) / (2 * STEP)
    true = np.log(x) / (1 - x) if x != 1 else -1.0
    print(f"x = {x}: autodiff {seen[x]:.6f}, differences {differences:.6f}, true {true:.6f}")
    assert np.isclose(spence(x), scipy.special.spence(x), rtol=1e-12, atol=0), "a wrong value"
    assert np.isclose(differences, true, rtol=1e-6), "the differences and the formula disagree"
    if x < 1 or x > 2:
        assert np.isclose(seen[x], true, rtol=1e-9), "wrong here too"
assert seen[1.0] == 0, "the derivative at 1 has changed"
assert np.isnan([seen[1.2], seen[1.5], seen[2.0]]).all(), "a derivative that was NaN has changed"
PYTHON
