#!/usr/bin/env bash
# optax.contrib.muon hands its `nesterov=True`, the default, on to the Adam that takes the arrays which
# are not matrices: biases and scales are trained by NAdam, not by Adam, although the argument is
# described as Muon's. With nesterov=False the rest is Adam, but the matrices lose their Nesterov
# momentum too, so that there is no setting with Muon as published and Adam beside it.
# So: fnet.optimizers.muon(rest=...) says what trains the rest.
# Seen with optax 0.2.8, jax 0.10.2, numpy 2.4.0, Linux x86-64, three updates of a vector:
#   muon: the rest is nadam
#   muon(nesterov=False): the rest is adam
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q optax==0.2.8 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.0
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON'
import jax.numpy as jnp
import numpy as np
import optax


def path(optimizer):
    params, updates = {"b": jnp.zeros(3)}, []
    state = optimizer.init(params)
    for step in range(3):
        grads = {"b": jnp.array([1.0, -2.0, 0.5]) * (step + 1)}
        update, state = optimizer.update(grads, state, params)
        updates.append(np.asarray(update["b"]))
    return np.array(updates)


rest = {"adam": path(optax.adam(0.01)), "nadam": path(optax.nadam(0.01))}
found = {}
for nesterov, text in ((True, "muon"), (False, "muon(nesterov=False)")):
    mine = path(optax.contrib.muon(0.01, nesterov=nesterov))
    found[nesterov] = [name for name, theirs in rest.items() if np.allclose(mine, theirs, rtol=1e-5)]
    print(f"{text}: the rest is {' and '.join(found[nesterov]) or 'neither'}")
assert found == {True: ["nadam"], False: ["adam"]}, "the rest is trained by something else now"
PYTHON
