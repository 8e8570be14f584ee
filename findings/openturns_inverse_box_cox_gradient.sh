#!/usr/bin/env bash
# The gradient of OpenTURNS' InverseBoxCoxTransform, (1 + λx)^(1/λ), is x^(1/λ - 1) and not
# (1 + λx)^(1/λ - 1): at λ = 0.4, x = 0.3 it is 0.164, and must be 1.185. It is right for λ = 0 and
# λ = 1, and for no λ between where x is small. That of BoxCoxTransform is right.
# So: take 1 over the gradient of BoxCoxTransform at the transformed point.
# Seen with openturns 1.27.post1, Linux x86-64:
#   at 0.3: given 0.164317, differences 1.185297, by the other transform 1.185297
#   at 2.0: given 2.828427, differences 2.414953, by the other transform 2.414953
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q openturns==1.27.post1
"$folder/venv/bin/python" - <<'PYTHON'
import openturns as ot

POWER, STEP = 0.4, 1e-5
inverse, forward = ot.InverseBoxCoxTransform([POWER]), ot.BoxCoxTransform([POWER])
print(f"openturns {ot.__version__}")
for x in (0.3, 2.0):
    given = inverse.gradient([x])[0, 0]
    differences = (inverse([x + STEP])[0] - inverse([x - STEP])[0]) / (2 * STEP)
    other = 1 / forward.gradient(inverse([x]))[0, 0]
    print(f"at {x}: given {given:.6f}, differences {differences:.6f}, by the other transform {other:.6f}")
    assert abs(other - differences) < 1e-6, "that of BoxCoxTransform is off"
    assert abs(given - differences) > 0.1, "it is right now"
    assert abs(given - x ** (1 / POWER - 1)) < 1e-9, "it is wrong in another way"
PYTHON
