"""rdkit: energies of molecules by force fields, and their gradients."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import two_functions

PACKAGE = "rdkit"
TERMS = ("Bond", "Angle", "StretchBend", "Torsion", "Oop", "VdW", "Ele")
CONSTRAINTS = {
    "DistanceConstraint": (0, 3, False, 2.0, 2.2, 50.0),
    "AngleConstraint": (0, 1, 2, False, 90.0, 100.0, 50.0),
    "TorsionConstraint": (0, 1, 2, 3, False, 20.0, 50.0, 50.0),
    "PositionConstraint": (1, 0.1, 50.0),
}


def cases() -> Iterator[Case]:
    from rdkit import Chem
    from rdkit.Chem import AllChem

    molecule = Chem.AddHs(Chem.MolFromSmiles("CC(=O)NO"))
    AllChem.EmbedMolecule(molecule, randomSeed=7)
    at = molecule.GetConformer().GetPositions().ravel()
    at = at + 0.1 * np.random.default_rng(57).normal(size=at.size)
    for term in TERMS:
        properties = AllChem.MMFFGetMoleculeProperties(molecule)
        for other in TERMS:
            getattr(properties, f"SetMMFF{other}Term")(other == term)
        field = AllChem.MMFFGetMoleculeForceField(molecule, properties)
        yield Case(PACKAGE, f"MMFF, {term}", _energy(field), (at,))
    whole = AllChem.MMFFGetMoleculeForceField(molecule, AllChem.MMFFGetMoleculeProperties(molecule))
    yield Case(PACKAGE, "MMFF", _energy(whole), (at,))
    yield Case(PACKAGE, "UFF", _energy(AllChem.UFFGetMoleculeForceField(molecule)), (at,))
    for kind in ("MMFF", "UFF"):
        for name, given in CONSTRAINTS.items():
            field = AllChem.UFFGetMoleculeForceField(molecule)
            if kind == "MMFF":
                field = AllChem.MMFFGetMoleculeForceField(
                    molecule, AllChem.MMFFGetMoleculeProperties(molecule)
                )
            getattr(field, f"{kind}Add{name}")(*given)
            yield Case(PACKAGE, f"{kind}, {name}", _energy(field), (at,))


def _energy(field: Any) -> Any:
    field.Initialize()
    return two_functions(lambda x: field.CalcEnergy(list(map(float, x))),
                         lambda x: np.array(field.CalcGrad(list(map(float, x)))))  # fmt: skip
