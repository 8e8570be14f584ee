"""Solvers: full-batch minimisation, and the wider map of numerical methods.

A solver is a direction × a search: a stateless pair `(init_state, update)` as an optimizer is, but
its update sees the whole objective, value, gradient, and products with the curvature. `solve` runs
it in one compiled loop, which ends with a reason in words, and never raises because of numbers.

>>> import jax.numpy as jnp
>>> result = solve(lbfgs(), lambda x: ((x - 1) ** 4).sum() + x[0] ** 2, jnp.zeros(2))
>>> result.reason
'converged: the gradient is below the tolerance'

What needs only values of a function, or linear systems, samples and constraints, has the same form:
`linear_solve`, `fit_linear`, `split_solve`, `augmented_lagrangian`, `sample`, `explore`.
"""

from fnet.solvers.conjugate import Conjugate, nonlinear_cg
from fnet.solvers.constrained import Constrained, augmented_lagrangian
from fnet.solvers.contract import Solver
from fnet.solvers.convex import (
    Term,
    box,
    consensus,
    l1_norm,
    separable,
    squared_distance,
    squares,
)
from fnet.solvers.coordinate import (
    Fitted,
    LinearModel,
    Weights,
    coordinate_descent,
    fit_linear,
)
from fnet.solvers.factorizations import cholesky, lu, qr
from fnet.solvers.iterations import cg, gauss_seidel, jacobi, pcg, sor
from fnet.solvers.linear import Iterate, LinearMethod, LinearResult, linear_solve
from fnet.solvers.newton import gauss_newton, newton, newton_cg
from fnet.solvers.objectives import (
    Objective,
    Problem,
    as_vector,
    function,
    least_squares,
    objective,
)
from fnet.solvers.outcomes import Result, State, words
from fnet.solvers.populations import (
    Explored,
    Explorer,
    Population,
    annealing,
    explore,
    genetic,
)
from fnet.solvers.quasi_newton import Bfgs, Lbfgs, bfgs, lbfgs
from fnet.solvers.regions import Region, levenberg_marquardt, trust_region
from fnet.solvers.running import solve
from fnet.solvers.sampling import (
    Chain,
    Sampler,
    Samples,
    hmc,
    langevin,
    metropolis_hastings,
    sample,
)
from fnet.solvers.searches import Found, Search, strong_wolfe
from fnet.solvers.splitting import Optimum, Split, Splitting, admm, primal_dual, split_solve

__all__ = [
    "Bfgs",
    "Chain",
    "Conjugate",
    "Constrained",
    "Explored",
    "Explorer",
    "Fitted",
    "Found",
    "Iterate",
    "Lbfgs",
    "LinearMethod",
    "LinearModel",
    "LinearResult",
    "Objective",
    "Optimum",
    "Population",
    "Problem",
    "Region",
    "Result",
    "Sampler",
    "Samples",
    "Search",
    "Solver",
    "Split",
    "Splitting",
    "State",
    "Term",
    "Weights",
    "admm",
    "annealing",
    "as_vector",
    "augmented_lagrangian",
    "bfgs",
    "box",
    "cg",
    "cholesky",
    "consensus",
    "coordinate_descent",
    "explore",
    "fit_linear",
    "function",
    "gauss_newton",
    "gauss_seidel",
    "genetic",
    "hmc",
    "jacobi",
    "l1_norm",
    "langevin",
    "lbfgs",
    "least_squares",
    "levenberg_marquardt",
    "linear_solve",
    "lu",
    "metropolis_hastings",
    "newton",
    "newton_cg",
    "nonlinear_cg",
    "objective",
    "pcg",
    "primal_dual",
    "qr",
    "sample",
    "separable",
    "solve",
    "sor",
    "split_solve",
    "squared_distance",
    "squares",
    "strong_wolfe",
    "trust_region",
    "words",
]

EXAMPLES = (
    "bfgs()",
    "gauss_newton(damping=0.001)",
    "lbfgs(memory=5)",
    "levenberg_marquardt()",
    "newton()",
    "newton_cg()",
    "nonlinear_cg(formula='HS')",
    "trust_region()",
)
