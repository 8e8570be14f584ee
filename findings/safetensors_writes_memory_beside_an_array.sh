#!/usr/bin/env bash
# safetensors.numpy.save and save_file write as many bytes as an array has, from where its first entry
# lies, whatever its strides: a transposed array is stored in another order (also Fortran's order, as
# scikit-learn returns), and of a reversed, strided or broadcast one the file holds what lies beside
# it in memory, and lacks what it should hold. Nothing warns; the file is valid. Version 0.7.0 writes
# all of these right; safetensors.torch refuses them. (The order is safetensors' issue 825; that memory
# beside the array is written, and so may leave the machine, is not in it.)
# So: numpy.ascontiguousarray before each save, which copies only what needs it.
# Seen with safetensors 0.7.0 and 0.8.0, numpy 2.4.0, Linux x86-64; rows 0 1 2, 3 4 5 of an array that
# has a third row, 6 7 8, which is in none of these views:
#   safetensors 0.7.0: all as they are
#   safetensors 0.8.0 transposed: [[0, 1], [2, 3], [4, 5]] for [[0, 3], [1, 4], [2, 5]]
#   safetensors 0.8.0 reversed: [[3, 4, 5], [6, 7, 8]] for [[3, 4, 5], [0, 1, 2]]
#   safetensors 0.8.0 strided: [[0, 1], [2, 3]] for [[0, 2], [3, 5]]
#   safetensors 0.8.0 broadcast: [[3, 4, 5], [6, 7, 8]] for [[3, 4, 5], [3, 4, 5]]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
for version in 0.7.0 0.8.0; do
  "$folder/venv/bin/pip" install -q "safetensors==$version" numpy==2.4.0
  "$folder/venv/bin/python" - "$version" <<'PYTHON'
import sys

import numpy as np
from safetensors.numpy import load, save

version = sys.argv[1]
whole = np.arange(9, dtype=np.float32).reshape(3, 3)
rows = whole[:2]
views = {
    "transposed": rows.T,
    "reversed": rows[::-1],
    "strided": rows[:, ::2],
    "broadcast": np.broadcast_to(rows[1], (2, 3)),
}
seen = {name: load(save({name: view}))[name] for name, view in views.items()}
wrong = {name for name, view in views.items() if not np.array_equal(seen[name], view)}
if version == "0.7.0":
    assert not wrong, wrong
    print(f"safetensors {version}: all as they are")
else:
    for name in views:
        found, true = (a.astype(int).tolist() for a in (seen[name], views[name]))
        print(f"safetensors {version} {name}: {found} for {true}")
    assert wrong == set(views), wrong
    assert seen["reversed"][1].tolist() == whole[2].tolist(), "what lies beside is not written"
PYTHON
done
