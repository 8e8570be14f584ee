#!/usr/bin/env bash
# gala's KuzminPotential and BurkertPotential answer hessian() with zeros, and do not say that none was
# written; their gradients are right, so that differences of these show it. A Hessian of zeros means
# no tides, and neighbouring orbits that never part. MiyamotoNagaiPotential's is right.
# Seen with gala 1.11.0, Linux x86-64, the second derivative by x at (0.83, -0.42, 0.31):
#   KuzminPotential: hessian 0.000000, differences of its gradient -0.048287
#   BurkertPotential: hessian 0.000000, differences of its gradient 0.047307
#   MiyamotoNagaiPotential: hessian -0.013384, differences of its gradient -0.013384
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q gala==1.11.0
"$folder/venv/bin/python" - <<'PYTHON'
import warnings
from importlib.metadata import version

import numpy as np
from gala.potential import BurkertPotential, KuzminPotential, MiyamotoNagaiPotential

warnings.simplefilter("error")
AT, STEP = np.array([0.83, -0.42, 0.31]), 1e-5
print(f"gala {version('gala')}")
for potential in (
    KuzminPotential(m=1.3, a=0.7, units=None),
    BurkertPotential(rho=1.3, r0=0.7, units=None),
    MiyamotoNagaiPotential(m=1.3, a=0.7, b=0.2, units=None),
):
    said = np.asarray(potential.hessian(AT))[0, 0, 0]
    ends = [np.asarray(potential.gradient(AT + s * np.eye(3)[0]))[0, 0] for s in (STEP, -STEP)]
    true = (ends[0] - ends[1]) / (2 * STEP)
    name = type(potential).__name__
    print(f"{name}: hessian {said:.6f}, differences of its gradient {true:.6f}")
    if name == "MiyamotoNagaiPotential":
        assert abs(said - true) < 1e-6, "wrong here too"
    else:
        assert said == 0 and abs(true) > 0.01, "there is one now"
PYTHON
