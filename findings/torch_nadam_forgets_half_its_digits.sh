#!/usr/bin/env bash
# torch.optim.NAdam keeps the running product of its momenta in a tensor of the *default* dtype: a model
# in float64 is trained with a product in float32, and its path has 10 digits instead of 16. Neither
# Adam nor RAdam, which have such products too, lose any. torch.set_default_dtype(torch.float64) before
# the optimizer is made helps.
# So: compare NAdam in float64 only under a default dtype of float64.
# Seen with torch 2.13.0 (CPU), numpy 2.4.0, Linux x86-64, 50 steps in float64, largest difference of
# the path from the formula's:
#   NAdam: 1e-10 as it is, 7e-16 under a default dtype of float64
#   RAdam: 0e+00 between the two
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.4.0
"$folder/venv/bin/python" - <<'PYTHON'
import torch


def path(kind, default):
    torch.set_default_dtype(default)
    try:
        w = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
        optimizer = kind([w], lr=0.01)
        for _ in range(50):
            optimizer.zero_grad()
            (w**4 + w).sum().backward()
            optimizer.step()
        return w.detach()
    finally:
        torch.set_default_dtype(torch.float32)


def by_formula():
    w = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    m, v, product = torch.zeros_like(w), torch.zeros_like(w), 1.0
    for t in range(1, 51):
        g = 4 * w**3 + 1
        mu, ahead = (0.9 * (1 - 0.5 * 0.96 ** (0.004 * step)) for step in (t, t + 1))
        product *= mu
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        direction = (1 - mu) * g / (1 - product) + ahead * m / (1 - product * ahead)
        w = w - 0.01 * direction / ((v / (1 - 0.999**t)).sqrt() + 1e-8)
    return w


exact = by_formula()
off = {name: float((path(torch.optim.NAdam, d) - exact).abs().max()) for name, d in
       (("float32", torch.float32), ("float64", torch.float64))}
other = float((path(torch.optim.RAdam, torch.float32) - path(torch.optim.RAdam, torch.float64)).abs().max())
print(f"NAdam: {off['float32']:.0e} as it is, {off['float64']:.0e} under a default dtype of float64")
print(f"RAdam: {other:.0e} between the two")
assert off["float32"] > 1e-11, "NAdam keeps its product in the dtype of its parameters now"
assert off["float64"] < 1e-13 and other < 1e-13
PYTHON
