"""semopy: structural equation models, whose objectives have gradients by matrix calculus."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import two_functions

PACKAGE = "semopy"
MODEL = "u =~ a + b + c\nv =~ d + e + f\nv ~ u\n"
LOADINGS = [1, 0.8, 0.6], [1, 0.7, 1.2]


def cases() -> Iterator[Case]:
    import semopy

    data, torn = _data()
    model = semopy.Model(MODEL)
    model.load(data)
    for name in ("MLW", "ULS", "GLS", "WLS", "DWLS"):
        if "W" in name[:2] and name != "MLW":
            model.prepare_wls(name)
        yield from _objective(name, model)
        model = semopy.Model(MODEL)
        model.load(data)
    missing = semopy.Model(MODEL)
    missing.load(torn)
    missing.prepare_fiml()
    yield from _objective("FIML", missing)
    means = semopy.ModelMeans(MODEL)
    means.load(torn)
    means.prepare_fiml()
    yield from _objective("FIML", means)
    for name in ("ML", "REML"):
        effects = semopy.ModelEffects(MODEL)
        effects.load(data, group="g")
        getattr(effects, f"load_{name.lower()}")()
        yield from _objective(name, effects)
    yield from _regularizations()


def _objective(name: str, model: Any) -> Iterator[Case]:
    found = model.get_objective(name)
    at = np.array(model.param_vals)
    what = f"{type(model).__name__}, {name}"
    yield Case(PACKAGE, what, two_functions(*found[:2]), (at,), "at the start")
    moved = at + 0.05 * np.random.default_rng(9).normal(size=at.size)
    yield Case(PACKAGE, what, two_functions(*found[:2]), (moved,), "further on")


def _data() -> Any:
    import pandas

    rng = np.random.default_rng(49)
    latent = rng.normal(size=(40, 2))
    latent[:, 1] += 0.6 * latent[:, 0]
    columns = [latent[:, [side]] * LOADINGS[side] for side in (0, 1)]
    rows = np.hstack(columns) + 0.5 * rng.normal(size=(40, 6))
    data = pandas.DataFrame(rows, columns=list("abcdef"))
    data["g"] = np.repeat(np.arange(8), 5)
    torn = data.copy()
    torn.loc[3, "b"] = torn.loc[7, "e"] = np.nan
    return data, torn


def _regularizations() -> Iterator[Case]:
    from semopy import regularization as of

    x, every = np.array([0.4, -0.7, 1.2, 0.1]), np.arange(4)
    some = np.array([0, 2])
    for name, extra in (("l1_naive", {}), ("l1_smooth", {"alpha": 5.0}), ("l2_naive", {}),
                        ("l2_square", {})):  # fmt: skip
        for inds, label in ((every, "all"), (some, "some")):
            term, slope = getattr(of, name), getattr(of, f"{name}_grad")
            pair = two_functions(
                lambda x, f=term, k=extra, i=inds: f(x, c=0.7, inds=i, **k),
                lambda x, f=slope, k=extra, i=inds: f(x, c=0.7, inds=i, **k),
            )
            yield Case(PACKAGE, name, pair, (x,), label)
