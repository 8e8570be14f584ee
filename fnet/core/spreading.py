"""The transpose of a convolution over patches: what every output gives back to its window.

    spread      dx[i] = Σ_{o, k: s o + d k − p = i} dy[o] w[k]ᵀ

Entries of dx whose places agree modulo the strides are reached by the same taps: they are a phase
(`Windows.phases`), for which dy is neither dilated nor scattered. Letters are those of `patches`.
"""

import itertools
from collections.abc import Iterator

import jax.numpy as jnp
from chex import Array

from fnet.core.blocks import is_small, over_images
from fnet.core.patches import correlate_few, image_bytes, padded
from fnet.core.products import wide_product
from fnet.core.windows import Pairs, Reached, Windows


def spread(dy: Array, w: Array, b: Array | None, windows: Windows) -> Array:
    """dx (N, inputs..., C), plus b (C,) where there is a bias.

    By products, unless C is much larger than M, or they would be too large for the cache.
    """
    channels, width = w.shape[-2:]
    size = image_bytes(dy, windows) // width * channels
    some = any(phase.reached for phase in windows.phases())
    if some and channels <= 2 * width and is_small(size):
        return _by_products(dy, w, b, windows, size)
    return _by_phases(dy, w, b, windows)


def _by_products(dy: Array, w: Array, b: Array | None, windows: Windows, image_size: int) -> Array:
    """Products of dy with each tap; an entry of dx is the sum of those whose taps reach it."""
    (*_, channels, width), phases = w.shape, windows.phases()
    paddings = [phase.reached.windows.padding for phase in phases if phase.reached]
    around = tuple(
        (max(0, *(p for p, _ in pairs)), max(0, *(q for _, q in pairs)))
        for pairs in zip(*paddings, strict=True)
    )
    grown = windows._replace(inputs=windows.outputs, padding=around)
    flat = jnp.moveaxis(w, -1, 0).reshape(width, -1)

    def of_images(carry: None, dy: Array) -> tuple[None, Array]:
        dy = padded(dy, grown)
        p = wide_product(dy.reshape(-1, width), flat)
        p = p.reshape(*dy.shape[:-1], *windows.sizes, channels)
        parts = []
        for counts, reached in phases:
            part = _beginning(b, (dy.shape[0], *counts, channels), p)
            for tap, starts in _reaching(reached, windows, around):
                cut = (slice(start, start + m) for start, m in zip(starts, counts, strict=True))
                part = part + p[(slice(None), *cut, *tap)]
            parts.append(part.astype(dy.dtype))
        return None, interleaved(parts, windows)

    dx: Array = over_images(of_images, None, image_size, dy)[1]
    return dx


def _reaching(
    reached: Reached | None, windows: Windows, around: Pairs
) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Each tap that reaches a phase, and where the first of it is in dy with zeros around it."""
    if reached is None:
        return
    axes = [
        [(k, before - p + d * number) for number, k in enumerate(reversed(range(size)[taps]))]
        for taps, size, (before, _), (p, _), d in zip(
            reached.taps,
            windows.sizes,
            around,
            reached.windows.padding,
            reached.windows.dilations,
            strict=True,
        )
    ]
    for pairs in itertools.product(*axes):
        yield tuple(zip(*pairs, strict=True))


def _by_phases(dy: Array, w: Array, b: Array | None, windows: Windows) -> Array:
    """A correlation of dy for each phase."""
    channels = w.shape[-2]

    def of_images(carry: None, dy: Array) -> tuple[None, Array]:
        parts = []
        for counts, reached in windows.phases():
            if reached is None:
                parts.append(_beginning(b, (dy.shape[0], *counts, channels), dy))
            else:
                kernel = reversed_kernel(w, reached).reshape(-1, channels)
                parts.append(correlate_few(dy, kernel, b, reached.windows))
        return None, interleaved(parts, windows)

    size = image_bytes(dy, windows)
    dx: Array = over_images(of_images, None, size, dy)[1]
    return dx


def _beginning(b: Array | None, shape: tuple[int, ...], like: Array) -> Array:
    """The bias or zero, before anything is added."""
    return jnp.broadcast_to(jnp.zeros((), like.dtype) if b is None else b.astype(like.dtype), shape)


def reversed_kernel(w: Array, reached: Reached) -> Array:
    """(taps..., M, C): the taps that reach a phase, last first, each transposed."""
    return jnp.flip(w[reached.taps], range(len(reached.taps))).swapaxes(-1, -2)


def interleaved(parts: list[Array], windows: Windows) -> Array:
    """The array whose entries at each place modulo the strides are those of the phase."""
    if len(parts) == 1:
        return parts[0]
    rank, n, channels = len(windows.inputs), parts[0].shape[0], parts[0].shape[-1]
    full = parts[0].shape[1:-1]  # no other phase has more
    grown = [
        jnp.pad(
            part,
            [(0, 0), *((0, f - m) for f, m in zip(full, part.shape[1:-1], strict=True)), (0, 0)],
        )
        for part in parts
    ]
    stacked = jnp.stack(grown, 1).reshape(n, *windows.strides, *full, channels)
    order = (0, *(1 + axis + rank * half for axis in range(rank) for half in (1, 0)), 2 * rank + 1)
    sizes = tuple(s * m for s, m in zip(windows.strides, full, strict=True))
    joined = stacked.transpose(order).reshape(n, *sizes, channels)
    return joined[(slice(None), *map(slice, windows.inputs))]
