#!/usr/bin/env bash
# On virtual devices of a CPU, the sum of many arrays over devices is one all-reduce in the compiled
# program, but the devices meet once for every array in it: 10 microseconds each, so that 16 scalars
# take as long as half a megabyte. Concatenated into one vector they take as long as one scalar.
# Counting all-reduces in the program does not show it.
# Seen with jax and jaxlib 0.10.2, Linux x86-64, two devices on two cores (on a busy machine):
#   one all-reduce in each program
#   1 scalar: 19 us, 4: 48 us, 16: 162 us; 16 concatenated: 20 us
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 numpy==2.4.0
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON'
import functools
import re
import time

import jax
import jax.numpy as jnp

STEPS = 10
jax.config.update("jax_num_cpu_devices", 2)
mesh = jax.make_mesh((2,), ("d",))
spec = jax.sharding.PartitionSpec("d")


def apart(n, x):
    parts = jax.lax.psum(tuple(x * (1 + i) for i in range(n)), "d")
    return sum(parts) / sum(range(2, 2 * n + 1, 2))


def together(n, x):
    added = jax.lax.psum(jnp.concatenate([x * (1 + i) for i in range(n)]), "d")
    return sum(added[i : i + 1] for i in range(n)) / sum(range(2, 2 * n + 1, 2))


def measured(body):
    def own(x):
        return jax.lax.fori_loop(0, STEPS, lambda _, x: body(x), x)

    run = jax.jit(jax.shard_map(own, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False))
    x = jax.device_put(jnp.ones(2), jax.sharding.NamedSharding(mesh, spec))
    text = run.lower(x).compile().as_text()
    found = []
    for _ in range(300):
        start = time.perf_counter()
        run(x).block_until_ready()
        found.append(time.perf_counter() - start)
    return min(found) / STEPS * 1e6, len(re.findall(r" all-reduce(?:-start)?\(", text))


print(f"jax {jax.__version__}")
seen = {}
for name, body in {
    "1 scalar": functools.partial(apart, 1),
    "4 scalars": functools.partial(apart, 4),
    "16 scalars": functools.partial(apart, 16),
    "16 concatenated": functools.partial(together, 16),
}.items():
    seen[name], count = measured(body)
    print(f"{name}: {seen[name]:.0f} us, {count} all-reduce")
    assert count == 1, count
assert seen["16 scalars"] > 3 * seen["16 concatenated"], seen
PYTHON
