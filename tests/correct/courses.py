"""What a course has its students write in NumPy: forward, a cache, and backward."""

import numpy as np

from fnet.check import Pair, ValueAndGrad
from tests.correct.entries import Entry, real, sizes


def batch_norm(x, gamma, beta, eps=1e-5):
    mean, variance = x.mean(axis=0), x.var(axis=0)
    deviation = np.sqrt(variance + eps)
    hat = (x - mean) / deviation
    return gamma * hat + beta, (hat, gamma, deviation)


def batch_norm_back(dout, cache):
    hat, gamma, deviation = cache
    d = dout * gamma
    dx = (d - d.mean(axis=0) - hat * (d * hat).mean(axis=0)) / deviation
    return dx, (dout * hat).sum(axis=0), dout.sum(axis=0)


def sigmoid(x):
    """Stable on both sides, by masks."""
    x = np.asarray(x)
    y = np.zeros_like(x)
    above = x >= 0
    y[above] = 1 / (1 + np.exp(-x[above]))
    e = np.exp(x[~above])
    y[~above] = e / (1 + e)
    return y, y


def sigmoid_back(dout, y):
    return dout * y * (1 - y)


def lstm(x, h, c, wx, wh, b):
    """One step; the memory is an output too."""
    gates = x @ wx + h @ wh + b
    i, f, o, g = np.split(gates, 4, axis=1)
    i, f, o, g = sigmoid(i)[0], sigmoid(f)[0], sigmoid(o)[0], np.tanh(g)
    memory = f * c + i * g
    tanh = np.tanh(memory)
    return (o * tanh, memory), (x, h, c, wx, wh, i, f, o, g, tanh)


def lstm_back(douts, cache):
    x, h, c, wx, wh, i, f, o, g, tanh = cache
    dh, dmemory = douts
    dmemory = dmemory + dh * o * (1 - tanh**2)
    parts = (
        dmemory * g * i * (1 - i),
        dmemory * c * f * (1 - f),
        dh * tanh * o * (1 - o),
        dmemory * i * (1 - g**2),
    )
    d = np.concatenate(parts, axis=1)
    return d @ wx.T, d @ wh.T, dmemory * f, x.T @ d, h.T @ d, d.sum(axis=0)


def softmax_loss(scores, labels):
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    shifted = scores - scores.max(axis=1, keepdims=True)
    value = (np.log(np.exp(shifted).sum(axis=1)) - shifted[rows, labels]).mean()
    d = p.copy()
    d[rows, labels] -= 1
    return value, (d / len(labels), None)


def convolution(x, w, b):
    """Of rows of numbers, by loops."""
    x, w = np.asarray(x), np.asarray(w)
    padded = np.pad(x, ((0, 0), (1, 1)))
    out = np.zeros_like(x)
    for row in range(x.shape[0]):
        for place in range(x.shape[1]):
            out[row, place] = np.sum(padded[row, place : place + 3] * w) + b
    return out, (padded, w)


def convolution_back(dout, cache):
    padded, w = cache
    dpadded, dw = np.zeros(padded.shape), np.zeros(3)
    for row in range(dout.shape[0]):
        for place in range(dout.shape[1]):
            dpadded[row, place : place + 3] += dout[row, place] * w
            dw += dout[row, place] * padded[row, place : place + 3]
    return dpadded[:, 1:-1], dw, dout.sum()


def pool(x):
    """The larger of two, by NumPy's own loop over rows."""
    pairs = np.asarray(x).reshape(len(x), -1, 2)
    return np.array([row.max(axis=1) for row in pairs]), pairs


def pool_back(dout, pairs):
    d = np.zeros(pairs.shape)
    first = pairs.argmax(axis=2)
    np.put_along_axis(d, first[:, :, None], dout[:, :, None], axis=2)
    return d.reshape(len(dout), -1)


def of_norm(rng):
    n, m = sizes(rng, 2)
    return real(rng, (n + 1, m)), real(rng, (m,)), real(rng, (m,))


def of_lstm(rng):
    n, d, h = sizes(rng, 3)
    shapes = ((n, d), (n, h), (n, h), (d, 4 * h), (h, 4 * h), (4 * h,))
    return tuple(real(rng, shape, high=1.0) for shape in shapes)


def of_scores(rng):
    n, m = sizes(rng, 2)
    return real(rng, (n, m)), rng.integers(m, size=n)


def of_signal(rng):
    n, m = sizes(rng, 2)
    return real(rng, (n, m)), real(rng, (3,)), np.asarray(rng.normal())


def of_pairs(rng):
    n, m = sizes(rng, 2)
    return (real(rng, (n, 2 * m)),)


def of_matrix(rng):
    return (real(rng, sizes(rng, 2)),)


ENTRIES = [
    Entry("a course's batch norm", Pair(batch_norm, batch_norm_back), of_norm),
    Entry("a course's sigmoid", Pair(sigmoid, sigmoid_back), of_matrix),
    Entry("a course's step of an LSTM", Pair(lstm, lstm_back), of_lstm),
    Entry("a course's softmax loss", ValueAndGrad(softmax_loss), of_scores),
    Entry("a course's convolution", Pair(convolution, convolution_back), of_signal),
    Entry("a course's max-pool", Pair(pool, pool_back), of_pairs),
]
