#!/usr/bin/env bash
# The gradient of pytensor's gammaincc(k, x) by k is a series that is cut off after nine terms, and used
# where it diverges: it is off by a thousandth at (8, 6), three times too large at (15, 13), and of another
# sign and hundreds of times too large at (20, 18). That of gammainc, which is 1 minus it, is right.
# Seen with pytensor 3.0.7, without a compiler, and mpmath 1.3.0, Linux x86-64:
#   at (8.0, 6.0): gammaincc 0.121449, gammainc -0.121314, mpmath 0.121314 and minus that
#   at (15.0, 13.0): gammaincc 0.304563, gammainc -0.096017, mpmath 0.096017 and minus that
#   at (20.0, 18.0): gammaincc -35.294064, gammainc -0.084786, mpmath 0.084786 and minus that
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pytensor==3.0.7 mpmath==1.3.0
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

import mpmath as mp
import pytensor
import pytensor.tensor as pt
from pytensor.compile.mode import Mode

k, x = pt.dscalars("k", "x")
slopes = [pytensor.grad(f(k, x), k) for f in (pt.gammaincc, pt.gammainc)]
run = pytensor.function([k, x], slopes, mode=Mode(linker="py", optimizer=None))
print(f"pytensor {version('pytensor')}")
off = {}
for at in ((8.0, 6.0), (15.0, 13.0), (20.0, 18.0)):
    true = mp.diff(lambda k: mp.gammainc(k, at[1], regularized=True), at[0])
    upper, lower = map(float, run(*at))
    off[at] = abs(upper - true)
    print(f"at {at}: gammaincc {upper:.6f}, gammainc {lower:.6f}, mpmath {float(true):.6f} and minus that")
    assert abs(lower + true) < 1e-6, "that of gammainc is off"
assert off[8.0, 6.0] > 1e-5 and off[20.0, 18.0] > 10, off
PYTHON
