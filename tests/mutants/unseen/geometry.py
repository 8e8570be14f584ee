"""Rotations, projections and angles, in NumPy."""

import numpy as np

from tests.mutants.unseen.form import of_pair

RNG = np.random.default_rng(9)
POINTS, SPACE, OTHERS = RNG.normal(size=(5, 2)), RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3))
DEEP = SPACE + np.array([0.0, 0.0, 4.0])
GRID = RNG.normal(size=(4, 5))


def rotated(x, angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([c * x[:, 0] - s * x[:, 1], s * x[:, 0] + c * x[:, 1]], axis=1)


def rotated_backward(dy, x, angle):
    c, s = np.cos(angle), np.sin(angle)
    dx = np.stack([c * dy[:, 0] + s * dy[:, 1], -s * dy[:, 0] + c * dy[:, 1]], axis=1)
    y = rotated(x, angle)
    return dx, np.sum(dy[:, 1] * y[:, 0] - dy[:, 0] * y[:, 1])


def pinhole(x, f):
    return f * x[:, :2] / x[:, 2:]


def pinhole_backward(dy, x, f):
    depth = x[:, 2:]
    dz = -np.sum(dy * f * x[:, :2], axis=1, keepdims=True) / depth**2
    return np.concatenate([f * dy / depth, dz], axis=1), np.sum(dy * x[:, :2] / depth)


def crossed(a, b):
    return np.cross(a, b)


def crossed_backward(dy, a, b):
    return np.cross(b, dy), np.cross(dy, a)


def polar(x):
    return np.stack([np.hypot(x[:, 0], x[:, 1]), np.arctan2(x[:, 1], x[:, 0])], axis=1)


def polar_backward(dy, x):
    r = np.hypot(x[:, :1], x[:, 1:])
    turned = np.stack([-x[:, 1], x[:, 0]], axis=1)
    return dy[:, :1] * x / r + dy[:, 1:] * turned / r**2


def reflected(x, n):
    """Across the plane whose normal is n, of any length."""
    return x - 2 * np.outer(x @ n, n) / (n @ n)


def reflected_backward(dy, x, n):
    nn, xn, dn = n @ n, x @ n, dy @ n
    both = 4 * (xn @ dn) * n / nn**2
    return dy - 2 * np.outer(dn, n) / nn, -2 * (dy.T @ xn + x.T @ dn) / nn + both


def haversine(a, b):
    """Of the angle between two places, each a latitude and a longitude."""
    gap = a - b
    return (
        np.sin(gap[:, 0] / 2) ** 2 + np.cos(a[:, 0]) * np.cos(b[:, 0]) * np.sin(gap[:, 1] / 2) ** 2
    )


def haversine_backward(dy, a, b):
    gap = a - b
    other, across = np.sin(gap[:, 1] / 2) ** 2, np.cos(a[:, 0]) * np.cos(b[:, 0])
    lat, lon = dy * np.sin(gap[:, 0]) / 2, dy * across * np.sin(gap[:, 1]) / 2
    da = lat - dy * np.sin(a[:, 0]) * np.cos(b[:, 0]) * other
    db = -lat - dy * np.cos(a[:, 0]) * np.sin(b[:, 0]) * other
    return np.stack([da, lon], axis=1), np.stack([db, -lon], axis=1)


def bilinear(u, v):
    """GRID between its points."""
    i, j = int(u), int(v)
    u, v = u - i, v - j
    top = GRID[i, j] * (1 - v) + GRID[i, j + 1] * v
    return top * (1 - u) + (GRID[i + 1, j] * (1 - v) + GRID[i + 1, j + 1] * v) * u


def bilinear_gradient(dy, u, v):
    i, j = int(u), int(v)
    u, v = u - i, v - j
    du = (GRID[i + 1, j] - GRID[i, j]) * (1 - v) + (GRID[i + 1, j + 1] - GRID[i, j + 1]) * v
    dv = (GRID[i, j + 1] - GRID[i, j]) * (1 - u) + (GRID[i + 1, j + 1] - GRID[i + 1, j]) * u
    return dy * du, dy * dv


def perimeter(x):
    gap = x - np.roll(x, 1, axis=0)
    return np.sum(np.sqrt(np.sum(gap**2, axis=1)))


def perimeter_backward(dy, x):
    gap = x - np.roll(x, 1, axis=0)
    unit = gap / np.sqrt(np.sum(gap**2, axis=1, keepdims=True))
    return dy * (unit - np.roll(unit, -1, axis=0))


def area(x):
    """Of a polygon, by the shoelace."""
    after = np.roll(x, -1, axis=0)
    return np.sum(x[:, 0] * after[:, 1] - after[:, 0] * x[:, 1]) / 2


def area_backward(dy, x):
    gap = np.roll(x, -1, axis=0) - np.roll(x, 1, axis=0)
    return dy * np.stack([gap[:, 1], -gap[:, 0]], axis=1) / 2


SIGN, TERM, SWAP = "sign|minus|negat", "term", "swap|place|instead|order"
MISTAKES = [
    *of_pair(
        rotated, rotated_backward, (POINTS, 0.6),
        ("turned on, not back", "c * dy[:, 0] + s * dy[:, 1], -s * dy[:, 0] + c", "c * dy[:, 0] - s * dy[:, 1], s * dy[:, 0] + c", "transpos|sign"),
        ("x for y", "y = rotated(x, angle)", "y = x", f"{SWAP}|input|output"),
        ("sign of the angle", "dy[:, 1] * y[:, 0] - dy[:, 0] * y[:, 1]", "dy[:, 0] * y[:, 1] - dy[:, 1] * y[:, 0]", SIGN),
    ),
    *of_pair(
        pinhole, pinhole_backward, (DEEP, 1.8),
        ("depth held constant", "f * dy / depth, dz", "f * dy / depth, 0 * dz", "zero|term|depth"),
        ("depth not squared", "depth**2", "depth", "power|square|factor|divi"),
        ("sign of the depth", "dz = -np", "dz = np", SIGN),
        ("focal length", "dz = -np.sum(dy * f *", "dz = -np.sum(dy *", r"factor|1\.8|too small|×"),
    ),
    *of_pair(
        crossed, crossed_backward, (SPACE, OTHERS),
        ("order of the first", "np.cross(b, dy),", "np.cross(dy, b),", f"{SIGN}|{SWAP}"),
        ("both ways the same", "np.cross(dy, a)", "np.cross(dy, b)", SWAP),
    ),
    *of_pair(
        polar, polar_backward, (POINTS,),
        ("radius not squared", "turned / r**2", "turned / r", "power|square|factor|divi"),
        ("turned the other way", "[-x[:, 1], x[:, 0]]", "[x[:, 1], -x[:, 0]]", SIGN),
        ("radius not divided by", "dy[:, :1] * x / r", "dy[:, :1] * x", "factor|norm|divi|root|sqrt"),
        ("not turned", "turned = np.stack([-x[:, 1], x[:, 0]], axis=1)", "turned = x", f"{SWAP}|turn|column"),
    ),
    *of_pair(
        reflected, reflected_backward, (SPACE, np.array([0.5, -1.0, 0.8])),
        ("length held constant", "nn + both", "nn", "term|constant|norm"),
        ("once", "dy - 2 * np.outer(dn, n)", "dy - np.outer(dn, n)", "half|factor|twice|term|2 ×"),
        ("one of two places", "(dy.T @ xn + x.T @ dn)", "(dy.T @ xn)", TERM),
        ("outer for sum", "dy.T @ xn + x.T", "dy.T @ dn + x.T", SWAP),
    ),
    *of_pair(
        haversine, haversine_backward, (POINTS, SPACE[:, :2]),
        ("cosine's slope", "da = lat - dy * np.sin(a[:, 0]) * np.cos(b[:, 0]) * other", "da = lat", TERM),
        ("half of the angle", "dy * np.sin(gap[:, 0]) / 2", "dy * np.sin(gap[:, 0] / 2)", "cos|sin|half|factor"),
        ("sign of the second", "[db, -lon]", "[db, lon]", SIGN),
    ),
    *of_pair(
        bilinear, bilinear_gradient, (1.3, 2.6),
        ("one row", "(GRID[i + 1, j] - GRID[i, j]) * (1 - v) + (GRID[i + 1, j + 1] - GRID[i, j + 1]) * v", "(GRID[i + 1, j] - GRID[i, j])", "term|constant"),
        ("u and v exchanged", "return dy * du, dy * dv", "return dy * dv, dy * du", f"{SWAP}|exchang"),
        ("weights the other way", "GRID[i, j]) * (1 - v) + (", "GRID[i, j]) * v + (", f"{SWAP}|factor|1 −"),
    ),
    *of_pair(
        perimeter, perimeter_backward, (POINTS,),
        ("the side before alone", "(unit - np.roll(unit, -1, axis=0))", "unit", TERM),
        ("rolled the wrong way", "np.roll(unit, -1, axis=0)", "np.roll(unit, 1, axis=0)", "shift|roll|index|place|direction|term"),
        ("not a unit", "unit = gap / np.sqrt(np.sum(gap**2, axis=1, keepdims=True))", "unit = gap", "norm|sqrt|root|factor|divi"),
        ("plus", "(unit - np.roll", "(unit + np.roll", SIGN),
    ),
    *of_pair(
        area, area_backward, (POINTS,),
        ("half", ", axis=1) / 2", ", axis=1)", "half|twice|factor|2 ×|too large"),
        ("clockwise", "[gap[:, 1], -gap[:, 0]]", "[-gap[:, 1], gap[:, 0]]", SIGN),
        ("coordinates not exchanged", "[gap[:, 1], -gap[:, 0]]", "[gap[:, 0], -gap[:, 1]]", f"{SWAP}|column|exchang"),
    ),
]  # fmt: skip
