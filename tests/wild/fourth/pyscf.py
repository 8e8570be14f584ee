"""pyscf: density functionals with their derivatives, atomic orbitals, forces of a molecule."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case
from tests.wild.glue import elementwise, two_functions
from tests.wild.third.glue import partials

PACKAGE = "pyscf"
WATER = np.array([[0.0, 0.0, 0.1], [0.0, 0.76, -0.47], [0.0, -0.76, -0.43]])


def cases() -> Iterator[Case]:
    from pyscf import dft, gto

    density, slope = np.array([0.05, 0.3, 0.8]), np.array([0.1, 0.2, 0.05])
    for name in ("slater", "lda,vwn", "lda,pw", "lda,pz"):
        first, second = _local(dft.libxc, name)
        yield Case(PACKAGE, f"libxc {name}", first, (density,))
        yield Case(PACKAGE, f"libxc {name}", second, (density,), "second derivative")
    for name in ("pbe,pbe", "b88,lyp", "pw91,pw91", "optx,lyp"):
        pair = partials(*_semilocal(dft.libxc, name))
        yield Case(PACKAGE, f"libxc {name}", pair, (density, slope))
    molecule = gto.M(atom=[("O", WATER[0]), ("H", WATER[1]), ("H", WATER[2])], basis="6-31g*",
                     unit="Bohr", verbose=0)  # fmt: skip
    points = np.random.default_rng(58).normal(size=(2, 3))
    yield Case(PACKAGE, "GTOval_ip_sph", _orbitals(molecule), (points,))
    yield from _molecules(gto)


def _local(libxc: Any, name: str) -> Any:
    def at(rho: Any, order: int) -> Any:
        return libxc.eval_xc(name, np.array(rho), deriv=order)

    def value(rho: Any) -> Any:
        return rho * at(rho, 1)[0]

    def first(rho: Any) -> Any:
        return at(rho, 1)[1][0]

    return elementwise(value, first), elementwise(first, lambda rho: at(rho, 2)[2][0])


def _semilocal(libxc: Any, name: str) -> Any:
    """By the density and the square of its gradient, which is along one axis here."""

    def at(rho: Any, sigma: Any) -> Any:
        zero = np.zeros_like(rho)
        return libxc.eval_xc(name, np.stack([rho, np.sqrt(sigma), zero, zero]), deriv=1)

    return (lambda rho, sigma: rho * at(rho, sigma)[0], lambda rho, sigma: at(rho, sigma)[1][:2])


def _orbitals(molecule: Any) -> Pair:
    def backward(dout: Any, points: Any) -> Any:
        slopes = molecule.eval_gto("GTOval_ip_sph", np.array(points))
        return np.einsum("no,kno->nk", np.asarray(dout), slopes)

    return Pair(lambda x: (molecule.eval_gto("GTOval_sph", np.array(x)), x), backward)


def _molecules(gto: Any) -> Iterator[Case]:
    from pyscf import grad, scf

    def made(xyz: Any) -> Any:
        atoms = [(name, row) for name, row in zip("OHH", np.array(xyz), strict=True)]
        return gto.M(atom=atoms, basis="sto-3g", unit="Bohr", verbose=0)

    repulsion = two_functions(lambda x: made(x).energy_nuc(), lambda x: grad.rhf.grad_nuc(made(x)))
    yield Case(PACKAGE, "grad_nuc", repulsion, (1.9 * WATER,))

    def solved(xyz: Any) -> Any:
        field = scf.RHF(made(xyz))
        field.conv_tol = 1e-12
        return field.run()

    forces = two_functions(lambda x: solved(x).e_tot,
                           lambda x: solved(x).nuc_grad_method().kernel())  # fmt: skip
    yield Case(PACKAGE, "RHF gradient", forces, (1.9 * WATER,), "", None, {"rtol": 1e-5})
