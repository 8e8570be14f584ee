#!/usr/bin/env bash
# keras.optimizers.Ftrl moves weights when its learning rate changes, though the gradient is 0: a rate of
# a tenth makes weights of a tenth, so that a schedule that ends near 0 ends with weights near 0. The
# state `linear` holds the regularisers of past steps at the rates of those steps, and is divided by the
# rate of this step. As FTRL-Proximal is published (McMahan et al. 2013), the regularisers so far add up to
# 1 / rate at every step, and a gradient of 0 moves nothing; without penalties it is AdaGrad.
# So: fnet.optimizers.ftrl keeps what does not depend on the rate, and takes schedules.
# Seen with keras 3.15.1, jax 0.10.2, numpy 2.4.0, Linux x86-64, a gradient of 1 and then of 0:
#   Ftrl at rates of 0.1, 0.1, 0.01, 0.001: [-0.0953, -0.0953, -0.00953, -0.000953]
#   Adagrad:                                [-0.0953, -0.0953, -0.0953, -0.0953]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.0
KERAS_BACKEND=jax JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON'
import keras
import numpy as np


def path(optimizer):
    weight, seen = keras.Variable(np.zeros(1, "float32")), []
    for gradient, rate in ((1.0, 0.1), (0.0, 0.1), (0.0, 0.01), (0.0, 0.001)):
        optimizer.learning_rate = rate
        optimizer.apply([np.full(1, gradient, "float32")], [weight])
        seen.append(float(f"{float(np.asarray(weight.value)[0]):.3g}"))
    return seen


ftrl, adagrad = path(keras.optimizers.Ftrl(0.1)), path(keras.optimizers.Adagrad(0.1))
print(f"Ftrl at rates of 0.1, 0.1, 0.01, 0.001: {ftrl}\nAdagrad: {adagrad}")
assert len(set(adagrad)) == 1, "Adagrad moves too"
assert ftrl == [-0.0953, -0.0953, -0.00953, -0.000953], "Ftrl no longer shrinks with its rate"
PYTHON
