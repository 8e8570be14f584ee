"""Equinox: checkpointed loops whose backward pass is written by hand, and its own rules."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case

PACKAGE = "equinox"


def _case(name: str, subject: Any, *arguments: Any, label: str = "") -> Case:
    return Case(PACKAGE, name, subject, arguments, label)


def cases() -> Iterator[Case]:
    import equinox as eqx
    import equinox.internal as eqxi
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(18)
    A, x, key = 0.5 * rng.normal(size=(3, 3)), rng.normal(size=3), jax.random.PRNGKey(0)

    def loop(kind: str, **more: Any) -> Any:
        def run(A: Any, x: Any) -> Any:
            def step(state: Any) -> Any:
                count, x = state
                return count + 1, jnp.tanh(A @ x)

            start = (0, x)
            return eqxi.while_loop(lambda s: s[0] < 7, step, start, kind=kind, **more)[1]

        return run

    def scanned(kind: str) -> Any:
        def run(A: Any, x: Any) -> Any:
            def step(x: Any, _: Any) -> Any:
                x = jnp.tanh(A @ x)
                return x, x

            return eqxi.scan(step, x, None, length=6, kind=kind)

        return run

    yield _case("while_loop, checkpointed", loop("checkpointed", checkpoints=3), A, x)
    yield _case("while_loop, checkpointed", loop("checkpointed", max_steps=16), A, x, label="bound")
    yield _case("while_loop, bounded", loop("bounded", max_steps=16), A, x)
    yield _case("scan, checkpointed", scanned("checkpointed"), A, x)
    yield _case("scan, lax", scanned("lax"), A, x)
    yield _case("nextafter", eqxi.nextafter, x)
    yield _case("prevbefore", eqxi.prevbefore, x)

    @eqx.filter_custom_vjp
    def root(x: Any) -> Any:
        return jnp.sqrt(x)

    @root.def_fwd
    def _forward(perturbed: Any, x: Any) -> Any:
        return jnp.sqrt(x), None

    @root.def_bwd
    def _backward(_: Any, dout: Any, perturbed: Any, x: Any) -> Any:
        return dout / (2 * jnp.sqrt(x))

    yield _case("filter_custom_vjp", root, abs(x) + 0.1)

    def module(make: Any, *shape: int) -> tuple[Any, Any, np.ndarray]:
        built = make()
        arrays, rest = eqx.partition(built, eqx.is_array)
        arrays = jax.tree.map(lambda array: np.asarray(array, float), arrays)
        return lambda arrays, x: eqx.combine(arrays, rest)(x), arrays, rng.normal(size=shape)

    for name, make, shape in (
        ("nn.Linear", lambda: eqx.nn.Linear(3, 2, key=key), (3,)),
        ("nn.LayerNorm", lambda: eqx.nn.LayerNorm(4), (4,)),
        ("nn.RMSNorm", lambda: eqx.nn.RMSNorm(4), (4,)),
        ("nn.GroupNorm", lambda: eqx.nn.GroupNorm(2, 4), (4, 3)),
        ("nn.Conv1d", lambda: eqx.nn.Conv1d(2, 3, 3, key=key), (2, 6)),
        ("nn.AdaptiveMaxPool1d", lambda: eqx.nn.AdaptiveMaxPool1d(3), (2, 7)),
    ):
        function, arrays, given = module(make, *shape)
        if jax.tree.leaves(arrays):
            yield _case(name, function, arrays, given)
        else:
            yield _case(name, lambda x, f=function, arrays=arrays: f(arrays, x), given)
    yield _case("filter_checkpoint", eqx.filter_checkpoint(lambda A, x: jnp.tanh(A @ x)), A, x)
