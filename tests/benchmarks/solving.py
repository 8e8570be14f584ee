"""Solvers: evaluations and time beside SciPy's, optimistix's, jaxopt's and scikit-learn's; NIST.

All in float64. On the classic problems a solver's evaluations are those until the value is within
1e-8 of a minimum (relative, above 1); SciPy's are counted where it calls, and a problem that one of
the two does not solve counts for neither. On the logistic task each contestant minimises until the
gradient is below 1e-8, from zeros, in one call; SciPy calls a jitted value and gradient, or NumPy.
"""

import functools
import os
import time
import warnings

import numpy as np

from tests.benchmarks.contest import Contest, Contestant, hold

HERE = "tests.benchmarks.solving"
X64 = {"JAX_ENABLE_X64": "1", "OPENBLAS_NUM_THREADS": "1"}
TASKS = {"20,640 x 9": (20_640, 9), "506 x 14": (506, 14)}
TOL = 1e-8
EPOCHS, RATE = 25_000, 1.0
LASSO = {"n": 10_000, "d": 500, "l1": 0.05}
NEEDED = {"Lower": 9.0, "Average": 6.0, "Higher": 6.0}  # digits


def results(rounds: int) -> dict[str, dict]:
    os.environ |= X64
    import jax

    jax.config.update("jax_enable_x64", True)
    found = {f"solving, {method}": classics(method, rounds) for method in ("BFGS", "L-BFGS")}
    for name in TASKS:
        found[f"solving, logistic regression, {name}"] = hold(logistic_contest(name), rounds)
        found[f"solving, Newton, {name}"] = hold(newton_contest(name), min(rounds, 3))
    found["solving, lasso"] = hold(lasso_contest(), rounds)
    found["solving, NIST's certified values"] = certified()
    found["solving, Metropolis-Hastings"] = walking(rounds)
    return found


# The classic problems.


def classics(method: str, rounds: int) -> dict:
    from fnet import solvers
    from tests.benchmarks.minima import CLASSICS

    solver = solvers.bfgs() if method == "BFGS" else solvers.lbfgs()
    rows = []
    for name, problem in CLASSICS.items():
        ours, own = _ours(solver, problem, rounds)
        theirs, other = _scipy(method, problem, rounds)
        rows.append(
            {"problem": name, "fnet": ours, "SciPy": theirs}
            | {"fnet, ms": own * 1e3, "SciPy, ms": other * 1e3, "times": other / own}
        )
    both = [row for row in rows if row["fnet"] and row["SciPy"]]
    total = {
        "problem": "sum of those that both solve",
        **{key: sum(row[key] for row in both) for key in list(rows[0])[1:-1]},
    }
    total["times"] = total["SciPy, ms"] / total["fnet, ms"]
    return {
        "title": f"{method} on classic problems: evaluations to the minimum, and time",
        "columns": list(rows[0]),
        "rows": [*rows, total],
        "targets": [
            {
                "against": "SciPy's evaluations",
                "target": 1.0,
                "ratio": total["fnet"] / total["SciPy"],
                "most": True,
            },
            {"against": "SciPy's time", "target": 5.0, "ratio": total["times"]},
        ],
    }


def _reached(values, counts, minima):
    """The count at the first value within 1e-8 of a minimum, as far as its digits are published."""
    for value, count in zip(values, counts, strict=True):
        if any(abs(value - m) <= 1e-8 * max(1, m) + 5e-6 * m for m in minima):
            return int(count)
    return None


def _ours(solver, problem, rounds):
    import jax.numpy as jnp

    from fnet.solvers import solve

    start = jnp.asarray(problem.start)
    run = functools.partial(solve, solver, problem.f, start, tol=TOL, max_steps=2000)
    history = run().history
    count = _reached(history["value"], history["evaluations"], problem.minima)
    return count, _fastest(run, rounds)


def _scipy(method, problem, rounds):
    import jax
    import scipy.optimize

    value_and_grad = jax.jit(jax.value_and_grad(problem.f))
    values = []

    def f(x):
        value, grad = value_and_grad(x)
        values.append(float(value))
        return values[-1], np.asarray(grad)

    name = {"BFGS": "BFGS", "L-BFGS": "L-BFGS-B"}[method]
    options = {"gtol": TOL, "maxiter": 2000} | ({} if method == "BFGS" else {"ftol": 0})
    run = functools.partial(
        scipy.optimize.minimize, f, problem.start, jac=True, method=name, options=options
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where a line search ends by rounding
        run()
        lowest = np.minimum.accumulate(values)
        count = _reached(lowest, range(1, len(values) + 1), problem.minima)
        return count, _fastest(run, rounds)


def _fastest(run, rounds, clock=time.perf_counter):
    seconds = []
    for _ in range(rounds):
        begin = clock()
        run()
        seconds.append(clock() - begin)
    return min(seconds)


# The logistic task.


def rows(n: int, d: int):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, d))
    return x, (x @ rng.standard_normal(d) + rng.logistic(size=n) > 0).astype(float)


