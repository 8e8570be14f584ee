#!/usr/bin/env bash
# scikit-fem's ElementLinePp keeps the shape functions of the points that it was asked for first, and
# gives them for any other points, if these are as many: two quadratures of one size, or one
# element used for two meshes' points, mix silently. An element made anew is right.
# Seen with scikit-fem 12.0.2, Linux x86-64, the third shape function of degree 3:
#   value and slope at 0.8: -0.391918, 1.469694
#   at 0.3, by the same element: -0.391918, 1.469694
#   at 0.3, by another: -0.514393, -0.979796
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q scikit-fem==12.0.2
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

import numpy as np
from skfem import ElementLinePp

first, second = np.array([[0.8]]), np.array([[0.3]])
print(f"scikit-fem {version('scikit-fem')}")
element = ElementLinePp(3)
before = [float(a.squeeze()) for a in element.lbasis(first, 2)]
after = [float(a.squeeze()) for a in element.lbasis(second, 2)]
anew = [float(a.squeeze()) for a in ElementLinePp(3).lbasis(second, 2)]
print(f"value and slope at 0.8: {before[0]:.6f}, {before[1]:.6f}")
print(f"at 0.3, by the same element: {after[0]:.6f}, {after[1]:.6f}")
print(f"at 0.3, by another: {anew[0]:.6f}, {anew[1]:.6f}")
assert after == before and not np.allclose(after, anew), "they are of these points now"
PYTHON
