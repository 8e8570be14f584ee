#!/usr/bin/env bash
# mygrad's linalg.norm says of its argument nan_to_num, True by default, that the gradient at zeros is 0 in
# place of NaN. It is so for the 1-norm; for the 2-norm of a vector that is all zeros, which is where its
# gradient has no value, backward() gives NaN all the same: the division by the norm comes first.
# So: a penalty on a norm of weights that begin at zero is NaN after one step.
# Seen with mygrad 2.5.0, numpy 2.4.6, Linux x86-64:
#   ord=1: [0.0, 0.0]   ord=2: [nan, nan]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q mygrad==2.5.0 numpy==2.4.6 numba==0.68.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import mygrad
import numpy as np


def gradient(order):
    x = mygrad.tensor([0.0, 0.0])
    mygrad.linalg.norm(x, ord=order, nan_to_num=True).backward()
    return x.grad


print(f"ord=1: {gradient(1).tolist()}   ord=2: {gradient(2).tolist()}")
assert (gradient(1) == 0).all()
assert np.isnan(gradient(2)).all(), "it keeps its word now"
PYTHON