def logistic_contest(name: str) -> Contest:
    n, d = TASKS[name]
    others = [
        Contestant(f"SciPy {label}, {code}", "SciPy", f"{HERE}:scipy_logistic", options, X64)
        for label, method in (("L-BFGS-B", "L-BFGS-B"), ("BFGS", "BFGS"))
        for code, options in (
            ("jitted", {"method": method, "jitted": True}),
            ("NumPy", {"method": method, "jitted": False}),
        )
    ]
    return Contest(
        f"solving, logistic regression, {name}",
        {"n": n, "d": d},
        [
            Contestant("fnet lbfgs", "fnet", f"{HERE}:fnet_logistic", {"solver": "lbfgs"}, X64),
            Contestant("fnet bfgs", "fnet bfgs", f"{HERE}:fnet_logistic", {"solver": "bfgs"}, X64),
            Contestant(
                "fnet newton", "fnet newton", f"{HERE}:fnet_logistic", {"solver": "newton"}, X64
            ),
            *others,
            Contestant("optimistix BFGS", "optimistix", f"{HERE}:optimistix_logistic", {}, X64),
            Contestant("jaxopt LBFGS", "jaxopt", f"{HERE}:jaxopt_logistic", {}, X64),
        ],
        {"SciPy": 5, "optimistix": 1.5, "jaxopt": 1.5},
        unit="fit",
        count=1,
    )


def _goal(n, d):
    import jax
    import jax.numpy as jnp

    from fnet import losses, serial
    from fnet.layers import affine, squeeze
    from fnet.solvers import objective

    x, t = map(jnp.asarray, rows(n, d))
    model = serial(affine(1), squeeze())
    params, _ = model.init(jax.random.key(0), (d,))
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), params)
    return objective(model, losses.bce_with_logits(), x, t), zeros


def fnet_logistic(n, d, solver):
    from fnet import solvers

    goal, params = _goal(n, d)
    method = getattr(solvers, solver)()

    def run():
        result = solvers.solve(method, goal, params, tol=TOL)
        assert result.converged, result.reason
        return [result.value]

    return run


def _plain(n, d):
    """The same loss, as users of JAX write it."""
    import jax.numpy as jnp

    x, t = map(jnp.asarray, rows(n, d))

    def f(params, data):
        x, t = data
        z = x @ params[0] + params[1]
        return (jnp.logaddexp(0, z) - t * z).mean()

    return f, (jnp.zeros(d), jnp.zeros(())), (x, t)


def scipy_logistic(n, d, method, jitted):
    import scipy.optimize

    x, t = rows(n, d)

    def of_numpy(params):
        z = x @ params[:-1] + params[-1]
        dz = (1 / (1 + np.exp(-z)) - t) / n
        return (np.logaddexp(0, z) - t * z).mean(), np.append(dz @ x, dz.sum())

    def of_jax():
        import jax

        f, _, data = _plain(n, d)
        both = jax.jit(jax.value_and_grad(lambda v: f((v[:-1], v[-1]), data)))
        return lambda v: tuple(map(np.asarray, both(v)))

    f = of_jax() if jitted else of_numpy
    options = {"gtol": TOL} | ({"ftol": 0} if method == "L-BFGS-B" else {})
    start = np.zeros(d + 1)
    return lambda: [scipy.optimize.minimize(f, start, jac=True, method=method, options=options).fun]


def optimistix_logistic(n, d):
    import jax
    import optimistix

    f, start, data = _plain(n, d)
    solver = optimistix.BFGS(rtol=TOL, atol=TOL)

    @jax.jit
    def fit(start, data):
        return f(optimistix.minimise(f, solver, start, data, max_steps=500).value, data)

    return lambda: [float(fit(start, data))]


def jaxopt_logistic(n, d):
    import jax
    import jaxopt

    f, start, data = _plain(n, d)
    solver = jaxopt.LBFGS(f, tol=TOL, maxiter=500, linesearch="zoom")
    fit = jax.jit(lambda start, data: solver.run(start, data).state.value)
    return lambda: [float(fit(start, data))]


# Newton beside descent.


def newton_contest(name: str) -> Contest:
    n, d = TASKS[name]
    return Contest(
        f"solving, Newton, {name}",
        {"n": n, "d": d},
        [
            Contestant("fnet newton, gradient < 1e-10", "fnet", f"{HERE}:newton_fit", {}, X64),
            Contestant(
                f"fnet descend, {EPOCHS:,} epochs", "descent", f"{HERE}:descent_fit", {}, X64
            ),
        ],
        {"descent": 100},
        unit="fit",
        count=1,
    )


def newton_fit(n, d):
    from fnet.solvers import newton, solve

    goal, params = _goal(n, d)

    def run():
        result = solve(newton(), goal, params, tol=1e-10)
        assert result.converged, result.reason
        assert result.steps <= 12
        return [result.value]

    return run


