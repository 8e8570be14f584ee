"""Losses of regression, of pairs, and of overlap, in NumPy."""

import numpy as np

from tests.mutants.unseen.form import of_loss

RNG = np.random.default_rng(1)
P, T, COUNTS = RNG.normal(size=8) * 2, RNG.normal(size=8), RNG.poisson(2.0, 8)
LABELS, OVERLAP = (RNG.random(8) < 0.5).astype(float), RNG.uniform(0.1, 0.9, 8)
A, B, C = RNG.normal(size=(3, 5, 4))
SAME = np.array([1.0, 0.0, 1.0, 0.0, 0.0])
DELTA, Q, MARGIN, GAMMA = 1.2, 0.3, 2.0, 2.0


def huber(p):
    r = p - T
    return np.mean(np.where(np.abs(r) <= DELTA, r**2 / 2, DELTA * (np.abs(r) - DELTA / 2)))


def huber_gradient(p):
    r = p - T
    return np.where(np.abs(r) <= DELTA, r, DELTA * np.sign(r)) / r.size


def quantile(p):
    r = T - p
    return np.mean(np.maximum(Q * r, (Q - 1) * r))


def quantile_gradient(p):
    return np.where(p < T, -Q, 1 - Q) / p.size


def poisson(z):
    return np.mean(np.exp(z) - COUNTS * z)


def poisson_gradient(z):
    return (np.exp(z) - COUNTS) / z.size


def focal(z):
    p = 1 / (1 + np.exp(-(2 * LABELS - 1) * z))
    return -np.mean((1 - p) ** GAMMA * np.log(p))


def focal_gradient(z):
    side = 2 * LABELS - 1
    p = 1 / (1 + np.exp(-side * z))
    return side * (GAMMA * p * (1 - p) ** GAMMA * np.log(p) - (1 - p) ** (GAMMA + 1)) / z.size


def contrastive(a, b):
    d = np.sqrt(np.sum((a - b) ** 2, axis=1))
    return np.mean(SAME * d**2 + (1 - SAME) * np.maximum(0, MARGIN - d) ** 2)


def contrastive_gradient(a, b):
    d = np.sqrt(np.sum((a - b) ** 2, axis=1))
    slope = 2 * SAME * d - 2 * (1 - SAME) * np.maximum(0, MARGIN - d)
    da = (slope / d)[:, None] * (a - b) / len(a)
    return da, -da


def triplet(a, p, n):
    gap = np.sum((a - p) ** 2, axis=1) - np.sum((a - n) ** 2, axis=1) + 1
    return np.mean(np.maximum(0, gap))


def triplet_gradient(a, p, n):
    gap = np.sum((a - p) ** 2, axis=1) - np.sum((a - n) ** 2, axis=1) + 1
    active = (gap > 0)[:, None] / len(a)
    return 2 * (n - p) * active, 2 * (p - a) * active, 2 * (a - n) * active


def dice(p):
    return 1 - (2 * np.sum(p * LABELS) + 1) / (np.sum(p) + np.sum(LABELS) + 1)


def dice_gradient(p):
    top, bottom = 2 * np.sum(p * LABELS) + 1, np.sum(p) + np.sum(LABELS) + 1
    return (top - 2 * LABELS * bottom) / bottom**2


def log_cosh(p):
    return np.sum(np.log(np.cosh(p - T)))


def log_cosh_gradient(p):
    return np.tanh(p - T)


def cosine(a, b):
    norms = np.sqrt(np.sum(a * a, axis=1) * np.sum(b * b, axis=1))
    return np.sum(1 - np.sum(a * b, axis=1) / norms)


def cosine_gradient(a, b):
    aa, bb, ab = (np.sum(u * v, axis=1, keepdims=True) for u, v in ((a, a), (b, b), (a, b)))
    norms = np.sqrt(aa * bb)
    return (a * ab / aa - b) / norms, (b * ab / bb - a) / norms


def entropy(p):
    return -np.sum(p * np.log(p))


def entropy_gradient(p):
    return -np.log(p) - 1


def bradley_terry(s):
    """Each player beat the next one."""
    return np.sum(np.log1p(np.exp(s[1:] - s[:-1])))


def bradley_terry_gradient(s):
    lost = 1 / (1 + np.exp(s[:-1] - s[1:]))
    return np.append(0, lost) - np.append(lost, 0)


