"""What goes through time, with its backward pass in a loop, in NumPy."""

import numpy as np

from tests.mutants.unseen.form import of_pair

RNG = np.random.default_rng(7)
U, ALPHA = RNG.normal(size=7), 0.3
INPUTS, W, R = RNG.normal(size=(5, 3)), RNG.normal(size=(3, 3)), RNG.normal(size=(3, 3)) / 2


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def ar2(u, a, b):
    x = np.zeros(len(u) + 2)
    for t in range(len(u)):
        x[t + 2] = a * x[t + 1] + b * x[t] + u[t]
    return x[2:]


def ar2_backward(dx, u, a, b):
    x = np.append(np.zeros(2), ar2(u, a, b))
    du, da, db = np.append(dx, np.zeros(2)), 0.0, 0.0
    for t in reversed(range(len(u))):
        du[t] += a * du[t + 1] + b * du[t + 2]
        da += du[t] * x[t + 1]
        db += du[t] * x[t]
    return du[:-2], da, db


def smoothed(u, alpha):
    s = np.empty_like(u)
    s[0] = u[0]
    for t in range(1, len(u)):
        s[t] = alpha * u[t] + (1 - alpha) * s[t - 1]
    return s


def smoothed_backward(ds, u, alpha):
    s, ds, du, dalpha = smoothed(u, alpha), ds.copy(), np.empty_like(u), 0.0
    for t in range(len(u) - 1, 0, -1):
        du[t] = alpha * ds[t]
        dalpha += ds[t] * (u[t] - s[t - 1])
        ds[t - 1] += (1 - alpha) * ds[t]
    du[0] = ds[0]
    return du, dalpha


def rnn(x, w, r):
    h, out = np.zeros(3), []
    for each in x:
        h = np.tanh(w @ each + r @ h)
        out.append(h)
    return np.stack(out)


def rnn_backward(dout, x, w, r):
    h = np.concatenate([np.zeros((1, 3)), rnn(x, w, r)])
    dx, dw, dr, dh = np.empty_like(x), np.zeros_like(w), np.zeros_like(r), np.zeros(3)
    for t in range(len(x) - 1, -1, -1):
        dz = (dout[t] + dh) * (1 - h[t + 1] ** 2)
        dw += np.outer(dz, x[t])
        dr += np.outer(dz, h[t])
        dx[t], dh = w.T @ dz, r.T @ dz
    return dx, dw, dr


def gated(x, h, w):
    """One step of a gated unit: the gate z mixes the state with a candidate."""
    z, n = sigmoid(w @ x + h), np.tanh(x + w @ h)
    return (1 - z) * n + z * h


def gated_backward(dy, x, h, w):
    z, n = sigmoid(w @ x + h), np.tanh(x + w @ h)
    da = dy * (h - n) * z * (1 - z)
    db = dy * (1 - z) * (1 - n**2)
    return w.T @ da + db, dy * z + da + w.T @ db, np.outer(da, x) + np.outer(db, h)


def kalman(m, p, y, r):
    """The mean after an observation y of variance r."""
    return m + p / (p + r) * (y - m)


def kalman_backward(dm, m, p, y, r):
    gain = p / (p + r)
    return (
        (1 - gain) * dm,
        dm * (y - m) * r / (p + r) ** 2,
        gain * dm,
        np.sum(-dm * (y - m) * p / (p + r) ** 2),
    )


def growth(x, rate):
    """Logistic growth, four steps."""
    for _ in range(4):
        x = x + rate * x * (1 - x)
    return x


def growth_backward(dx, x, rate):
    path, drate = [x], 0.0
    for _ in range(3):
        path.append(path[-1] + rate * path[-1] * (1 - path[-1]))
    for x in reversed(path):
        drate += np.sum(dx * x * (1 - x))
        dx = dx * (1 + rate * (1 - 2 * x))
    return dx, drate


def discounted(rewards, gamma):
    """Returns: each reward and gamma times the return after it."""
    out, later = np.empty_like(rewards), 0.0
    for t in reversed(range(len(rewards))):
        out[t] = later = rewards[t] + gamma * later
    return out


def discounted_backward(dout, rewards, gamma):
    out, dr, carried, dgamma = (
        np.append(discounted(rewards, gamma), 0),
        np.empty_like(dout),
        0.0,
        0.0,
    )
    for t in range(len(dout)):
        dr[t] = carried = dout[t] + gamma * carried
        dgamma += carried * out[t + 1]
    return dr, dgamma


