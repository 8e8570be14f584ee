#!/usr/bin/env bash
# XLA divides by a number that is known when it compiles by multiplying with its reciprocal, which is
# rounded: floor(t / 41) of t = 41 in float32 is 1 outside of jit, and 0 within. A schedule that counts
# periods so is one step late, or at the end of a period where it should begin the next. t // 41 is 1 in
# both, and so is the quotient where 41 is an argument of the compiled function.
# Seen with jax and jaxlib 0.10.2, Linux x86-64:
#   floor(n / n) is 0 if compiled for 23 of n = 2 ... 199: 41, 47, 55, 61, 82, 83, 94, 97, ...
#   floor(n / n) otherwise: 1 for all; n // n if compiled: 1 for all; n given: 1 for all
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 numpy==2.4.0
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON'
import jax
import jax.numpy as jnp

LENGTHS = range(2, 200)


def periods(t, n):
    return jnp.floor(t / n)


def counted(t, n):
    return t // n


def short(f, **options):
    return [n for n in LENGTHS if jax.jit(f, **options)(jnp.float32(n), float(n)) != 1]


print(f"jax {jax.__version__}")
compiled = short(periods, static_argnums=1)
plain = [n for n in LENGTHS if periods(jnp.float32(n), float(n)) != 1]
whole, given = short(counted, static_argnums=1), short(periods)
print(f"floor(n / n) is 0 if compiled for {len(compiled)} of n = 2 ... 199: {compiled[:8]}")
print(f"otherwise for {len(plain)}; n // n if compiled for {len(whole)}; n given for {len(given)}")
assert compiled[0] == 41 and len(compiled) == 23, compiled
assert not plain and not whole and not given
PYTHON