SIGN, MEAN, TERM = "sign|minus|negat", "mean|average|divide|too large|too small|×", "term"
MISTAKES = [
    *of_loss(
        huber,
        huber_gradient,
        (P,),
        ("delta is forgotten beyond it", "DELTA * np.sign", "np.sign", r"factor|1\.2|delta|slope"),
        ("the mean is a sum", " / r.size", "", MEAN),
        ("branches swapped", "<= DELTA", "> DELTA", "branch|swap|other side|condition"),
        ("not clipped", "DELTA * np.sign(r)", "r", "branch|clip|condition|everywhere|limit"),
    ),
    *of_loss(
        quantile,
        quantile_gradient,
        (P,),
        ("the sign", "-Q, 1 - Q", "Q, Q - 1", SIGN),
        ("1 − q is q", "-Q, 1 - Q", "-Q, Q", "branch|one side|slope|1 - q|1 − q"),
        ("sides swapped", "p < T", "p > T", "branch|swap|other side|condition"),
    ),
    *of_loss(
        poisson,
        poisson_gradient,
        (P / 2,),
        ("exp forgotten", "np.exp(z) - COUNTS", "z - COUNTS", r"\bexp"),
        ("counts forgotten", "(np.exp(z) - COUNTS)", "np.exp(z)", TERM),
        ("counts multiplied by z", "- COUNTS)", "- COUNTS * z)", r"by z|factor|one .* too many|term"),
    ),
    *of_loss(
        focal,
        focal_gradient,
        (P,),
        ("weight held constant", "GAMMA * p * (1 - p) ** GAMMA * np.log(p) -", "-", "term|constant"),
        ("sign of the class", "side * (GAMMA", "(GAMMA", SIGN),
        ("exponent", "(GAMMA + 1)", "GAMMA", "power|exponent|factor"),
        ("sigmoid not differentiated", "/ z.size", "/ p / (1 - p) / z.size", "sigmoid|chain|factor"),
    ),
    *of_loss(
        contrastive,
        contrastive_gradient,
        (A, B),
        ("distance's slope", "(slope / d)", "slope", r"norm|distance|factor|root|sqrt"),
        ("sign of the second", "return da, -da", "return da, da", SIGN),
        ("twice", "2 * SAME * d", "SAME * d", "factor|half|twice|2 ×|term"),
        ("no clipping", "np.maximum(0, MARGIN - d)", "(MARGIN - d)", "max|clip|branch|mask|hinge|condit"),
    ),
    *of_loss(
        triplet,
        triplet_gradient,
        (A, B, C),
        ("the negative's part", "2 * (n - p) * active, 2 * (p - a)", "2 * (a - p) * active, 2 * (p - a)", TERM),
        ("mask forgotten once", "2 * (a - n) * active", "2 * (a - n) / len(a)", "mask|max|branch|active|relu|condit"),
        ("pulled the wrong way", "2 * (p - a)", "2 * (a - p)", SIGN),
    ),
    *of_loss(
        dice,
        dice_gradient,
        (OVERLAP,),
        ("bottom held constant", "(top - 2 * LABELS * bottom)", "(-2 * LABELS * bottom)", "term|denominator|constant|quotient"),
        ("bottom not squared", "bottom**2", "bottom", "power|square|factor|divi"),
        ("the score, not the loss", "(top - 2 * LABELS * bottom)", "(2 * LABELS * bottom - top)", SIGN),
    ),
    *of_loss(
        log_cosh,
        log_cosh_gradient,
        (P,),
        ("differentiated twice", "np.tanh(p - T)", "1 - np.tanh(p - T) ** 2", "twice|second|tanh"),
        ("target forgotten", "np.tanh(p - T)", "np.tanh(p)", "target|place|instead"),
    ),
    *of_loss(
        cosine,
        cosine_gradient,
        (A, B),
        ("projection missing", "(a * ab / aa - b)", "-b", "term|norm|constant"),
        ("the other norm", "ab / aa", "ab / bb", "place|instead|swap|norm|b for a|term"),
    ),
    *of_loss(
        entropy,
        entropy_gradient,
        (OVERLAP,),
        ("product rule", "-np.log(p) - 1", "-np.log(p)", "term|product"),
        ("sign of one", "- 1", "+ 1", SIGN),
    ),
    *of_loss(
        bradley_terry,
        bradley_terry_gradient,
        (P,),
        ("the winner alone", "np.append(0, lost) - np.append(lost, 0)", "-np.append(lost, 0)", TERM),
        ("who lost", "s[:-1] - s[1:]", "s[1:] - s[:-1]", "sign|minus|swap|1 −|sigmoid"),
        ("sides swapped", "np.append(0, lost) - np.append(lost, 0)", "np.append(lost, 0) - np.append(0, lost)", SIGN),
    ),
]  # fmt: skip
