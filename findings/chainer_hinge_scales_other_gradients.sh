#!/usr/bin/env bash
# The backward pass of chainer's hinge loss divides the gradient that it is given by the number of rows, in
# place, and a sum hands the same array to both of its terms: in the gradient of hinge(x, t) + sum(z), the
# part of z is 1/4 for four rows, and not 1, in either order. Other losses do not do so.
# So: reduce="no" and a mean of one's own, F.average(F.sum(F.hinge(x, t, reduce="no"), axis=1)), is right.
# Seen with chainer 7.8.1, numpy 1.23.5, Linux x86-64, Python 3.11:
#   beside hinge: [0.25 0.25], beside a mean of one's own: [1. 1.]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q setuptools==70.0.0 wheel==0.43.0 six==1.17.0 numpy==1.23.5 filelock \
  "protobuf<4" typing_extensions
"$folder/venv/bin/pip" install -q --no-deps --no-build-isolation chainer==7.8.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import chainer
import chainer.functions as F
import numpy as np

x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
labels = np.array([0, 1, 2, 0])


def of_z(term):
    z = chainer.Variable(np.ones(2, np.float32))
    (term(chainer.Variable(x)) + F.sum(z)).backward()
    return z.grad


whole = of_z(lambda x: F.hinge(x, labels))
own = of_z(lambda x: F.average(F.sum(F.hinge(x, labels, reduce="no"), axis=1)))
print(f"chainer {chainer.__version__}, numpy {np.__version__}")
print(f"beside hinge: {whole}, beside a mean of one's own: {own}")
assert np.allclose(own, 1), own
assert np.allclose(whole, 1 / len(x)), "it is right now"
PYTHON
