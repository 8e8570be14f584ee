"""pinocchio: dynamics of a robot with analytical derivatives, exponentials of rotations."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case
from tests.wild.glue import by_jacobian, two_functions

PACKAGE = "pin"


def cases() -> Iterator[Case]:
    import pinocchio as pin

    rng = np.random.default_rng(56)
    q, v, a = rng.normal(size=(3, 6))
    model = pin.buildSampleModelManipulator()

    def data() -> Any:
        return model.createData()

    def of_all(value: Any, slopes: Any) -> Pair:
        def backward(dout: Any, arrays: Any) -> Any:
            kept = data()  # what is returned lies in it
            return tuple(np.asarray(dout) @ each for each in slopes(model, kept, *arrays))

        return Pair(lambda *arrays: (np.array(value(model, data(), *arrays)), arrays), backward)

    yield Case(PACKAGE, "computeRNEADerivatives", of_all(pin.rnea, _inverse(pin)), (q, v, a))
    yield Case(
        PACKAGE, "computeABADerivatives", of_all(pin.aba, pin.computeABADerivatives), (q, v, a)
    )
    still = np.zeros(6)
    yield Case(
        PACKAGE,
        "computeRNEADerivatives",
        of_all(pin.rnea, _inverse(pin)),
        (q, still, still),
        "at rest",
    )
    gravity = by_jacobian(
        lambda q: np.array(pin.computeGeneralizedGravity(model, data(), q)),
        lambda q: pin.computeGeneralizedGravityDerivatives(model, data(), q),
    )
    yield Case(PACKAGE, "computeGeneralizedGravityDerivatives", gravity, (q,))
    height = two_functions(
        lambda q: pin.computePotentialEnergy(model, data(), q),
        lambda q: np.array(pin.computeGeneralizedGravity(model, data(), q)),
    )
    yield Case(PACKAGE, "computeGeneralizedGravity", height, (q,))
    centre = by_jacobian(
        lambda q: np.array(pin.centerOfMass(model, data(), q)),
        lambda q: np.array(pin.jacobianCenterOfMass(model, data(), q)),
    )
    yield Case(PACKAGE, "jacobianCenterOfMass", centre, (q,))
    yield Case(PACKAGE, "getFrameJacobian", by_jacobian(*_hand(pin, model)), (q,))
    yield from _groups(pin, rng)


def _inverse(pin: Any) -> Any:
    def slopes(model: Any, data: Any, q: Any, v: Any, a: Any) -> Any:
        by_q, by_v, mass = pin.computeRNEADerivatives(model, data, q, v, a)
        return by_q, by_v, np.triu(mass) + np.triu(mass, 1).T

    return slopes


def _hand(pin: Any, model: Any) -> Any:
    frame = model.nframes - 1

    def position(q: Any) -> Any:
        data = model.createData()
        pin.framesForwardKinematics(model, data, q)
        return np.array(data.oMf[frame].translation)

    def jacobian(q: Any) -> Any:
        data = model.createData()
        around = pin.ReferenceFrame.LOCAL_WORLD_ALIGNED
        return np.array(pin.computeFrameJacobian(model, data, q, frame, around))[:3]

    return position, jacobian


def _groups(pin: Any, rng: Any) -> Iterator[Case]:
    """Their Jacobians are in the frame of the moved body."""
    turn, screw = rng.normal(size=3), rng.normal(size=6)
    for label, scale in (("", 1.0), ("small", 1e-4), ("at zero", 0.0)):
        yield Case(PACKAGE, "Jexp3", by_jacobian(*_rotation(pin)), (scale * turn,), label)
        yield Case(PACKAGE, "Jexp6", by_jacobian(*_motion(pin)), (scale * screw,), label)
        roundtrip = by_jacobian(
            lambda w: pin.log3(pin.exp3(w) @ pin.exp3(turn)), _log_slopes(pin, turn)
        )
        yield Case(PACKAGE, "Jlog3", roundtrip, (scale * turn[::-1],), label)


def _rotation(pin: Any) -> Any:
    def value(w: Any) -> Any:
        return np.array(pin.exp3(np.array(w))).ravel()

    def slopes(w: Any) -> Any:
        R = pin.exp3(np.array(w))
        moved = [R @ pin.skew(one) for one in np.array(pin.Jexp3(np.array(w))).T]
        return np.stack([one.ravel() for one in moved], 1)

    return value, slopes


def _motion(pin: Any) -> Any:
    def value(xi: Any) -> Any:
        return np.array(pin.exp6(pin.Motion(np.array(xi))).homogeneous)[:3].ravel()

    def slopes(xi: Any) -> Any:
        M = np.array(pin.exp6(pin.Motion(np.array(xi))).homogeneous)
        columns = []
        for one in np.array(pin.Jexp6(pin.Motion(np.array(xi)))).T:
            hat = np.zeros((4, 4))
            hat[:3, :3], hat[:3, 3] = pin.skew(one[3:]), one[:3]
            columns.append((M @ hat)[:3].ravel())
        return np.stack(columns, 1)

    return value, slopes


def _log_slopes(pin: Any, turn: Any) -> Any:
    def slopes(w: Any) -> Any:
        after = pin.exp3(turn)
        R = pin.exp3(np.array(w)) @ after
        return np.array(pin.Jlog3(R)) @ after.T @ np.array(pin.Jexp3(np.array(w)))

    return slopes
