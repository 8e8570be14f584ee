#!/usr/bin/env bash
# XLA on a CPU holds the stacked outputs of every lax.scan of a program from its first step to its last:
# of k scans one after another, of which each needs one number of the one before, the temporaries are k
# outputs, where one at a time is alive. Each output begins as zeros, which depend on nothing, so that
# all are made at once. Where the output is filled by dynamic_update_index_in_dim into an array that
# begins as a number of the input, the temporaries stay at one output.
# Seen with jax and jaxlib 0.10.2, Linux x86-64; temporaries in outputs of 4 MiB:
#   1 scans: stacked by scan 1.0, from an array that depends on the input 1.0
#   2 scans: stacked by scan 2.0, from an array that depends on the input 1.0
#   4 scans: stacked by scan 4.0, from an array that depends on the input 1.0
#   8 scans: stacked by scan 8.0, from an array that depends on the input 1.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 numpy==2.4.0
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON'
import jax
import jax.numpy as jnp
from jax import lax

SHAPE = (64, 128, 128)


def stacked(s, x):
    return lax.scan(lambda none, row: (none, jnp.tanh(row * s)), None, x)[1]


def filled(s, x):
    def one(state, row):
        ys, place = state
        return (lax.dynamic_update_index_in_dim(ys, jnp.tanh(row * s), place, 0), place + 1), None

    return lax.scan(one, (jnp.broadcast_to(s, x.shape), 0), x)[0][0]


def temporaries(stage, count):
    def run(x):
        s = jnp.float32(1)
        for _ in range(count):
            s = stage(s, x).sum()
        return s

    program = jax.jit(run).lower(jax.ShapeDtypeStruct(SHAPE, jnp.float32)).compile()
    return program.memory_analysis().temp_size_in_bytes / (4 * SHAPE[0] * SHAPE[1] * SHAPE[2])


print(f"jax {jax.__version__}")
seen = {}
for count in (1, 2, 4, 8):
    seen[count] = temporaries(stacked, count), temporaries(filled, count)
    print(
        f"{count} scans: stacked by scan {seen[count][0]:.1f}, "
        f"from an array that depends on the input {seen[count][1]:.1f}"
    )
assert all(abs(by_scan - count) < 0.1 for count, (by_scan, _) in seen.items()), seen
assert seen[8][1] < 2, seen
PYTHON
