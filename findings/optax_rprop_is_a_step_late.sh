#!/usr/bin/env bash
# optax.rprop applies each step one update after it was computed: its first update is 0, and after a
# change of sign the parameters still move by the step of the update before. Rprop as published
# (Riedmiller & Braun 1993), and in PyTorch, moves at once by the first step.
# So: fnet.optimizers.rprop(delayed=True) follows optax, and rprop() the paper.
# Seen with optax 0.2.8, jax 0.10.2, numpy 2.4.0, Linux x86-64, a constant gradient of 1:
#   updates: [-0.0, -0.01, -0.012, -0.0144]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q optax==0.2.8 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.0
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON'
import jax.numpy as jnp
import optax

optimizer = optax.rprop(0.01, eta_plus=1.2)
params = jnp.zeros(())
state, updates = optimizer.init(params), []
for _ in range(4):
    update, state = optimizer.update(jnp.ones(()), state, params)
    updates.append(round(float(update), 4))
print(f"updates: {updates}")
assert updates[0] == 0, "the first update is no longer 0"
assert updates[1:] == [-0.01, -0.012, -0.0144], "the steps have changed"
PYTHON
