"""How precise gradients are in bfloat16, by hand and by autodiff of what a user of JAX writes.

Each layer's gradients are computed in bfloat16 and compared with those in float64 at the same
numbers; an error is the root mean square of what they are off by, relative to that of the gradient.
The peer is `jax.vjp` of the formula in jnp, `jax.nn` and `jax.lax`, in bfloat16 throughout.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnet import registry
from fnet.core.trees import cast
from fnet.core.values import read

BATCH = 64
IMAGES = ("NHWC", "HWIO", "NHWC")


def _conv(params: Any, x: Any, groups: int = 1) -> Any:
    y = lax.conv_general_dilated(
        x, params.w, (1, 1), "SAME", dimension_numbers=IMAGES, feature_group_count=groups
    )
    return y + params.b


def _pooled(x: Any, start: Any, join: Any) -> Any:
    return lax.reduce_window(x, np.asarray(start, x.dtype), join, *2 * ((1, 2, 2, 1),), "VALID")


def _normed(x: Any, axes: Any, eps: float = 1e-5) -> Any:
    return (x - x.mean(axes, keepdims=True)) / jnp.sqrt(x.var(axes, keepdims=True) + eps)


def _grouped(params: Any, x: Any, groups: int) -> Any:
    parts = x.reshape(*x.shape[:-1], groups, -1)
    return params.scale * _normed(parts, (1, 2, 4)).reshape(x.shape) + params.bias


def _activation(function: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda params, x: function(x)


def _gated(function: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda params, x: function(x @ params.w.T) * (x @ params.v.T)


PLAIN: dict[str, Callable[[Any, Any], Any]] = {
    "affine(100)": lambda p, x: x @ p.w.T + p.b,
    "conv(32)": _conv,
    "depthwise_conv()": lambda p, x: _conv(p, x, x.shape[-1]),
    "max_pool()": lambda p, x: _pooled(x, -jnp.inf, lax.max),
    "avg_pool()": lambda p, x: _pooled(x, 0, lax.add) / 4,
    "global_avg_pool()": lambda p, x: x.mean((1, 2)),
    "global_max_pool()": lambda p, x: x.max((1, 2)),
    "layer_norm()": lambda p, x: p.scale * _normed(x, -1) + p.bias,
    "rms_norm()": lambda p, x: p.scale * x / jnp.sqrt((x * x).mean(-1, keepdims=True) + 1e-5),
    "group_norm(8)": lambda p, x: _grouped(p, x, 8),
    "instance_norm()": lambda p, x: p.scale * _normed(x, (1, 2)) + p.bias,
    "relu()": _activation(jax.nn.relu),
    "leaky_relu()": _activation(jax.nn.leaky_relu),
    "relu6()": _activation(jax.nn.relu6),
    "relu_squared()": _activation(lambda x: jax.nn.relu(x) ** 2),
    "gelu()": _activation(lambda x: jax.nn.gelu(x, approximate=False)),
    "silu()": _activation(jax.nn.silu),
    "mish()": _activation(jax.nn.mish),
    "elu()": _activation(jax.nn.elu),
    "celu()": _activation(jax.nn.celu),
    "selu()": _activation(jax.nn.selu),
    "softplus()": _activation(jax.nn.softplus),
    "softsign()": _activation(jax.nn.soft_sign),
    "sigmoid()": _activation(jax.nn.sigmoid),
    "log_sigmoid()": _activation(jax.nn.log_sigmoid),
    "hard_sigmoid()": _activation(jax.nn.hard_sigmoid),
    "hard_swish()": _activation(jax.nn.hard_swish),
    "tanh()": _activation(jnp.tanh),
    "hard_tanh()": _activation(jax.nn.hard_tanh),
    "softmax()": _activation(jax.nn.softmax),
    "log_softmax()": _activation(jax.nn.log_softmax),
    "prelu()": lambda p, x: jnp.where(x > 0, x, p.a * x),
    "glu(256)": _gated(jax.nn.sigmoid),
    "swiglu(256)": _gated(jax.nn.silu),
    "geglu(256)": _gated(lambda x: jax.nn.gelu(x, approximate=False)),
}


def results(rounds: int) -> dict[str, dict]:
    """One run: rounding is the same in each."""
    with jax.enable_x64(True):
        rows = [row for text in PLAIN for row in _rows(text)]
    worst = max((row["of it"] for row in rows if row["of it"] is not None), default=None)
    title = "gradients in bfloat16"
    target = {"against": "jax.vjp's error, every layer", "target": 1.0, "ratio": worst}
    target["most"] = True
    return {
        "narrow": {"title": title, "columns": [*rows[0]], "rows": rows, "targets": [target]},
    }


def _rows(text: str) -> list[dict[str, Any]]:
    layer, shape = read(text, registry.VOCABULARY["model"]), registry.LARGE[text]
    rng = np.random.default_rng(17)
    params, _ = layer.init(jax.random.key(17), shape)
    params, x = cast(params, jnp.bfloat16), rng.normal(size=(BATCH, *shape))
    x = jnp.asarray(x, jnp.bfloat16)
    y = jax.eval_shape(lambda p, x: layer.forward(p, x)[0], params, x)
    dy = jnp.asarray(rng.normal(size=y.shape), jnp.bfloat16)

    def by_hand(params: Any, x: Any, dy: Any) -> Any:
        return layer.backward(params, layer.forward(params, x)[1], dy)

    def by_autodiff(params: Any, x: Any, dy: Any) -> Any:
        y, vjp = jax.vjp(PLAIN[text], params, x)
        return vjp(dy.astype(y.dtype))

    given = params, x, dy
    exact = jax.jit(by_hand)(*(cast(each, jnp.float64) for each in given))
    found = [_errors(jax.jit(each)(*given), exact) for each in (by_hand, by_autodiff)]
    fields = [name for name in getattr(params, "_fields", ()) if getattr(params, name) is not None]
    names = [f"d{name}" for name in fields]
    rows = []
    for name, ours, theirs in zip([*names, "dx"], *found, strict=True):
        # To six digits: the last differ by the order of a sum, where both round once.
        ratio = round(ours / theirs, 6) if theirs else (0.0 if ours == 0 else None)
        rows.append(
            {"layer": text, "gradient": name, "by hand": ours, "jax.vjp": theirs, "of it": ratio}
        )
    return rows


def _errors(found: Any, exact: Any) -> list[float]:
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(exact), strict=True)
    return [_rms(np.float64(a) - e) / (_rms(np.float64(e)) or 1.0) for a, e in pairs]


def _rms(array: Any) -> float:
    return float(np.sqrt(np.mean(np.square(array))))
