#!/usr/bin/env bash
# rlax's transformations of values, signed_logp1, signed_expm1, signed_hyperbolic and signed_parabolic, have by
# autodiff a slope of 0 at 0 (signed_hyperbolic: of its 0.001 x alone), where they are smooth and the slope is 1
# (or 0.501, and 1.996): each is sign(x) times a function of |x|, and at 0 the derivative of either factor is 0.
# A head that begins at zero gets no gradient through them, and stays there.
# So: x * where(x == 0, 1, log1p(|x|)/|x|), with a safe |x| inside, or a custom_jvp.
# Seen with rlax 0.1.9, jax 0.10.2, Linux x86-64:
#   signed_logp1: at 0 autodiff 0.000000, differences 0.999995
#   signed_expm1: at 0 autodiff 0.000000, differences 1.000005
#   signed_hyperbolic: at 0 autodiff 0.001000, differences 0.500999
#   signed_parabolic: at 0 autodiff 0.000000, differences 1.996018
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q rlax==0.1.9 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.0
JAX_PLATFORMS=cpu JAX_ENABLE_X64=1 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import jax
import rlax

STEP = 1e-5
SLOPES = {"signed_logp1": 0, "signed_expm1": 0, "signed_hyperbolic": 0.001, "signed_parabolic": 0}
print(f"rlax {version('rlax')}")
for name, flat in SLOPES.items():
    function = getattr(rlax, name)
    given = float(jax.grad(function)(0.0))
    differences = float(function(STEP) - function(-STEP)) / (2 * STEP)
    print(f"{name}: at 0 autodiff {given:.6f}, differences {differences:.6f}")
    beside = float(jax.grad(function)(STEP))
    assert abs(beside - differences) < 1e-3, "the slope beside 0 is another"
    assert abs(given - flat) < 1e-9, "the slope at 0 has changed"
PYTHON
