"""opencv: rotations and projections of cameras, with their Jacobians."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case

PACKAGE = "opencv-python-headless"


def cases() -> Iterator[Case]:
    import cv2

    rng = np.random.default_rng(78)
    turn, move = np.array([0.3, -0.5, 0.4]), np.array([0.2, -0.1, 4.0])
    other, there = np.array([-0.2, 0.6, 0.1]), np.array([0.5, 0.3, -0.4])
    points = rng.uniform(-1, 1, size=(4, 3))
    focus = np.array([410.0, 420.0, 320.0, 240.0])
    rotation = Pair(
        lambda r: (cv2.Rodrigues(np.array(r))[0], r),
        lambda dout, r: cv2.Rodrigues(np.array(r))[1] @ dout.ravel(),
    )
    for label, r in (("", turn), ("small", 1e-3 * turn), ("zero", np.zeros(3)),
                     ("half a turn, nearly", 3.1 * turn / np.linalg.norm(turn))):  # fmt: skip
        yield Case(PACKAGE, "Rodrigues", rotation, (r,), label)
    matrix = cv2.Rodrigues(turn)[0]
    left = Pair(
        lambda a: (cv2.Rodrigues(matrix @ cv2.Rodrigues(np.array(a))[0])[0].ravel(), a),
        lambda dout, a: (
            cv2.Rodrigues(np.array(a))[1]
            @ np.kron(matrix.T, np.eye(3))
            @ cv2.Rodrigues(matrix @ cv2.Rodrigues(np.array(a))[0])[1]
            @ dout
        ),
    )
    yield Case(PACKAGE, "Rodrigues, of a matrix", left, (other,))
    for count in (0, 4, 5, 8, 12, 14):
        k = 0.05 * rng.normal(size=count)

        def project(r: Any, t: Any, f: Any, k: Any) -> Any:
            given = np.ascontiguousarray(points), np.array(r), np.array(t), _camera(f)
            image, J = cv2.projectPoints(*given, np.array(k) if len(k) else None)
            return image.reshape(-1, 2), J

        for label, arguments in _motions(turn, move):
            pair = _projection(project, count)
            case = (*arguments, focus, k) if count else (*arguments, focus)
            yield Case(PACKAGE, f"projectPoints, {count} distortions", pair, case, label)
    compose = Pair(
        lambda *of: (
            np.concatenate([a.ravel() for a in cv2.composeRT(*map(np.array, of))[:2]]),
            of,
        ),
        lambda dout, of: _composed(cv2.composeRT(*map(np.array, of))[2:], dout),
    )
    yield Case(PACKAGE, "composeRT", compose, (turn, move, other, there))
    yield Case(PACKAGE, "composeRT", compose, (turn, move, np.zeros(3), there), "zero")
    A, B = rng.normal(size=(2, 3)), rng.normal(size=(3, 4))

    def product(dout: Any, of: Any) -> Any:
        by_a, by_b = cv2.matMulDeriv(*map(np.array, of))
        return (dout.ravel() @ by_a).reshape(2, 3), (dout.ravel() @ by_b).reshape(3, 4)

    yield Case(PACKAGE, "matMulDeriv", Pair(lambda A, B: (A @ B, (A, B)), product), (A, B))
    fish = 0.05 * rng.normal(size=4)

    def fisheye(r: Any, t: Any, f: Any, k: Any) -> Any:
        given = np.ascontiguousarray(points)[None], np.array(r), np.array(t), _camera(f)
        image, J = cv2.fisheye.projectPoints(*given, np.array(k))
        # By focus, centre, distortions, rotation, translation, and skew.
        return image.reshape(-1, 2), np.concatenate([J[:, 8:14], J[:, :4], J[:, 4:8]], 1)

    for label, arguments in _motions(turn, move):
        yield Case(PACKAGE, "fisheye.projectPoints", _projection(fisheye, 4),
                   (*arguments, focus, fish), label)  # fmt: skip


def _motions(turn: Any, move: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    yield "", (turn, move)
    yield "not turned", (np.zeros(3), move)


def _camera(f: Any) -> np.ndarray:
    return np.array([[f[0], 0, f[2]], [0, f[1], f[3]], [0, 0, 1.0]])


def _projection(project: Any, count: int) -> Pair:
    """By rotation, translation, focal lengths with the centre, and distortions, if any."""
    sizes = (3, 3, 4, count) if count else (3, 3, 4)

    def of(arrays: Any) -> Any:
        return project(*arrays) if count else project(*arrays, ())

    def backward(dout: Any, arrays: Any) -> Any:
        found = dout.ravel() @ of(arrays)[1][:, : sum(sizes)]
        return tuple(np.split(found, np.cumsum(sizes)[:-1]))

    if count:
        return Pair(lambda r, t, f, k: (of((r, t, f, k))[0], (r, t, f, k)), backward)
    return Pair(lambda r, t, f: (of((r, t, f))[0], (r, t, f)), backward)


def _composed(slopes: Any, dout: Any) -> Any:
    """Of a rotation and a translation, by both and both of the other."""
    by_turn, by_move = slopes[:4], slopes[4:]
    return tuple(dout[:3] @ a + dout[3:] @ b for a, b in zip(by_turn, by_move, strict=True))
