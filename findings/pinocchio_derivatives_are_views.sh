#!/usr/bin/env bash
# What pinocchio's computeRNEADerivatives and computeABADerivatives return are views of the Data that they
# were given, which do not keep it alive: the next call with it writes into them, and where no variable holds
# it the numbers are anything, without an error. `base` of such an array is None, so it does not look like a
# view. rnea(), jacobianCenterOfMass() and others return copies.
# So: keep the Data in a variable, and copy what is to outlive the next call with it.
# Seen with pin 4.1.0, numpy 2.4.6, Linux x86-64:
#   owndata: rnea True, its derivative False; base of the derivative: None
#   after another call with the same Data the first derivative has changed by 32.3
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pin==4.1.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import pinocchio as pin

model = pin.buildSampleModelManipulator()
draw = np.random.default_rng(0)
q, v, a = draw.normal(size=(3, model.nv))
data = model.createData()
torque = pin.rnea(model, data, q, v, a)
slopes = pin.computeRNEADerivatives(model, data, q, v, a)[0]
before = slopes.copy()
pin.computeRNEADerivatives(model, data, q + 1, v, a)
moved = abs(slopes - before).max()
print(f"pin {pin.__version__}, numpy {np.__version__}")
print(f"owndata: rnea {torque.flags.owndata}, its derivative {slopes.flags.owndata}; ", end="")
print(f"base of the derivative: {slopes.base}")
print(f"after another call with the same Data the first derivative has changed by {moved:.1f}")
assert torque.flags.owndata, "rnea returns a view, too"
assert not slopes.flags.owndata, "they are copies now"
assert slopes.base is None, "they keep the Data alive now"
assert moved > 1, moved
PYTHON
