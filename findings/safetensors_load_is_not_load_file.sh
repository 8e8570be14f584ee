#!/usr/bin/env bash
# safetensors.numpy.load, of bytes, does less than safetensors.numpy.load_file, of the same bytes in a
# file: bfloat16, which save and load_file take (as ml_dtypes has it), raises KeyError: 'BF16', a name
# that is nowhere in the arrays; and the names come in an order that differs from process to process,
# while load_file returns the same order each time. Neither has the order of the mapping that was
# saved, so that weights cannot be matched to layers by order.
# So: load_file, and match by name.
# Seen with safetensors 0.8.0, ml_dtypes 0.5.4, numpy 2.4.0, Linux x86-64:
#   load_file: bfloat16 [1.0, 2.0]
#   load: KeyError 'BF16'
#   orders of 8 names in 6 processes: load_file 1, load 6
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q safetensors==0.8.0 ml_dtypes==0.5.4 numpy==2.4.0
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
from safetensors.numpy import load, load_file, save_file

narrow = Path(sys.argv[1]) / "narrow.safetensors"
save_file({"w": np.array([1, 2], ml_dtypes.bfloat16)}, narrow)
w = load_file(narrow)["w"]
print(f"load_file: {w.dtype} {w.astype(float).tolist()}")
assert w.dtype == ml_dtypes.bfloat16
try:
    load(narrow.read_bytes())
    raise SystemExit("load reads bfloat16 now")
except KeyError as error:
    print(f"load: KeyError {error}")

plain = Path(sys.argv[1]) / "plain.safetensors"
save_file({f"{n}.weight": np.ones(1, np.float32) for n in range(8)}, plain)
program = (
    "import sys; from safetensors.numpy import load, load_file; path = sys.argv[1]; "
    "print(*load_file(path)); print(*load(open(path, 'rb').read()))"
)
runs = [
    subprocess.run([sys.executable, "-c", program, str(plain)], capture_output=True, text=True)
    for _ in range(6)
]
files, loads = (len({run.stdout.splitlines()[line] for run in runs}) for line in (0, 1))
print(f"orders of 8 names in 6 processes: load_file {files}, load {loads}")
assert files == 1 and loads > 1, "the order of load has changed"
PYTHON
