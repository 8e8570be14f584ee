"""`--optimizer` by a solver, which takes all samples at each step and chooses its own steps."""

from collections.abc import Callable

from fnet import solvers
from fnet.cli.arguments import ALL, Settings
from fnet.errors import ConfigurationError
from fnet.solvers import Solver

SOLVERS: dict[str, Callable[[], Solver]] = {
    "bfgs": solvers.bfgs,
    "gauss_newton": lambda: solvers.gauss_newton(damping=1e-3),  # more classes than it can tell
    "lbfgs": solvers.lbfgs,
    "levenberg_marquardt": solvers.levenberg_marquardt,
    "newton": solvers.newton,
    "newton_cg": solvers.newton_cg,
    "nonlinear_cg": solvers.nonlinear_cg,
}


def build_solver(settings: Settings) -> Solver:
    """The solver that the settings name."""
    name = settings["optimizer"]
    for setting, none in (
        ("learning_rate", None),
        ("weight_decay", None),
        ("schedule", "constant"),
        ("warmup", 0.0),
    ):
        if settings[setting] != none:
            flag = f"--{setting.replace('_', '-')}"
            raise ConfigurationError(
                f"--optimizer {name} chooses how far to go by itself; leave out {flag}"
            )
    if settings["batch_size"] != ALL:
        raise ConfigurationError(
            f"--optimizer {name} takes all samples at each step: add --batch-size all"
        )
    return SOLVERS[name]()
