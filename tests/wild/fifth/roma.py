"""roma: rotations in PyTorch, of which the nearest to a matrix is differentiated by hand."""

from collections.abc import Iterator

import numpy as np

from tests.wild.case import Case
from tests.wild.held.glue import from_torch

PACKAGE = "roma"


def cases() -> Iterator[Case]:
    import roma

    rng = np.random.default_rng(81)
    M, S = rng.normal(size=(2, 3, 3)), rng.normal(size=(2, 4, 4))
    mirrored = M * np.sign(np.linalg.det(M))[:, None, None] * -1
    turn, other = 0.7 * rng.normal(size=(2, 3)), 0.5 * rng.normal(size=(2, 3))
    quaternions = rng.normal(size=(2, 2, 4))
    functions = {
        "procrustes": (lambda M: roma.procrustes(M)[0], (M,)),
        "special_procrustes": (roma.special_procrustes, (M,)),
        "special_procrustes_unitquat": (roma.special_procrustes_unitquat, (M,)),
        "special_gramschmidt": (lambda M: roma.special_gramschmidt(M[..., :2]), (M,)),
        "symmatrix_to_projective_point": (
            lambda S: roma.symmatrix_to_projective_point(S + S.mT) ** 2,
            (S,),
        ),
        "rotvec_to_rotmat": (roma.rotvec_to_rotmat, (turn,)),
        "rotvec_to_unitquat": (roma.rotvec_to_unitquat, (turn,)),
        "unitquat_to_rotmat": (
            lambda q: roma.unitquat_to_rotmat(roma.quat_normalize(q)),
            (quaternions[0],),
        ),
        "unitquat_to_rotvec": (
            lambda q: roma.unitquat_to_rotvec(roma.quat_normalize(q)),
            (quaternions[0],),
        ),
        "rotmat_to_rotvec": (lambda r: roma.rotmat_to_rotvec(roma.rotvec_to_rotmat(r)), (turn,)),
        "quat_product": (roma.quat_product, tuple(quaternions)),
        "quat_action": (lambda q, v: roma.quat_action(q, v), (quaternions[0], other)),
        "rotmat_geodesic_distance": (
            lambda a, b: roma.rotmat_geodesic_distance(*map(roma.rotvec_to_rotmat, (a, b))),
            (turn, other),
        ),
        "unitquat_slerp": (
            lambda p, q: roma.unitquat_slerp(
                roma.quat_normalize(p), roma.quat_normalize(q), p.new_tensor([0.3])
            ),
            tuple(quaternions),
        ),
    }
    for name, (function, arguments) in functions.items():
        yield Case(PACKAGE, name, from_torch(function), arguments)
    for name in ("procrustes", "special_procrustes"):
        yield Case(PACKAGE, name, from_torch(functions[name][0]), (mirrored,), "mirrored")
    for name in ("rotvec_to_rotmat", "rotvec_to_unitquat", "rotmat_to_rotvec"):
        pair = from_torch(functions[name][0])
        yield Case(PACKAGE, name, pair, (1e-4 * turn,), "small")
        if name != "rotmat_to_rotvec":
            yield Case(PACKAGE, name, pair, (np.zeros((1, 3)),), "zero")
