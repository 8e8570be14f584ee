"""lenstronomy: lensing potentials, deflections and shears."""

import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case
from tests.wild.second.glue import of_arguments

PACKAGE = "lenstronomy"
ELLIPSE = {"e1": 0.1, "e2": -0.05}
PROFILES = {
    "chameleon.Chameleon": {"alpha_1": 1.0, "w_c": 0.5, "w_t": 1.2, **ELLIPSE},
    "bpl.BPL": {"b": 1.1, "a": 2.2, "a_c": 1.5, "r_c": 0.4, **ELLIPSE},
    "cored_density.CoredDensity": {"sigma0": 0.3, "r_core": 0.6},
    "cored_steep_ellipsoid.CSE": {"a": 2.0, "s": 0.7, **ELLIPSE, "center_x": 0, "center_y": 0},
    "coreBurkert.CoreBurkert": {"Rs": 1.3, "alpha_Rs": 0.8, "r_core": 0.4},
    "dipole.Dipole": {"com_x": 0.1, "com_y": 0.2, "phi_dipole": 0.5, "coupling": 0.3},
    "epl.EPL": {"theta_E": 1.1, "gamma": 2.1, **ELLIPSE},
    "flexion.Flexion": {"g1": 0.01, "g2": 0.02, "g3": 0.03, "g4": 0.04},
    "gaussian_potential.GaussianPotential": {"amp": 1.0, "sigma_x": 0.7, "sigma_y": 1.2},
    "gaussian.Gaussian": {"amp": 1.0, "sigma": 0.8},
    "hernquist.Hernquist": {"sigma0": 0.7, "Rs": 1.3},
    "nfw.NFW": {"Rs": 1.9, "alpha_Rs": 0.9},
    "cnfw.CNFW": {"Rs": 1.9, "alpha_Rs": 0.9, "r_core": 0.5},
    "nie_potential.NIE_POTENTIAL": {"theta_E": 1.1, "theta_c": 0.2, **ELLIPSE},
    "nie.NIE": {"theta_E": 1.1, **ELLIPSE, "s_scale": 0.2},
    "point_mass.PointMass": {"theta_E": 1.1},
    "pseudo_jaffe.PseudoJaffe": {"sigma0": 0.7, "Ra": 0.4, "Rs": 1.5},
    "sersic.Sersic": {"n_sersic": 2.0, "R_sersic": 0.9, "k_eff": 0.5},
    "shear.Shear": {"gamma1": 0.1, "gamma2": -0.05},
    "shear.ShearReduced": {"gamma1": 0.1, "gamma2": -0.05},
    "sie.SIE": {"theta_E": 1.1, **ELLIPSE},
    "sis.SIS": {"theta_E": 1.1},
    "sis_truncate.SIS_truncate": {"theta_E": 1.1, "r_trunc": 0.9},
    "spep.SPEP": {"theta_E": 1.1, "gamma": 1.9, **ELLIPSE},
    "spp.SPP": {"theta_E": 1.1, "gamma": 1.9},
    "tnfw.TNFW": {"Rs": 1.9, "alpha_Rs": 0.9, "r_trunc": 3.0},
    "uldm.Uldm": {"kappa_0": 0.4, "theta_c": 1.2},
    "convergence.Convergence": {"kappa": 0.2},
    "multipole.Multipole": {"m": 4, "a_m": 0.05, "phi_m": 0.3},
    "gnfw.GNFW": {"Rs": 1.9, "alpha_Rs": 0.9, "gamma_in": 1.3},
    "arc_perturbations.ArcPerturbations": {
        "coeff": 0.1, "d_r": 0.5, "d_phi": 0.8, "center_x": 0, "center_y": 0,
    },
}  # fmt: skip
ONLY_FIRST = {"gnfw.GNFW", "uldm.Uldm", "bpl.BPL", "sersic.Sersic", "sis.SIS"}


def cases() -> Iterator[Case]:
    x, y = np.array([0.7, -1.1, 0.2]), np.array([0.4, 0.6, -1.5])
    for name, options in PROFILES.items():
        file, kind = name.split(".")
        module = importlib.import_module(f"lenstronomy.LensModel.Profiles.{file}")
        made = getattr(module, kind)()
        pair = of_arguments(_with(made.function, options), _with(made.derivatives, options))
        yield Case(PACKAGE, kind, pair, (x, y))
        if name not in ONLY_FIRST:
            yield Case(PACKAGE, f"{kind}.hessian", _hessian(made, options), (x, y))


def _with(function: Any, options: dict[str, Any]) -> Any:
    return lambda x, y: function(x, y, **options)


def _hessian(made: Any, options: dict[str, Any]) -> Pair:
    def forward(x: Any, y: Any) -> Any:
        return np.stack(made.derivatives(x, y, **options)), (x, y)

    def backward(dout: Any, at: Any) -> Any:
        f_xx, f_xy, f_yx, f_yy = made.hessian(*at, **options)
        return dout[0] * f_xx + dout[1] * f_yx, dout[0] * f_xy + dout[1] * f_yy

    return Pair(forward, backward)
