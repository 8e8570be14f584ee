"""thewalrus: gates of Gaussian optics in the basis of photon numbers."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.fifth.glue import by_jacobians, parts

PACKAGE = "thewalrus"


def cases() -> Iterator[Case]:
    from thewalrus import fock_gradients as of

    gates = {
        "displacement": (of.displacement, of.grad_displacement, 6),
        "squeezing": (of.squeezing, of.grad_squeezing, 6),
        "two_mode_squeezing": (of.two_mode_squeezing, of.grad_two_mode_squeezing, 3),
        "beamsplitter": (of.beamsplitter, of.grad_beamsplitter, 3),
        "mzgate": (of.mzgate, of.grad_mzgate, 3),
    }
    for name, (gate, slopes, cutoff) in gates.items():
        for label, at in (("", (0.7, 0.4)), ("not turned", (0.7, 0.0)), ("negative", (-0.5, 2.0))):

            def values(r: Any, phi: Any, gate: Any = gate, cutoff: int = cutoff) -> Any:
                return gate(float(r), float(phi), cutoff)

            pair = by_jacobians(
                lambda r, phi, v=values: parts(v(r, phi)),
                lambda r, phi, v=values, s=slopes: map(parts, s(v(r, phi), float(r), float(phi))),
            )
            yield Case(PACKAGE, f"grad_{name}", pair, tuple(map(np.array, at)), label)
