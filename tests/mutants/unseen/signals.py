"""Filters, correlations and spectra, in NumPy."""

import numpy as np

from tests.mutants.unseen.form import of_pair

RNG = np.random.default_rng(11)
X, H, SIGNAL = RNG.normal(size=9), RNG.normal(size=3), RNG.normal(size=8)
WINDOW = np.hanning(10)[1:-1]


def full(x, h):
    return np.convolve(x, h)


def full_backward(dy, x, h):
    return np.convolve(dy, h[::-1], "valid"), np.convolve(dy, x[::-1], "valid")


def valid(x, h):
    """A correlation, as deep learning calls a convolution."""
    return np.correlate(x, h, "valid")


def valid_backward(dy, x, h):
    return np.convolve(dy, h), np.correlate(x, dy, "valid")


def lagged(x):
    """The autocorrelation at lags 0 to 2."""
    return np.stack([x @ x, x[1:] @ x[:-1], x[2:] @ x[:-2]])


def lagged_backward(dy, x):
    dx = 2 * dy[0] * x
    for lag in (1, 2):
        dx[lag:] += dy[lag] * x[:-lag]
        dx[:-lag] += dy[lag] * x[lag:]
    return dx


def power(x):
    return np.abs(np.fft.fft(x * WINDOW)) ** 2


def power_backward(dy, x):
    return 2 * WINDOW * np.fft.fft(dy * np.conj(np.fft.fft(x * WINDOW))).real


def averaged(x):
    padded = np.append(0.0, np.cumsum(x))
    return (padded[3:] - padded[:-3]) / 3


def averaged_backward(dy, x):
    return np.convolve(dy, np.ones(3)) / 3


def emphasised(x, a):
    return np.append(x[:1], x[1:] - a * x[:-1])


def emphasised_backward(dy, x, a):
    return dy - a * np.append(dy[1:], 0), -dy[1:] @ x[:-1]


def resampled(x):
    """Every second value, and between two values their mean."""
    return np.stack([x[:-1], (x[:-1] + x[1:]) / 2], axis=1).reshape(-1)


def resampled_backward(dy, x):
    here, between = dy.reshape(-1, 2).T
    dx = np.append(here, 0)
    dx[:-1] += between / 2
    dx[1:] += between / 2
    return dx


def total_variation(x):
    return np.sum(np.sqrt(np.diff(x) ** 2 + 0.1))


def total_variation_backward(dy, x):
    d = np.diff(x)
    unit = d / np.sqrt(d**2 + 0.1)
    return dy * (np.append(0, unit) - np.append(unit, 0))


def decibels(x):
    return 20 * np.log10(np.sqrt(np.mean(x**2)))


def decibels_backward(dy, x):
    return dy * 20 / np.log(10) * x / np.sum(x**2)


SIGN, TERM = "sign|minus|negat", "term"
FLIP = "flip|revers|mirror|transpos"
MISTAKES = [
    *of_pair(
        full, full_backward, (X, H),
        ("kernel not flipped", "np.convolve(dy, h[::-1], \"valid\")", "np.convolve(dy, h, \"valid\")", FLIP),
        ("signal not flipped", "np.convolve(dy, x[::-1], \"valid\")", "np.convolve(dy, x, \"valid\")", FLIP),
        ("gradient flipped", "np.convolve(dy, x[::-1], \"valid\")", "np.convolve(dy, x[::-1], \"valid\")[::-1]", FLIP),
    ),
    *of_pair(
        valid, valid_backward, (X, H),
        ("kernel flipped", "np.convolve(dy, h)", "np.convolve(dy, h[::-1])", FLIP),
        ("averaged over places", "np.correlate(x, dy, \"valid\")", "np.correlate(x, dy, \"valid\") / len(dy)", "mean|divi|average|×|too small"),
        ("edges lost", "np.convolve(dy, h)", "np.pad(np.convolve(dy, h, \"valid\"), 2)", "edge|border|pad|zero|term"),
    ),
    *of_pair(
        lagged, lagged_backward, (SIGNAL,),
        ("later factor alone", "        dx[:-lag] += dy[lag] * x[lag:]\n", "", TERM),
        ("square's two", "2 * dy[0] * x", "dy[0] * x", "half|twice|factor|term|2 ×"),
        ("lag overwritten", "dx[lag:] += dy[lag]", "dx[lag:] = dy[lag]", "overwr|accumul|add|term"),
    ),
    *of_pair(
        power, power_backward, (SIGNAL,),
        ("window forgotten", "2 * WINDOW * np.fft", "2 * np.fft", "factor|window|constant"),
        ("two", "2 * WINDOW", "WINDOW", "half|twice|factor|2 ×|too small"),
        ("not conjugated", "np.conj(np.fft.fft(x * WINDOW))", "np.fft.fft(x * WINDOW)", f"conj|{FLIP}|sign"),
        ("inverse transform, divided by n", "np.fft.fft(dy * np.conj", "np.fft.ifft(dy * np.conj", "mean|divi|×|factor|too small"),
    ),
    *of_pair(
        averaged, averaged_backward, (X,),
        ("not divided", "np.ones(3)) / 3", "np.ones(3))", "mean|divi|×|average|too large"),
        ("moved by one", "np.convolve(dy, np.ones(3)) / 3", "np.roll(np.convolve(dy, np.ones(3)) / 3, 1)", "shift|roll|index|moved|off by"),
    ),
    *of_pair(
        emphasised, emphasised_backward, (X, 0.95),
        ("what comes after", "dy - a * np.append(dy[1:], 0)", "dy", TERM),
        ("moved the wrong way", "np.append(dy[1:], 0)", "np.append(0, dy[:-1])", "shift|direction|transpos|index|place|moved"),
        ("sign", ", -dy[1:]", ", dy[1:]", SIGN),
        ("one late", "-dy[1:] @ x[:-1]", "-dy[1:] @ x[1:]", "shift|index|late|place|off by|step"),
    ),
    *of_pair(
        resampled, resampled_backward, (X,),
        ("left alone", "    dx[1:] += between / 2\n", "", TERM),
        ("half", "dx[1:] += between / 2", "dx[1:] += between", "half|twice|factor|2 ×|mean|term"),
        ("order of the pairs", "dy.reshape(-1, 2).T", "dy.reshape(2, -1)", "reshape|transpos|order|layout"),
    ),
    *of_pair(
        total_variation, total_variation_backward, (X,),
        ("one side", "(np.append(0, unit) - np.append(unit, 0))", "np.append(0, unit)", TERM),
        ("sign", "np.append(0, unit) - np.append(unit, 0)", "np.append(unit, 0) - np.append(0, unit)", SIGN),
        ("root's slope", "d / np.sqrt(d**2 + 0.1)", "1 / np.sqrt(d**2 + 0.1)", "factor|chain|by x"),
    ),
    *of_pair(
        decibels, decibels_backward, (SIGNAL,),
        ("natural logarithm", " / np.log(10)", "", r"log|factor|2\.3|×"),
        ("mean for sum", "/ np.sum(x**2)", "/ np.mean(x**2)", "mean|sum|×|factor|too large"),
    ),
]  # fmt: skip