SIGN, TERM = "sign|minus|negat", "term"
MISTAKES = [
    *of_pair(
        ar2, ar2_backward, (U, 0.5, -0.3),
        ("second lag not carried", " + b * du[t + 2]", "", "term|carr|lag|step"),
        ("nothing carried", "du[t] += a * du[t + 1] + b * du[t + 2]", "pass", "term|carr|step|time"),
        ("one step late", "da += du[t] * x[t + 1]", "da += du[t] * x[t + 2]", "step|late|index|shift|off by|place"),
        ("lags swapped", "a * du[t + 1] + b * du[t + 2]", "b * du[t + 1] + a * du[t + 2]", "swap|place|instead"),
    ),
    *of_pair(
        smoothed, smoothed_backward, (U, ALPHA),
        ("state after for state before", "(u[t] - s[t - 1])", "(u[t] - s[t])", "step|late|index|shift|off by|place|after"),
        ("first value as the others", "du[0] = ds[0]", "du[0] = alpha * ds[0]", "first|factor|×"),
        ("carried whole", "+= (1 - alpha) * ds[t]", "+= ds[t]", r"factor|1 −|0\.7|carr"),
        ("state's part of alpha", "ds[t] * (u[t] - s[t - 1])", "ds[t] * u[t]", TERM),
    ),
    *of_pair(
        rnn, rnn_backward, (INPUTS, W, R),
        ("nothing carried", "(dout[t] + dh)", "dout[t]", "term|carr|step|time"),
        ("last step alone", "dw += np.outer(dz, x[t])", "dw = np.outer(dz, x[t])", "accumul|overwr|last|add|sum|step|term"),
        ("not transposed", "r.T @ dz", "r @ dz", "transpos"),
        ("state after for state before", "np.outer(dz, h[t])", "np.outer(dz, h[t + 1])", "step|late|index|shift|off by|place|after"),
        ("slope before the step", "1 - h[t + 1] ** 2", "1 - h[t] ** 2", "step|index|shift|place|tanh|slope"),
    ),
    *of_pair(
        gated, gated_backward, (INPUTS[0], INPUTS[1], W),
        ("candidate through w alone", "w.T @ da + db", "w.T @ da + w.T @ db", "factor|term|transpos|place|once|extra"),
        ("sign of the mixture", "(h - n)", "(n - h)", SIGN),
        ("straight path", "dy * z + da", "da", TERM),
        ("gate's own state", "dy * z + da + w.T", "dy * z + w.T", TERM),
        ("slope of the candidate", "(1 - n**2)", "(1 - n)", "tanh|square|power|slope|sigmoid"),
    ),
    *of_pair(
        kalman, kalman_backward, (U, np.full(7, 0.8), U[::-1].copy(), 0.5),
        ("prediction's own part", "(1 - gain) * dm", "dm", TERM),
        ("gain's bottom held constant", "* r / (p + r) ** 2", "/ (p + r)", "term|denominator|quotient|constant"),
        ("not summed over data", "np.sum(-dm * (y - m) * p / (p + r) ** 2)", "-dm * (y - m) * p / (p + r) ** 2", "sum"),
    ),
    *of_pair(
        growth, growth_backward, (U**2 / 4, 0.4),
        ("the product's slope", "(1 - 2 * x)", "(1 - x)", "term|product|factor"),
        ("later steps not carried", "dx * (1 + rate * (1 - 2 * x))", "dx * rate * (1 - 2 * x)", "term|identity"),
        ("last step alone", "drate += np.sum", "drate = np.sum", "accumul|overwr|last|first|add|sum|step|term"),
        ("in the order of time", "reversed(path)", "path", "order|revers|flip|step"),
    ),
    *of_pair(
        discounted, discounted_backward, (U, 0.9),
        ("nothing carried", "dr[t] = carried = dout[t] + gamma * carried", "dr[t] = carried = dout[t]", "term|carr|step"),
        ("undiscounted", "gamma * carried", "carried", r"factor|gamma|0\.9|discount"),
        ("this return for the next", "out[t + 1]", "out[t]", "step|late|index|shift|off by|place"),
    ),
]  # fmt: skip
