"""JAX MD: coordinates and rotations with their own rules, and energies of pairs."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case

PACKAGE = "jax-md"


def _case(name: str, subject: Any, *arguments: Any, label: str = "") -> Case:
    return Case(PACKAGE, name, subject, arguments, label)


def cases() -> Iterator[Case]:
    from jax_md import energy, quantity, rigid_body, space
    from jax_md.mm_forcefields.reaxff import reaxff_helper

    rng = np.random.default_rng(22)
    box, R = np.eye(3) * 4 + 0.2 * rng.normal(size=(3, 3)), rng.uniform(size=(4, 3))
    box = np.triu(box)
    yield _case("space.transform", space.transform, box, R, label="rule in real space, on purpose")
    yield _case("space.raw_transform", space.raw_transform, box, R)
    yield _case("reaxff.safe_sqrt", reaxff_helper.safe_sqrt, np.array([0.2, 1.0, 9.0]))
    yield _case("reaxff.safe_sqrt", reaxff_helper.safe_sqrt, np.array([0.0, 1.0]), label="0")
    q = rng.normal(size=4)
    q = q / np.linalg.norm(q)
    v = rng.normal(size=3)
    rotate = rigid_body._quaternion_rotate
    yield _case("rigid_body.quaternion_rotate", rotate, q, v, label="tangent rule, on purpose")
    r = np.array([0.7, 0.95, 1.3, 2.0])
    yield _case("energy.lennard_jones", energy.lennard_jones, r)
    yield _case("energy.morse", energy.morse, r)
    yield _case("energy.soft_sphere", energy.soft_sphere, r)
    smooth = energy.multiplicative_isotropic_cutoff(energy.lennard_jones, 1.1, 1.8)
    yield _case("energy.multiplicative_isotropic_cutoff", smooth, r)
    yield _case("energy.dsf_coulomb", lambda r, q: energy.dsf_coulomb(r, q), r, r - 1)
    yield _case("quantity.cosine_angle_between_two_vectors",
                quantity.cosine_angle_between_two_vectors, R[0], R[1])  # fmt: skip
    displacement, _ = space.periodic(2.0)
    total = energy.soft_sphere_pair(displacement, sigma=0.9)
    yield _case("energy.soft_sphere_pair", lambda R: total(2 * R), R)
    yield _case("space.distance", space.distance, R[1:] - R[:1])
    yield _case("space.distance", space.distance, 0 * R[:2], label="0")
