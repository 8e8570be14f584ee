"""pvlib: the single diode model with Bishop's breakdown, and its gradients by the voltage."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case

PACKAGE = "pvlib"
CELL = (6.0, 1e-9, 0.3, 300.0, 1.5)


def cases() -> Iterator[Case]:
    from pvlib.singlediode import bishop88

    plain: dict[str, float] = {}
    film = {"d2mutau": 1.4, "NsVbi": 90.0}
    broken = {"breakdown_factor": 2e-3, "breakdown_voltage": -5.5, "breakdown_exp": 3.28}
    voltages = np.array([-2.0, 0.0, 12.0, 30.0])
    for label, options in (("", plain), ("thin film", film), ("breakdown", broken)):

        def forward(vd: Any, options: Any = options) -> Any:
            return np.stack(bishop88(vd, *CELL, **options)), vd

        def backward(dout: Any, vd: Any, options: Any = options) -> Any:
            found = bishop88(vd, *CELL, gradients=True, **options)
            by_current, by_voltage, _, by_power = found[3:7]
            # The power's is by the output's voltage.
            return dout[0] * by_current + dout[1] * by_voltage + dout[2] * by_power * by_voltage

        yield Case(PACKAGE, "bishop88", Pair(forward, backward), (voltages,), label)
