#!/usr/bin/env bash
# Two backward passes of pypose are not of their forward passes, without a word:
# SE3's AdjT computes Ad(X⁻¹) a, and its backward pass is that of Ad(X)ᵀ a, which is the same for
# rotations alone; the gradient by a is wrong wherever there is a translation.
# Sim3's Exp and Log are exact, and their gradients are power series cut off after six terms and four:
# off by a hundredth to a tenth at tangent vectors of size 2. Those of SO3 and SE3 are exact.
# So: SE3: X.Inv().Adj(a) in the place of X.AdjT(a); Sim3: keep tangent vectors small.
# Seen with pypose 0.9.5, torch 2.13.0 (CPU), Linux x86-64, largest deviation from differences:
#   SE3 Adj of the inverse 3e-10; SE3 AdjT 3e+00; SE3 Exp 1e-10; Sim3 Exp 3e-02
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pypose==0.9.5 torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import pypose as pp
import torch

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
STEP = 1e-6


def off(function, x):
    """The largest deviation of the gradient of a sum from central differences."""
    x = x.clone().requires_grad_()
    weights = torch.linspace(0.5, 1.5, function(x).numel())
    (gradient,) = torch.autograd.grad((weights * function(x).flatten()).sum(), x)
    with torch.no_grad():
        moved = [x + side * STEP * e for e in torch.eye(x.numel()) for side in (1, -1)]
        sums = torch.stack([(weights * function(m).flatten()).sum() for m in moved])
        differences = (sums[::2] - sums[1::2]) / (2 * STEP)
    return float(abs(gradient - differences).max())


pose = pp.se3(torch.randn(6)).Exp()
tangent = torch.tensor([0.5, -1.0, 0.8, 1.2, -0.7, 0.9, 0.6])
point = torch.randn(3)
seen = {
    "SE3 Adj of the inverse": off(lambda a: pose.Inv().Adj(pp.se3(a)).tensor(), tangent[:6]),
    "SE3 AdjT": off(lambda a: pose.AdjT(pp.se3(a)).tensor(), tangent[:6]),
    "SE3 Exp": off(lambda x: pp.se3(x).Exp().Act(point), tangent[:6]),
    "Sim3 Exp": off(lambda x: pp.sim3(x).Exp().Act(point), tangent),
}
print(f"pypose {pp.__version__}, torch {torch.__version__}")
print("; ".join(f"{name} {one:.0e}" for name, one in seen.items()))
assert torch.allclose(pose.AdjT(pp.se3(tangent[:6])), pose.Inv().Adj(pp.se3(tangent[:6]))), "forward"
assert max(seen["SE3 Adj of the inverse"], seen["SE3 Exp"]) < 1e-7, "these are off"
assert min(seen["SE3 AdjT"], seen["Sim3 Exp"]) > 1e-2, "they are right now"
PYTHON
