#!/usr/bin/env bash
# On a CPU, a sum over the first axis of an array of few long rows takes a hundred times as long as
# the rows added one by one: some 15 ns for every number of the result, from about 20,000 of them on.
# It is what the gradient of a bias, or of learned positions, is of a batch: dy.sum(0). A maximum is
# slow in the same way; a sum over the second axis, or a product with ones, is not.
# Seen with jax and jaxlib 0.10.2, Linux x86-64 (on a busy machine):
#   (8, 1024, 512), sum over the first axis: 56.9 ms
#   the same, rows added: 0.6 ms, by a loop: 0.7 ms, ones @ rows: 1.0 ms, NumPy: 0.6 ms
#   (2, 16384): 23 us; (2, 24576): 220 us; (2, 65536): 1,072 us
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 numpy==2.4.0
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON'
import time

import jax
import jax.numpy as jnp


def seconds(function, x):
    compiled = jax.jit(function)
    compiled(x).block_until_ready()
    found = []
    for _ in range(10):
        start = time.perf_counter()
        compiled(x).block_until_ready()
        found.append(time.perf_counter() - start)
    return min(found)


def looped(x):
    return jax.lax.fori_loop(1, len(x), lambda k, total: total + x[k], x[0])


x = jnp.ones((8, 1024, 512))
whole = seconds(lambda x: x.sum(0), x)
print(f"jax {jax.__version__}")
print(f"sum over the first axis: {whole * 1e3:.1f} ms")
for name, other in {
    "rows added": lambda x: sum(x[i] for i in range(8)),
    "by a loop": looped,
    "ones @ rows": lambda x: (jnp.ones(8) @ x.reshape(8, -1)).reshape(x.shape[1:]),
}.items():
    own = seconds(other, x)
    print(f"{name}: {own * 1e3:.1f} ms")
    assert whole > 10 * own, (name, whole, own)
for columns in (16384, 24576, 65536):
    print(f"(2, {columns}): {seconds(lambda x: x.sum(0), jnp.ones((2, columns))) * 1e6:.0f} us")
PYTHON
