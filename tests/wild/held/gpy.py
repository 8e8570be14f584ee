"""GPy: derivatives of likelihoods, links, kernels and constraints, in NumPy by hand."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case
from tests.wild.glue import elementwise

PACKAGE = "GPy"


def _case(name: str, subject: Any, *arguments: Any, label: str = "") -> Case:
    return Case(PACKAGE, name, subject, arguments, label)


def cases() -> Iterator[Case]:
    yield from _links()
    yield from _constraints()
    yield from _likelihoods()
    yield from _kernels()


def _links() -> Iterator[Case]:
    from GPy.likelihoods import link_functions as links

    f = np.array([[-1.3], [-0.2], [0.4], [2.1]])
    for name in ("Identity", "Probit", "Cloglog", "Log", "Log_ex_1", "Reciprocal"):
        link = getattr(links, name)()
        orders = [link.transf, link.dtransf_df, link.d2transf_df2, link.d3transf_df3]
        for order, (below, above) in enumerate(itertools.pairwise(orders), 1):
            at = np.abs(f) + 0.3 if name == "Reciprocal" else f
            yield _case(f"{name}, derivative {order}", elementwise(below, above), at)
    scaled = links.ScaledProbit(1.4)
    yield _case("ScaledProbit, derivative 1", elementwise(scaled.transf, scaled.dtransf_df), f)


def _constraints() -> Iterator[Case]:
    from paramz import transformations

    x = np.array([-1.3, 0.2, 0.7, 2.1, 9.0])
    for name, made in {
        "Logexp": transformations.Logexp(),
        "Exponent": transformations.Exponent(),
        "NegativeLogexp": transformations.NegativeLogexp(),
        "Square": transformations.Square(),
        "Logistic(-1, 3)": transformations.Logistic(-1.0, 3.0),
    }.items():
        at = np.abs(x) if name == "Square" else x
        subject = Pair(
            lambda x, made=made: (made.f(x), made.f(x)),
            lambda dout, f, made=made: made.gradfactor(f, dout),
        )
        yield _case(f"paramz {name}.gradfactor", subject, at)


def _likelihoods() -> Iterator[Case]:
    from GPy import likelihoods
    from GPy.likelihoods import link_functions as links
    from GPy.likelihoods.loggaussian import LogGaussian
    from GPy.likelihoods.loglogistic import LogLogistic
    from GPy.likelihoods.weibull import Weibull

    rng = np.random.default_rng(5)
    f, positive = rng.normal(size=(5, 1)), rng.uniform(0.3, 2, (5, 1))
    share, counts = rng.uniform(0.1, 0.9, (5, 1)), np.array([[0], [1], [3], [2], [5]])
    binary = np.minimum(counts, 1)
    trials = {"trials": np.full((5, 1), 6)}
    of_link: list[tuple[Any, np.ndarray, np.ndarray, Any]] = [
        (likelihoods.Gaussian(variance=0.7), f, f[::-1], None),
        (likelihoods.StudentT(deg_free=4, sigma2=0.6), f, f[::-1], None),
        (likelihoods.Poisson(), positive, counts, None),
        (likelihoods.Bernoulli(), share, binary, None),
        (likelihoods.Binomial(), share, counts, trials),
        (likelihoods.Exponential(), positive, positive[::-1], None),
        (likelihoods.Gamma(), positive, positive[::-1], None),
        (Weibull(beta=1.3), positive, positive[::-1], None),
        (LogGaussian(sigma=0.6), f, positive, {"censored": np.zeros((5, 1))}),
        (LogLogistic(r=1.4), positive, positive[::-1], {"censored": np.zeros((5, 1))}),
    ]
    for likelihood, at, y, data in of_link:
        orders = ["logpdf_link", "dlogpdf_dlink", "d2logpdf_dlink2", "d3logpdf_dlink3"]
        for below, above in itertools.pairwise(orders):
            if below != "logpdf_link" or _is_elementwise(likelihood, at, y, data):
                subject = elementwise(
                    _of_link(likelihood, below, y, data), _of_link(likelihood, above, y, data)
                )
                yield _case(f"{type(likelihood).__name__}.{above}", subject, at)
    for likelihood, y in (
        (likelihoods.Bernoulli(links.Probit()), binary),
        (likelihoods.Poisson(links.Log_ex_1()), counts),
        (likelihoods.Exponential(links.Log()), positive),
    ):
        for below, above in (("logpdf", "dlogpdf_df"), ("dlogpdf_df", "d2logpdf_df2")):
            subject = elementwise(_of_link(likelihood, below, y), _of_link(likelihood, above, y))
            yield _case(f"{type(likelihood).__name__}.{above}", subject, f)


def _of_link(likelihood: Any, order: str, y: Any, data: Any = None) -> Any:
    return lambda f: getattr(likelihood, order)(f, y, data)


def _is_elementwise(likelihood: Any, at: Any, y: Any, data: Any) -> bool:
    return np.shape(likelihood.logpdf_link(at, y, data)) == np.shape(at)


def _kernels() -> Iterator[Case]:
    from GPy import kern

    rng = np.random.default_rng(6)
    X, other = rng.normal(size=(4, 2)), rng.normal(size=(3, 2))
    built = {
        "RBF": lambda: kern.RBF(2, ARD=True),
        "Matern32": lambda: kern.Matern32(2, ARD=True),
        "Matern52": lambda: kern.Matern52(2),
        "Exponential": lambda: kern.Exponential(2),
        "OU": lambda: kern.OU(2),
        "RatQuad": lambda: kern.RatQuad(2),
        "Cosine": lambda: kern.Cosine(2),
        "ExpQuad": lambda: kern.ExpQuad(2),
        "Linear": lambda: kern.Linear(2, ARD=True),
        "Poly": lambda: kern.Poly(2, order=3.0),
        "MLP": lambda: kern.MLP(2),
        "StdPeriodic": lambda: kern.StdPeriodic(2),
        "RBF * Linear": lambda: kern.RBF(2) * kern.Linear(2),
        "RBF + Bias": lambda: kern.RBF(2) + kern.Bias(2),
    }
    for name, make in built.items():
        count = make().param_array.size
        yield _case(f"{name}.update_gradients_full", _by_parameters(make, X, other),
                    np.linspace(0.6, 1.4, count))  # fmt: skip
        if name != "Poly":  # not implemented
            yield _case(f"{name}.gradients_X", _by_inputs(make, other), X)
    yield _case("RBF.gradients_X", _by_inputs(built["RBF"], X), X, label="one set with another")


def _by_parameters(make: Any, X: Any, other: Any) -> Pair:
    """The matrix of a kernel by its parameters, which GPy keeps in the kernel."""

    def at(parameters: Any) -> Any:
        kernel = make()
        kernel[:] = np.asarray(parameters)
        return kernel

    def backward(dout: Any, parameters: Any) -> Any:
        kernel = at(parameters)
        kernel.update_gradients_full(np.asarray(dout), X, other)
        return kernel.gradient.copy()

    return Pair(lambda parameters: (at(parameters).K(X, other), parameters), backward)


def _by_inputs(make: Any, other: Any) -> Pair:
    kernel = make()
    return Pair(
        lambda X: (kernel.K(X, other), X),
        lambda dout, X: kernel.gradients_X(np.asarray(dout), X, other),
    )
