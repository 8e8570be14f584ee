"""Convolutions of images and sequences: by loops, by patches, by dilation."""

import jax
import numpy as np

from tests.mutants.unseen.form import of_pair

RNG = np.random.default_rng(13)
PICTURES, FILTERS, BIAS = (
    RNG.normal(size=(2, 2, 5, 3)),
    RNG.normal(size=(3, 2, 3, 3)),
    RNG.normal(size=3),
)
SQUARES, SMALL = RNG.normal(size=(2, 2, 4, 4)), RNG.normal(size=(3, 2, 2, 2))
SOUNDS, KERNELS = RNG.normal(size=(2, 2, 7)), RNG.normal(size=(2, 2, 3))
SERIES, TAPS = RNG.normal(size=(2, 6, 3)), RNG.normal(size=(3, 3))


def naive_conv(x, w, b):
    """A loop over the places, stride 2, padding 1."""
    p = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    y = np.zeros((len(x), len(w), 3, 2))
    for i in range(3):
        for j in range(2):
            here = p[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            y[:, :, i, j] = np.tensordot(here, w, ((1, 2, 3), (1, 2, 3))) + b
    return y


def naive_conv_backward(dy, x, w, b):
    p = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    dp, dw = np.zeros_like(p), np.zeros_like(w)
    for i in range(3):
        for j in range(2):
            top, left = 2 * i, 2 * j
            here = (slice(None), slice(None), slice(top, top + 3), slice(left, left + 3))
            dw += np.tensordot(dy[:, :, i, j], p[here], (0, 0))
            dp[here] += np.tensordot(dy[:, :, i, j], w, (1, 0))
    return dp[:, :, 1:-1, 1:-1], dw, dy.sum(axis=(0, 2, 3))


def windows(x):
    return np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))


def by_windows(x, w):
    return np.einsum("nchwij,fcij->nfhw", windows(x), w)


def by_windows_backward(dy, x, w):
    around = np.pad(dy, ((0, 0), (0, 0), (2, 2), (2, 2)))
    dx = np.einsum("nfhwij,fcij->nchw", windows(around), w[:, :, ::-1, ::-1])
    return dx, np.einsum("nfhw,nchwij->fcij", dy, windows(x))


def strided(x, w):
    """Stride 2, padding 1, along one axis."""
    return jax.lax.conv_general_dilated(x, w, (2,), [(1, 1)])


def strided_backward(dy, x, w):
    flipped = w[:, :, ::-1].swapaxes(0, 1)
    dx = jax.lax.conv_general_dilated(dy, flipped, (1,), [(1, 1)], lhs_dilation=(2,))
    images, kernels = x.swapaxes(0, 1), dy.swapaxes(0, 1)
    dw = jax.lax.conv_general_dilated(images, kernels, (1,), [(1, 1)], rhs_dilation=(2,))
    return dx, dw.swapaxes(0, 1)


def causal(x, w):
    """Each channel by its own kernel: what was 0, 1 and 2 steps ago."""
    before = np.pad(x, ((0, 0), (2, 0), (0, 0)))
    return sum(w[k] * before[:, 2 - k : 8 - k] for k in range(3))


def causal_backward(dy, x, w):
    before = np.pad(x, ((0, 0), (2, 0), (0, 0)))
    after = np.pad(dy, ((0, 0), (0, 2), (0, 0)))
    dw = [np.sum(dy * before[:, 2 - k : 8 - k], axis=(0, 1)) for k in range(3)]
    return sum(w[k] * after[:, k : k + 6] for k in range(3)), np.stack(dw)


def patches(x):
    """Rows of a matrix: each the 2 x 2 patch of all channels at one place."""
    found = [x[:, :, i : i + 3, j : j + 3] for i in (0, 1) for j in (0, 1)]
    return np.stack(found, axis=2).transpose(0, 3, 4, 1, 2).reshape(-1, 4 * x.shape[1])


def by_patches(x, w):
    flat = patches(x) @ w.reshape(len(w), -1).T
    return flat.reshape(len(x), 3, 3, len(w)).transpose(0, 3, 1, 2)


def by_patches_backward(dy, x, w):
    flat = dy.transpose(0, 2, 3, 1).reshape(-1, len(w))
    dw = (flat.T @ patches(x)).reshape(w.shape)
    spread = (flat @ w.reshape(len(w), -1)).reshape(len(x), 3, 3, -1, 4).transpose(0, 3, 4, 1, 2)
    dx = np.zeros_like(x)
    for k in range(4):
        i, j = k // 2, k % 2
        dx[:, :, i : i + 3, j : j + 3] += spread[:, :, k]
    return dx, dw


FLIP, SHIFT = "flip|revers|mirror|rotat", "shift|off by|moved|roll|pad|border"
LAYOUT = "reshape|transpos|order|layout"
MISTAKES = [
    *of_pair(
        naive_conv, naive_conv_backward, (PICTURES, FILTERS, BIAS),
        ("overwritten where windows overlap", "dp[here] +=", "dp[here] =", "overwr|accumul|set in|added"),
        ("padding cut off on one side", "dp[:, :, 1:-1, 1:-1]", "dp[:, :, 2:, 2:]", SHIFT),
        ("stride forgotten", "top, left = 2 * i, 2 * j", "top, left = i, j", "stride|apart"),
        ("bias averaged", "dy.sum(axis=(0, 2, 3))", "dy.mean(axis=(0, 2, 3))", "mean|average|divi"),
    ),
    *of_pair(
        by_windows, by_windows_backward, (PICTURES, FILTERS),
        ("kernel not flipped", "w[:, :, ::-1, ::-1]", "w", FLIP),
        ("kernel flipped along one axis", "w[:, :, ::-1, ::-1]", "w[:, :, ::-1]", FLIP),
        ("averaged over pictures", "dy, windows(x))", "dy, windows(x)) / len(x)", "mean|average|divi"),
        ("padding off by one", "(0, 0), (2, 2), (2, 2)))", "(0, 0), (1, 3), (2, 2)))", SHIFT),
    ),
    *of_pair(
        strided, strided_backward, (SOUNDS, KERNELS),
        ("stride forgotten in dx", "[(1, 1)], lhs_dilation=(2,)", "[(1, 4)]", "stride|dilat|apart"),
        ("stride forgotten in dw", "(1,), [(1, 1)], rhs_dilation=(2,))", "(1,), [(1, 1)])[:, :, :3]", "stride|dilat|apart"),
        ("channels not exchanged", "w[:, :, ::-1].swapaxes(0, 1)", "w[:, :, ::-1]", "transpos|swap|exchang|channel"),
    ),
    *of_pair(
        causal, causal_backward, (SERIES, TAPS),
        ("looks back on the way back", "np.pad(dy, ((0, 0), (0, 2), (0, 0)))", "np.pad(dy, ((0, 0), (2, 0), (0, 0)))", f"{SHIFT}|{FLIP}|direction|causal"),
        ("kernel's steps in reverse", "np.stack(dw)", "np.stack(dw[::-1])", f"{FLIP}|order"),
    ),
    *of_pair(
        by_patches, by_patches_backward, (SQUARES, SMALL),
        ("channels not last", "dy.transpose(0, 2, 3, 1).reshape(-1, len(w))", "dy.reshape(-1, len(w))", LAYOUT),
        ("places before channels", "3, 3, -1, 4).transpose(0, 3, 4, 1, 2)", "3, 3, 4, -1).transpose(0, 4, 3, 1, 2)", LAYOUT),
    ),
]  # fmt: skip
