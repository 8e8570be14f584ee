#!/usr/bin/env bash
# XLA on a CPU has a fast routine for a convolution whose arrays are (N, H, W, C) and (H, W, C, M) in memory.
# It brings other orders into this one in the outermost computation of a program alone (its pass
# ConvCanonicalization reads the entry computation only), so that the gradient of a kernel, which JAX writes as a
# convolution of transposed dimensions, is fast in a jitted step that Python calls, and many times slower in a
# lax.scan over the same steps. The same gradient with the transposes written by hand is fast in both.
# Seen with jax and jaxlib 0.10.2, Linux x86-64, two cores, 64 images of 32 x 32, 16 channels to 16, 3 x 3:
#   the gradient of jax.vjp: 5.8 ms a call from Python, 359.9 ms in a scan
#   written with transposes: 5.6 ms a call from Python, 5.1 ms in a scan
# The times are a machine's; what is asserted is that the scan takes at least three times as long.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 numpy==2.4.0
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON'
import time

import jax
import jax.numpy as jnp
from jax import lax

PLAIN = ("NHWC", "HWIO", "NHWC")
TIMES = 8


def convolution(x, w):
    return lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=PLAIN)


def by_vjp(x, dy):
    w = jnp.zeros((3, 3, x.shape[-1], dy.shape[-1]), x.dtype)
    return jax.vjp(lambda w: convolution(x, w), w)[1](dy)[0]


def by_hand(x, dy):
    around = ((1, 1), (1, 1))
    images, kernel = x.transpose(3, 1, 2, 0), dy.transpose(1, 2, 0, 3)
    dw = lax.conv_general_dilated(images, kernel, (1, 1), around, dimension_numbers=PLAIN)
    return dw.transpose(1, 2, 0, 3)


def scanned(gradient):
    @jax.jit
    def run(x, dy):
        def one(total, _):
            return total + gradient(x, dy + 0 * total[0, 0, 0, 0]), None

        start = jnp.zeros((3, 3, x.shape[-1], dy.shape[-1]), x.dtype)
        return lax.scan(one, start, None, length=TIMES)[0]

    return run


def milliseconds(run, *arrays):
    jax.block_until_ready(run(*arrays))
    found = []
    for _ in range(5):
        begun = time.perf_counter()
        jax.block_until_ready(run(*arrays))
        found.append(time.perf_counter() - begun)
    return 1e3 * sorted(found)[2]


x, dy = (jax.random.normal(jax.random.key(k), (64, 32, 32, 16)) for k in (0, 1))
assert jnp.allclose(by_vjp(x, dy), by_hand(x, dy), rtol=1e-3, atol=1e-2)
print(f"jax {jax.__version__}")
took = {}
for name, gradient in (("the gradient of jax.vjp", by_vjp), ("written with transposes", by_hand)):
    took[name] = milliseconds(jax.jit(gradient), x, dy), milliseconds(scanned(gradient), x, dy) / TIMES
    print(f"{name}: {took[name][0]:.1f} ms a call from Python, {took[name][1]:.1f} ms in a scan")
called, looped = took["the gradient of jax.vjp"]
assert looped > 3 * called, took
called, looped = took["written with transposes"]
assert looped < 2 * called, took
PYTHON
