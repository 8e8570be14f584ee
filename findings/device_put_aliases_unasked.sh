#!/usr/bin/env bash
# jax.device_put(x, may_alias=False), of which its documentation says that x will be copied, makes no copy of a
# NumPy array whose memory begins at a multiple of 64 bytes: what is written to x afterwards shows in the JAX
# array. One that begins 4 bytes later is copied, and so is either by jax.numpy.array, and by jax.numpy.asarray.
# Seen with jax and jaxlib 0.10.2, NumPy 2.4.0, Linux x86-64, on a CPU:
#   may_alias=False: aligned 7.0, not aligned 0.0; jnp.array: 0.0, 0.0; jnp.asarray: 0.0, 0.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 numpy==2.4.0
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON'
import jax
import jax.numpy as jnp
import numpy as np


def zeros(past):
    """1,000 zeros that begin so many numbers past a multiple of 64 bytes."""
    memory = np.zeros(1100, np.float32)
    begin = -memory.ctypes.data % 64 // 4 + past
    return memory[begin : begin + 1000]


def seen(put):
    """The first number of the JAX array after 7 was written to NumPy's: aligned, and not."""
    found = []
    for past in (0, 1):
        x = zeros(past)
        y = put(x)
        y.block_until_ready()
        x[0] = 7
        found.append(float(y[0]))
    return found


print(f"jax {jax.__version__}, NumPy {np.__version__}")
told = seen(lambda x: jax.device_put(x, may_alias=False))
copied, taken = seen(jnp.array), seen(jnp.asarray)
print(f"may_alias=False: {told}; jnp.array: {copied}; jnp.asarray: {taken}")
assert told == [7.0, 0.0], told
assert copied == [0.0, 0.0] and taken == [0.0, 0.0], (copied, taken)
PYTHON
