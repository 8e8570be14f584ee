"""For each mistake of these packages one entry: what the package says, and mpmath's."""

import numpy as np


def upper_gamma() -> tuple[float, float]:
    """Γ(a, x)/Γ(a) by a, at (20, 18)."""
    import mpmath as mp
    import pytensor
    import pytensor.tensor as pt
    from pytensor.compile.mode import Mode

    a, x = pt.dscalar("a"), pt.dscalar("x")
    slope = pytensor.grad(pt.gammaincc(a, x), a)
    run = pytensor.function([a, x], slope, mode=Mode(linker="py", optimizer=None))
    return float(run(20.0, 18.0)), float(
        mp.diff(lambda a: mp.gammainc(a, 18, regularized=True), 20)
    )


def kuzmin() -> tuple[float, float]:
    """-m / √(x² + y² + (a + |z|)²), twice by x."""
    import mpmath as mp
    from gala.potential import KuzminPotential

    made = KuzminPotential(m=1.3, a=0.7, units=None)
    said = np.asarray(made.hessian(np.array([0.83, -0.42, 0.31])))[0, 0, 0]

    def potential(x: mp.mpf) -> mp.mpf:
        return -mp.mpf(1.3) / mp.sqrt(x**2 + mp.mpf(0.42) ** 2 + mp.mpf(1.01) ** 2)

    return float(said), float(mp.diff(potential, 0.83, 2))


def burkert() -> tuple[float, float]:
    """A potential whose gradient is known to be right, twice by x."""
    import mpmath as mp
    from gala.potential import BurkertPotential

    made = BurkertPotential(rho=1.3, r0=0.7, units=None)
    x, y, z = 0.83, -0.42, 0.31
    said = np.asarray(made.hessian(np.array([x, y, z])))[0, 0, 0]

    def force(x: mp.mpf) -> mp.mpf:
        """G M(r) x / r³, of the mass within r."""
        r = mp.sqrt(x**2 + mp.mpf(y) ** 2 + mp.mpf(z) ** 2)
        s = r / mp.mpf(0.7)
        within = mp.log((1 + s) ** 2 * (1 + s * s)) - 2 * mp.atan(s)
        return mp.pi * mp.mpf(1.3) * mp.mpf(0.7) ** 3 * within * x / r**3

    return float(said), float(mp.diff(force, x))


def asked_again() -> tuple[float, float]:
    """√(3/2) (x² - 1)/2 for x = 2 y - 1, by y at 0.3, after it was asked at 0.8."""
    import mpmath as mp
    from skfem import ElementLinePp

    element = ElementLinePp(3)
    element.lbasis(np.array([[0.8]]), 2)
    said = element.lbasis(np.array([[0.3]]), 2)[1][0, 0]
    return float(said), float(mp.diff(lambda y: mp.sqrt(1.5) * ((2 * y - 1) ** 2 - 1) / 2, 0.3))


def beside_the_mask() -> tuple[float, float]:
    """Differences from voxels of the mask alone, of three voxels the last two: (w1 - w0)²/2."""
    import mpmath as mp
    from nilearn.decoding.space_net_solvers import _squared_loss_and_spatial_grad_derivative

    mask, w = np.array([False, True, True]).reshape(3, 1, 1), np.array([1.5, 4.0])
    nothing = np.zeros((1, 2)), np.zeros(1)
    said = _squared_loss_and_spatial_grad_derivative(*nothing, w, mask, 1.0)[0]
    return float(said), float(mp.diff(lambda w0: (4 - w0) ** 2 / 2, 1.5))


def weights() -> tuple[float, float]:
    """Σ w (t - r)²/Σ w by the prediction of who is censored, whose weight is 0."""
    import mpmath as mp
    from sksurv.ensemble.survival_loss import IPCWLeastSquaresError
    from sksurv.nonparametric import ipc_weights
    from sksurv.util import Surv

    event, time = np.array([True, False, True, True]), np.array([1.0, 2.0, 3.0, 4.0])
    raw, w = np.array([0.5, 0.7, 1.0, 1.2]), ipc_weights(event, time)
    said = -IPCWLeastSquaresError().gradient(Surv.from_arrays(event, time), raw)[1]

    def loss(r: mp.mpf) -> mp.mpf:
        all_of = [(time[i] - (r if i == 1 else raw[i])) ** 2 * w[i] for i in range(4)]
        return sum(all_of) / sum(w)

    return float(said), float(mp.diff(loss, raw[1]))


def not_symmetric() -> tuple[float, float]:
    """x · A x/2 by the first of two numbers, for A = [[1, 2], [0, 3]]."""
    import mpmath as mp
    import pylops
    from pyproximal import Quadratic

    term = Quadratic(Op=pylops.MatrixMult(np.array([[1.0, 2.0], [0.0, 3.0]])))
    said = term.grad(np.array([0.5, 1.5]))[0]
    return float(said), float(mp.diff(lambda x: (x * x + 3 * x + 3 * 2.25) / 2, 0.5))


def whole_coordinate() -> tuple[float, float]:
    """Between 0, 1, 2 and 3, linearly, which is the coordinate itself."""
    import jax
    import jax.numpy as jnp
    import mpmath as mp
    from dm_pix import flat_nd_linear_interpolate

    def between(x: jax.Array) -> jax.Array:
        return flat_nd_linear_interpolate(jnp.arange(4.0), x[None, None])[0]

    return float(jax.grad(between)(jnp.asarray(1.0))), float(mp.diff(lambda x: x, 1))
