"""pytransform3d: exponential coordinates of rotations and transforms, and their Jacobians."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import by_jacobian

PACKAGE = "pytransform3d"


def cases() -> Iterator[Case]:
    from pytransform3d import rotations, transformations

    turn, screw = np.array([0.4, -0.9, 0.7]), np.array([0.4, -0.9, 0.7, 1.1, 0.3, -0.6])
    for label, scale in (("", 1.0), ("small", 1e-3), ("tiny", 1e-9), ("nearly half a turn", 2.55)):
        pair = by_jacobian(*_rotation(rotations, rotations.left_jacobian_SO3))
        yield Case(PACKAGE, "left_jacobian_SO3", pair, (scale * turn,), label)
        pair = by_jacobian(*_transform(transformations, transformations.left_jacobian_SE3))
        yield Case(PACKAGE, "left_jacobian_SE3", pair, (scale * screw,), label)
    pair = by_jacobian(*_rotation(rotations, _inverse(rotations.left_jacobian_SO3_inv)))
    yield Case(PACKAGE, "left_jacobian_SO3_inv", pair, (turn,))
    pair = by_jacobian(
        *_transform(transformations, _inverse(transformations.left_jacobian_SE3_inv))
    )
    yield Case(PACKAGE, "left_jacobian_SE3_inv", pair, (screw,))


def _inverse(jacobian: Any) -> Any:
    return lambda x: np.linalg.inv(jacobian(x))


def _rotation(of: Any, jacobian: Any) -> Any:
    """exp(ω), whose change is that of the left Jacobian times exp(ω)."""

    def value(omega: Any) -> Any:
        return of.matrix_from_compact_axis_angle(omega).ravel()

    def slopes(omega: Any) -> Any:
        moved = [of.cross_product_matrix(one) for one in np.array(jacobian(omega)).T]
        return np.stack([(one @ value(omega).reshape(3, 3)).ravel() for one in moved], 1)

    return value, slopes


def _transform(of: Any, jacobian: Any) -> Any:
    def value(screw: Any) -> Any:
        return of.transform_from_exponential_coordinates(screw).ravel()

    def slopes(screw: Any) -> Any:
        moved = [_hat(one) for one in np.array(jacobian(screw)).T]
        return np.stack([(one @ value(screw).reshape(4, 4)).ravel() for one in moved], 1)

    return value, slopes


def _hat(screw: np.ndarray) -> np.ndarray:
    x, y, z = screw[:3]
    matrix = np.zeros((4, 4))
    matrix[:3] = [[0, -z, y, screw[3]], [z, 0, -x, screw[4]], [-y, x, 0, screw[5]]]
    return matrix
