"""Whether a PyTorch module and a layer agree in what a state does not have: settings."""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from fnet.core.windows import lay, lay_transposed
from fnet.errors import ConfigurationError
from fnet.interop.calls import call_of
from fnet.interop.layouts import Place
from fnet.layers import (
    attention,
    batch_norm,
    conv,
    conv_transpose,
    cross_attention,
    depthwise_conv,
    embedding,
    group_norm,
    gru,
    instance_norm,
    layer_norm,
    lstm,
    rms_norm,
    rnn,
    separable_conv,
)

KERNELS = {conv, conv_transpose, depthwise_conv, separable_conv}
RECURRENT, ATTENTION = {rnn, lstm, gru}, {attention, cross_attention}
NORMS = {batch_norm, group_norm, instance_norm, layer_norm, rms_norm}

Compare = Callable[[str, Any, Any, str], None]


def check_settings(name: str, module: Any, place: Place, part: str) -> None:
    """Raise ConfigurationError where the function of a module differs from that of its layer.

    The module is not one of PyTorch's own if it lacks an attribute; that one is not compared.
    `part` is the part of a `separable_conv`, or the end of the name of a recurrent layer.
    """
    constructor, arguments = call_of(place.layer)

    def compare(setting: str, theirs: Any, ours: Any, remedy: str) -> None:
        close = isinstance(ours, float) and isinstance(theirs, int | float)
        same = math.isclose(theirs, ours, rel_tol=1e-6) if close else theirs == ours
        if not same:
            raise ConfigurationError(
                f"{name} has {setting} {theirs}, and {place.name or 'the model'}, {place.layer} on "
                f"an example of {place.input.shape}, {ours}: {remedy}"
            )

    if constructor in KERNELS and hasattr(module, "padding_mode"):
        transposed = constructor is conv_transpose
        compare("transposed", module.transposed, transposed, "take the other kind of layer")
        compare("padding_mode", module.padding_mode, "zeros", "no other is there; pad before")
        (_compare_transposed if transposed else _compare_windows)(compare, module, place, part)
    if constructor in NORMS and hasattr(module, "eps"):
        eps = module.eps
        if eps is None:  # what torch.nn.RMSNorm takes it for
            eps = float(jnp.finfo(str(module.weight.dtype).removeprefix("torch.")).eps)
        compare("eps", eps, arguments["eps"], f"write eps={eps}")
    if constructor is group_norm and hasattr(module, "num_groups"):
        groups = module.num_groups
        compare("groups", groups, arguments["groups"], f"write group_norm({groups})")
    if constructor in RECURRENT and hasattr(module, "bidirectional"):
        compare("a reversed layer", part.endswith("_reverse"), arguments["reverse"], "turn it")
    if constructor is rnn and hasattr(module, "nonlinearity"):
        kind = module.nonlinearity
        compare("nonlinearity", kind, arguments["activation"], f"write activation={kind!r}")
    if constructor in ATTENTION and hasattr(module, "num_heads"):
        heads = module.num_heads
        compare("heads", heads, arguments["heads"], f"write attention({heads})")
    if constructor in ATTENTION and hasattr(module, "add_zero_attn"):
        compare("add_zero_attn", module.add_zero_attn, False, "no other is there")
    if constructor is embedding and hasattr(module, "max_norm"):
        compare("max_norm", module.max_norm, None, "no other is there; shorten the rows before")
    if constructor is batch_norm and hasattr(module, "momentum"):
        kept = arguments["momentum"]
        stays = None if module.momentum is None else 1 - module.momentum
        remedy = "PyTorch's momentum is what moves, 1 − m, and None is the mean of all batches"
        remedy += "" if stays is None else f": write momentum={round(stays, 12)}"
        compare("momentum (of what stays)", stays, kept, remedy)


def _compare_windows(compare: Compare, module: Any, place: Place, part: str) -> None:
    constructor, arguments = call_of(place.layer)
    *inputs, channels = place.input.shape
    single = part == "pointwise"
    settings = ("window", "stride", "padding", "dilation")
    given = (1, 1, 0, 1) if single else tuple(arguments[setting] for setting in settings)
    if single:  # of the depthwise part's output, whose size makes no difference to single pixels
        inputs = [1] * len(inputs)
    ours = lay("conv", tuple(inputs), *given)
    compare("stride", tuple(module.stride), ours.strides, f"write stride={module.stride}")
    compare("dilation", tuple(module.dilation), ours.dilations, f"write dilation={module.dilation}")
    groups = 1 if single else arguments["groups"] if constructor is conv else channels
    compare("groups", module.groups, groups, f"write conv(..., groups={module.groups})")
    pairs = _pairs(module)
    theirs = lay("conv", tuple(inputs), ours.sizes, ours.strides, pairs, ours.dilations)
    if _seen(theirs) != _seen(ours):
        compare("padding", pairs, ours.padding, f"write padding={_shortest(pairs)}")


def _pairs(module: Any) -> tuple[tuple[int, int], ...]:
    """The padding (before, behind) of each axis; PyTorch's same is only there at a stride of 1."""
    if module.padding == "valid":
        return ((0, 0),) * len(module.kernel_size)
    if module.padding == "same":
        axes = zip(module.kernel_size, module.dilation, strict=True)
        totals = [d * (k - 1) for k, d in axes]
        return tuple((total // 2, total - total // 2) for total in totals)
    return tuple((size, size) for size in module.padding)


def _seen(windows: Any) -> Any:
    """Where windows begin, and how many there are: behind the last one padding is not seen."""
    return [before for before, _ in windows.padding], windows.outputs


def _shortest(pairs: tuple[tuple[int, int], ...]) -> Any:
    sizes = {size for pair in pairs for size in pair}
    return sizes.pop() if len(sizes) == 1 else pairs


def _compare_transposed(compare: Compare, module: Any, place: Place, part: str) -> None:
    _, arguments = call_of(place.layer)
    inputs = tuple(place.input.shape[:-1])
    settings = ("window", "stride", "padding", "dilation", "output_padding")
    ours = lay_transposed("conv_transpose", inputs, *(arguments[name] for name in settings))
    compare("stride", tuple(module.stride), ours.strides, f"write stride={module.stride}")
    compare("dilation", tuple(module.dilation), ours.dilations, f"write dilation={module.dilation}")
    compare("groups", module.groups, arguments["groups"], f"write groups={module.groups}")
    pairs, extra = _pairs(module), tuple(module.output_padding)
    theirs = lay_transposed(
        "conv_transpose", inputs, ours.sizes, ours.strides, pairs, ours.dilations, extra
    )
    remedy = f"write padding={_shortest(pairs)}, output_padding={extra}"
    for setting, one, other in (
        ("padding", [p for p, _ in theirs.padding], [p for p, _ in ours.padding]),
        ("outputs", theirs.inputs, ours.inputs),
    ):
        compare(f"{setting} before" if setting == "padding" else setting, one, other, remedy)