def descent_fit(n, d):
    import jax
    import jax.numpy as jnp

    from fnet import data, losses, optimizers, serial
    from fnet.layers import affine, squeeze
    from fnet.training import descend, start

    x, t = rows(n, d)
    train = data.memory({"x": x, "y": t})
    model, optimizer = serial(affine(1), squeeze()), optimizers.sgd(RATE)
    first = start(model, optimizer, (d,))
    params = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), first.state.params)
    first = first._replace(state=first.state._replace(params=params))
    loss = losses.bce_with_logits()

    def run():
        *_, record = descend(model, loss, optimizer, train, epochs=EPOCHS, resume=first)
        return [record.metrics["train_loss"]]

    return run


# The lasso.


def lasso_contest() -> Contest:
    return Contest(
        "solving, lasso",
        LASSO,
        [
            Contestant("fnet, coordinate descent", "fnet", f"{HERE}:coordinate_lasso", {}, X64),
            Contestant("fnet, ADMM", "fnet ADMM", f"{HERE}:admm_lasso", {}, X64),
            *(
                Contestant(
                    f"scikit-learn, {'Gram' if gram else 'residuals'}",
                    "scikit-learn",
                    f"{HERE}:sklearn_lasso",
                    {"gram": gram},
                )
                for gram in (False, True)
            ),
        ],
        {"scikit-learn": 0.5},
        unit="fit",
        count=1,
    )


def lasso_rows(n, d):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, d))
    w = np.where(np.arange(d) < d // 10, rng.standard_normal(d), 0)
    return x, x @ w + rng.standard_normal(n)


def _weights(w):
    """The largest weights, which must agree with ours to the contest's tolerance."""
    return np.asarray(w)[np.abs(w) > 0.1]


def coordinate_lasso(n, d, l1):
    import jax.numpy as jnp

    from fnet.solvers import coordinate_descent, fit_linear

    x, t = map(jnp.asarray, lasso_rows(n, d))
    return lambda: _weights(fit_linear(coordinate_descent(l1=l1), x, t).w)


def admm_lasso(n, d, l1):
    import jax.numpy as jnp

    from fnet.solvers import admm, l1_norm, split_solve, squares

    x, t = map(jnp.asarray, lasso_rows(n, d))

    def run():
        goal = squares(x - x.mean(0), t - t.mean())
        return _weights(split_solve(admm(), goal, l1_norm(l1), jnp.zeros(d)).x)

    return run


def sklearn_lasso(n, d, l1, gram):
    from sklearn.linear_model import Lasso

    x, t = lasso_rows(n, d)
    model = Lasso(alpha=l1, tol=1e-12, max_iter=10_000, precompute=gram)
    return lambda: _weights(model.fit(x, t).coef_)


# NIST, and chains.


def certified() -> dict:
    import jax.numpy as jnp

    from fnet.solvers import least_squares, levenberg_marquardt, solve
    from tests.benchmarks.strd import digits, model_of, references

    rows, least = [], {"Lower": 11.0, "Average": 11.0, "Higher": 11.0}
    for name, (x, y, starts, truth, _, level) in references().items():
        model = model_of(name)

        def residuals(b, x, y, model=model):
            return model(b, x) - y

        goal = least_squares(residuals, jnp.asarray(x), jnp.asarray(y))
        row = {"problem": name, "difficulty": level}
        for k, start in enumerate(starts, start=1):
            found = solve(
                *(levenberg_marquardt(), goal, jnp.asarray(start)), tol=0.0, max_steps=2000
            )
            row |= {f"start {k}, digits": digits(found.params, truth), f"steps {k}": found.steps}
            least[level] = min(least[level], row[f"start {k}, digits"])
        rows.append(row)
    return {
        "title": "Levenberg-Marquardt: digits of NIST's certified values (11 are given)",
        "columns": list(rows[0]),
        "rows": rows,
        "targets": [
            {"against": f"{level.lower()} difficulty", "target": NEEDED[level], "ratio": value}
            for level, value in least.items()
        ],
    }


def walking(rounds: int) -> dict:
    import jax
    import jax.numpy as jnp

    from fnet.solvers import metropolis_hastings, sample

    chains, steps, n = 1000, 1000, 10
    start, key = jnp.zeros((chains, n), jnp.float32), jax.random.key(0)

    def log_density(x):
        return -jnp.vdot(x, x) / 2

    def run():
        made = sample(metropolis_hastings(0.75), log_density, start, key, steps=steps)
        return jax.block_until_ready(made)

    accepted = float(run().accepted)
    # Whole processor seconds, of however many threads: what one core does.
    clocks = {"million a second": time.perf_counter, "and of one core": time.process_time}
    millions = {
        name: chains * steps / _fastest(run, rounds, clock) / 1e6 for name, clock in clocks.items()
    }
    return {
        "title": "Metropolis-Hastings of a Gaussian of 10 dimensions, 1,000 chains",
        "columns": [*millions, "accepted"],
        "rows": [millions | {"accepted": accepted}],
        "targets": [
            {
                "against": "million samples a second of one core",
                "target": 1.0,
                "ratio": millions["and of one core"],
            }
        ],
    }
