#!/usr/bin/env bash
# On a CPU, an array divided by one number from about 8.51e37 on (1/4 of the largest float32) is 0, not the
# quotient: XLA multiplies by the reciprocal, which is below the normal numbers there and is flushed to 0.
# 3e38 / 3e38 is 0. So it is with whatever is broadcast, as a column of norms. A number by a number, and an
# array by one of its own shape, are right; so is NumPy. It happens outside jit too, in float64 from about
# 4.5e307 on, and in bfloat16, which is computed in float32. So x / max|x|, the usual way to a norm that
# does not overflow, loses what it should save.
# An eighth of both divides rightly.
# Seen with jax and jaxlib 0.10.2, Linux x86-64:
#   float32: 3e38 / 8.4e37 = 3.571, NumPy 3.571; 3e38 / 8.6e37 = 0.000, NumPy 3.488
#   float64: 1.6e308 / 4.4e307 = 3.636, NumPy 3.636; 1.6e308 / 4.6e307 = 0.000, NumPy 3.478
#   one number by one: 3.488, an array by an array: 3.488, an eighth of both: 3.488
#   x / max|x| of three numbers 3e38: [0.0, 0.0, 0.0], of each row of two: [[0.0, 0.0], [0.0, 0.0]]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 numpy==2.4.0
JAX_PLATFORMS=cpu JAX_ENABLE_X64=1 "$folder/venv/bin/python" - <<'PYTHON'
import jax.numpy as jnp
import numpy as np


def quotient(x, by, dtype):
    ours = jnp.full(3, x, dtype) / jnp.asarray(by, dtype)
    numpys = np.full(3, x, dtype) / np.asarray(by, dtype)
    return float(ours[0]), float(numpys[0])


for dtype, x, below, above in (
    ("float32", 3e38, 8.4e37, 8.6e37),
    ("float64", 1.6e308, 4.4e307, 4.6e307),
):
    (right, known), (wrong, true) = (quotient(x, by, dtype) for by in (below, above))
    print(
        f"{dtype}: {x:g} / {below:g} = {right:.3f}, NumPy {known:.3f}; "
        f"{x:g} / {above:g} = {wrong:.3f}, NumPy {true:.3f}".replace("e+", "e")
    )
    assert abs(right - known) < 1e-3 and wrong == 0 < true, "it divides otherwise now"

x, by = jnp.full(3, 3e38, "float32"), jnp.float32(8.6e37)
others = float(x[0] / by), float((x / jnp.full(3, by))[0]), float((x * 0.125 / (by * 0.125))[0])
print("one number by one: {:.3f}, an array by an array: {:.3f}, an eighth of both: {:.3f}".format(*others))
rows = jnp.full((2, 2), 3e38, "float32")
whole, by_row = x / jnp.abs(x).max(), rows / jnp.abs(rows).max(-1, keepdims=True)
print(f"x / max|x| of three numbers 3e38: {whole.tolist()}, of each row of two: {by_row.tolist()}")
assert min(others) > 3.4 and not whole.any() and not by_row.any()
PYTHON
