"""Pooling and norms, forward and backward, against `jax.grad` of the usual formula and PyTorch.

A pass takes x and dy and returns y and every gradient; its curve is their Euclidean norms. PyTorch
runs with one thread and with two, and has images in both layouts; the best of these counts. All
keep the memory that a pass gives back: to have it again from the system page by page, as happens to
some processes and not to others, takes longer than what is measured.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.benchmarks.contest import Contest, Contestant, hold, keeping_memory

HERE = "tests.benchmarks.norms_and_pools"
IMAGES, ROWS = (64, 32, 32, 32), (8192, 512)
GROUPS, EPS = 8, 1e-5
PASSES = 10
TARGETS = {"max_pool": 15.0, "batch_norm": 1.7, "layer_norm": 2.5, "group_norm": 2.0}  # jax.grad
TORCH = 0.8


def results(rounds: int) -> dict[str, dict]:
    return {
        f"pooling: {name}": hold(_contest(name), rounds)
        | {"title": f"{name}, forward and backward"}
        for name in TARGETS
    }


def _contest(name: str) -> Contest:
    layouts = (False,) if name == "layer_norm" else (True, False)
    others = {"max_pool": ["reshaped"], "batch_norm": ["one pass"]}.get(name, [])
    contestants = [
        Contestant("fnet", "fnet", f"{HERE}:fnet"),
        Contestant("jax.grad", "jax.grad", f"{HERE}:autodiff", {"form": "usual"}),
        *(
            Contestant(f"jax.grad, {form}", f"jax.grad, {form}", f"{HERE}:autodiff", {"form": form})
            for form in others
        ),
        *(
            Contestant(
                f"PyTorch, {_threads(threads)}{', channels last' if last else ''}",
                "PyTorch",
                f"{HERE}:pytorch",
                {"threads": threads, "last": last},
            )
            for threads in (1, 2)
            for last in layouts
        ),
    ]
    targets = {"jax.grad": TARGETS[name], "PyTorch": TORCH}
    problem = {"name": name, "passes": PASSES}
    return Contest(name, problem, keeping_memory(contestants), targets, "pass", PASSES)


def _threads(number: int) -> str:
    return "1 thread" if number == 1 else f"{number} threads"


def arrays(name: str) -> tuple[np.ndarray, ...]:
    """x, dy, γ and β."""
    rng = np.random.default_rng(0)
    shape = ROWS if name == "layer_norm" else IMAGES
    pooled = (shape[0], shape[1] // 2, shape[2] // 2, shape[3]) if name == "max_pool" else shape

    def normal(*sizes: int) -> np.ndarray:
        return rng.standard_normal(sizes, np.float32)

    return normal(*shape) + 1, normal(*pooled), 1 + normal(shape[-1]) / 8, normal(shape[-1])


def repeated(run_once: Callable[[], Any], passes: int) -> Callable[[], Any]:
    """run() -> curve, for `passes` passes; the norms are computed once, and not timed."""
    curve = [float(np.linalg.norm(np.float64(array))) for array in run_once()]

    def run() -> list[float]:
        for _ in range(passes):
            run_once()
        return curve

    return run


def fnet(name: str, passes: int) -> Callable[[], Any]:
    """By hand."""
    import jax

    from fnet import layers
    from fnet.core import NonTrainable

    x, dy, scale, bias = map(jax.numpy.asarray, arrays(name))
    norm = layers.Norm(scale, bias)
    still = NonTrainable(layers.Running(0 * bias, 1 + 0 * bias))
    layer, params = {
        "max_pool": (layers.max_pool(2), ()),
        "batch_norm": (layers.batch_norm(eps=EPS), layers.BatchNorm(scale, bias, still)),
        "layer_norm": (layers.layer_norm(eps=EPS), norm),
        "group_norm": (layers.group_norm(GROUPS, eps=EPS), norm),
    }[name]

    @jax.jit
    def program(params: Any, x: Any, dy: Any) -> Any:
        y, cache = layer.forward(params, x, jax.random.key(0))
        dparams, dx = layer.backward(params, cache, dy)
        return y, dx, *dparams[:2]

    return repeated(lambda: jax.block_until_ready(program(params, x, dy)), passes)


def autodiff(name: str, passes: int, form: str) -> Callable[[], Any]:
    """By JAX."""
    import jax
    import jax.numpy as jnp

    x, dy, *params = map(jnp.asarray, arrays(name))
    n, h, w, c = IMAGES

    def max_pool(x: Any) -> Any:
        if form == "reshaped":
            return x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))
        window = (1, 2, 2, 1)
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")

    def norm(x: Any, scale: Any, bias: Any, axes: Any) -> Any:
        z = x.reshape(n, h, w, GROUPS, c // GROUPS) if name == "group_norm" else x
        mean = z.mean(axes, keepdims=True)
        if form == "one pass":
            variance = (z * z).mean(axes, keepdims=True) - mean * mean
        else:
            variance = z.var(axes, keepdims=True)
        return ((z - mean) * jax.lax.rsqrt(variance + EPS)).reshape(x.shape) * scale + bias

    axes = {"batch_norm": (0, 1, 2), "layer_norm": -1, "group_norm": (1, 2, 4)}
    formula = max_pool if name == "max_pool" else functools.partial(norm, axes=axes[name])
    given = [x] if name == "max_pool" else [x, *params]

    @jax.jit
    def program(given: Any, dy: Any) -> Any:
        y, vjp = jax.vjp(formula, *given)
        return y, *vjp(dy)

    return repeated(lambda: jax.block_until_ready(program(given, dy)), passes)


def pytorch(name: str, passes: int, threads: int, last: bool) -> Callable[[], Any]:
    """By PyTorch's own kernels."""
    import torch

    torch.set_num_threads(threads)

    def placed(array: np.ndarray) -> torch.Tensor:
        tensor = torch.from_numpy(array)
        if tensor.ndim < 4:
            return tensor
        tensor = tensor.permute(0, 3, 1, 2)  # of the same memory: channels last
        return tensor if last else tensor.contiguous()

    x, dy, scale, bias = map(placed, arrays(name))
    given = [x] if name == "max_pool" else [x, scale, bias]
    for tensor in given:
        tensor.requires_grad_()
    functional = torch.nn.functional
    function = {
        "max_pool": lambda x: functional.max_pool2d(x, 2),
        "batch_norm": lambda *all_: functional.batch_norm(
            all_[0], None, None, *all_[1:], training=True, eps=EPS
        ),
        "layer_norm": lambda *all_: functional.layer_norm(all_[0], ROWS[1:], *all_[1:], eps=EPS),
        "group_norm": lambda *all_: functional.group_norm(all_[0], GROUPS, *all_[1:], eps=EPS),
    }[name]

    def once() -> list[Any]:
        y = function(*given)
        return [tensor.detach() for tensor in (y, *torch.autograd.grad(y, given, dy))]

    return repeated(once, passes)
