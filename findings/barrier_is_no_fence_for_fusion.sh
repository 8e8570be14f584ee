#!/usr/bin/env bash
# jax.lax.optimization_barrier does not keep XLA on a CPU from fusing what is before it with what is after
# it: barrier(x + 1) * 2 is one kernel, as without the barrier, of which nothing is left in the compiled
# program. So x + 1 is not stored there, and would be computed anew by each kernel that reads it.
# Seen with jax and jaxlib 0.10.2, Linux x86-64:
#   barrier in the program as written 1, as compiled 0; kernels 1, and without it 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 numpy==2.4.0
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON'
import jax
import jax.numpy as jnp
from jax import lax


def fenced(x):
    return lax.optimization_barrier(x + 1) * 2


def plain(x):
    return (x + 1) * 2


print(f"jax {jax.__version__}")
x = jax.ShapeDtypeStruct((1000,), jnp.float32)
lowered = jax.jit(fenced).lower(x)
written, compiled = lowered.as_text().count("optimization_barrier"), lowered.compile().as_text()
kernels = compiled.count(" fusion(")
without = jax.jit(plain).lower(x).compile().as_text().count(" fusion(")
left = compiled.count("opt-barrier") + compiled.count("optimization-barrier")
print(f"barrier as written {written}, as compiled {left}; kernels {kernels}, without it {without}")
assert written and not left and kernels == without == 1
PYTHON
