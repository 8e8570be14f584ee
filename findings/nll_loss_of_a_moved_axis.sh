#!/usr/bin/env bash
# PyTorch's nll_loss over images takes log-probabilities whose classes were last and are moved to axis 1,
# as a view, and gives the loss; its backward pass raises, because the gradient that it makes is laid out as
# the view. Over sequences it does not, nor does cross_entropy over images, which makes an array of its own.
# Seen with torch 2.13.0 (CPU), Linux x86-64:
#   nll_loss, (N, H, W, C) moved: RuntimeError: grad_input must be contiguous
#   nll_loss, (N, T, C) moved: no error; cross_entropy, (N, H, W, C) moved: no error
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.4.0
"$folder/venv/bin/python" - <<'PYTHON'
import torch
import torch.nn.functional as F


def answer(loss, shape):
    x = torch.zeros(shape, requires_grad=True)
    labels = torch.zeros(shape[:-1], dtype=torch.long)
    try:
        loss(x.movedim(-1, 1), labels).backward()
    except RuntimeError as error:
        return f"RuntimeError: {error}"
    return "no error"


print(f"torch {torch.__version__}")
images, sequences = (2, 3, 5, 4), (2, 3, 4)
found = {
    "nll_loss over images": answer(F.nll_loss, images),
    "nll_loss over sequences": answer(F.nll_loss, sequences),
    "cross_entropy over images": answer(F.cross_entropy, images),
}
for name, said in found.items():
    print(f"{name}, classes moved to axis 1: {said}")
assert found["nll_loss over images"] == "RuntimeError: grad_input must be contiguous"
assert found["nll_loss over sequences"] == found["cross_entropy over images"] == "no error"
PYTHON
