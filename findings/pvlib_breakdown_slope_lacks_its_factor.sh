#!/usr/bin/env bash
# pvlib's bishop88(gradients=True) gives the slope of the current of a solar cell by its diode voltage. With
# a reverse breakdown, (1 − v / breakdown_voltage) to a power, the power is differentiated without its
# inner derivative, −1 / breakdown_voltage: at a breakdown voltage of −5.5 V that part of the slope is 5.5
# times what it must be. Without a breakdown the slope is right.
# So: the slope of a measured curve is checked by differences (`fnet check`) before it is descended.
# Seen with pvlib 0.16.1, numpy 2.4.6, scipy 1.17.1, pandas 3.1.1, Linux x86-64:
#   at -1.0 V: given -0.003398, differences -0.003356
#   at -2.0 V: given -0.003665, differences -0.003418
#   at -4.0 V: given -0.026553, differences -0.007942
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pvlib==0.16.1 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1
"$folder/venv/bin/python" - <<'PYTHON'
from pvlib.singlediode import bishop88

cell = {
    "photocurrent": 6.0,
    "saturation_current": 1e-9,
    "resistance_series": 0.0,
    "resistance_shunt": 300.0,
    "nNsVth": 1.5,
    "breakdown_voltage": -5.5,
    "breakdown_exp": 3.28,
}


def slopes(volts, factor, h=1e-5):
    def current(v):
        return bishop88(v, **cell, breakdown_factor=factor)[0]

    given = bishop88(volts, **cell, breakdown_factor=factor, gradients=True)[3]
    return given, (current(volts + h) - current(volts - h)) / (2 * h)


for volts in (-1.0, -2.0, -4.0):
    given, differences = slopes(volts, 2e-3)
    print(f"at {volts} V: given {given:.6f}, differences {differences:.6f}")
    plain, right = slopes(volts, 0.0)
    assert abs(plain - right) < 1e-8, "without a breakdown it is right"
    base = 1 - volts / cell["breakdown_voltage"]
    first = -2e-3 / cell["resistance_shunt"] * base ** -cell["breakdown_exp"]  # is right
    through_the_power = (given - plain - first) / (differences - right - first)
    assert abs(through_the_power - 5.5) < 1e-4, "it is right now"
PYTHON
