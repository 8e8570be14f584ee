"""ase: energies of atoms, and the forces on them."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import ValueAndGrad
from tests.wild.case import Case

PACKAGE = "ase"


def cases() -> Iterator[Case]:
    from ase.calculators.emt import EMT
    from ase.calculators.lj import LennardJones
    from ase.calculators.morse import MorsePotential

    rng = np.random.default_rng(14)
    near = 1.2 * np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0.4, 0.5, 1]])
    near += 0.05 * rng.normal(size=near.shape)
    for name, kind, options, symbols, positions in (
        ("LennardJones", LennardJones, {"sigma": 1.0, "rc": 6.0}, "Ar4", near),
        ("LennardJones", LennardJones, {"sigma": 1.0, "rc": 3.0, "smooth": True}, "Ar4", near),
        ("MorsePotential", MorsePotential, {"rcut1": 5.0, "rcut2": 6.0}, "Ar4", near),
        ("EMT", EMT, {}, "Cu4", 2.1 * near),
    ):
        function = _energy(symbols, kind, options)
        yield Case(PACKAGE, name, ValueAndGrad(function), (positions,), ", ".join(options))


def _energy(symbols: str, kind: Any, options: dict[str, Any]) -> Any:
    from ase import Atoms

    def energy(positions: Any) -> Any:
        atoms = Atoms(symbols, positions=positions)
        atoms.calc = kind(**options)
        return float(atoms.get_potential_energy()), -atoms.get_forces()

    return energy
