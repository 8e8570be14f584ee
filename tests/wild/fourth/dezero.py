"""dezero: functions of a book, which keep their inputs for `backward`."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case
from tests.wild.fourth.glue import with_old_names

PACKAGE = "dezero"


def of_variables(function: Callable[..., Any]) -> Pair:
    """A function of variables, and what its `backward` leaves in them."""
    from dezero import Variable

    def run(arrays: Any) -> tuple[list[Any], Any]:
        given = [Variable(np.array(array)) for array in arrays]
        return given, function(*given)

    def backward(dout: Any, arrays: Any) -> Any:
        given, out = run(arrays)
        out.grad = Variable(np.array(dout))
        out.backward()
        return tuple(variable.grad.data for variable in given)

    return Pair(lambda *arrays: (run(arrays)[1].data, arrays), backward)


def cases() -> Iterator[Case]:
    with_old_names()
    import dezero.functions as of
    from dezero import functions_conv as on_images

    rng = np.random.default_rng(42)
    x, y, p = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.uniform(0.2, 0.8, (3, 4))
    image, W, b = rng.normal(size=(1, 2, 4, 4)), rng.normal(size=(3, 2, 2, 2)), rng.normal(size=3)
    labels = np.array([0, 3, 1])
    hits = np.array([[0, 1, 1, 0]] * 3)
    for name, function, arrays in (
        ("sin", of.sin, (x,)), ("cos", of.cos, (x,)), ("tanh", of.tanh, (x,)),
        ("exp", of.exp, (x,)), ("log", of.log, (p,)), ("sigmoid", of.sigmoid, (x,)),
        ("relu", of.relu, (x,)), ("leaky_relu", of.leaky_relu, (x,)),
        ("softmax", of.softmax, (x,)), ("log_softmax", of.log_softmax, (x,)),
        ("softmax, axis 0", lambda x: of.softmax(x, axis=0), (x,)),
        ("log_softmax, axis 0", lambda x: of.log_softmax(x, axis=0), (x,)),
        ("max", lambda x: of.max(x, axis=1), (x,)), ("min", lambda x: of.min(x, axis=0), (x,)),
        ("clip", lambda x: of.clip(x, -0.5, 0.5), (x,)),
        ("sum", lambda x: of.sum(x, axis=1, keepdims=True), (x,)),
        ("sum_to", lambda x: of.sum_to(x, (1, 4)), (x,)),
        ("broadcast_to", lambda x: of.broadcast_to(x, (3, 4)), (x[:1],)),
        ("matmul", of.matmul, (x, y.T.copy())), ("linear", of.linear, (x, y.T.copy(), b)),
        ("transpose", of.transpose, (x,)), ("get_item", lambda x: x[[0, 0, 2]], (x,)),
        ("div", lambda x, y: x / y, (x, p)), ("pow", lambda x: x**3, (x,)),
        ("mul, broadcast", lambda x, y: x * y, (x, y[0])),
        ("mean_squared_error", of.mean_squared_error, (x, y)),
        ("softmax_cross_entropy", lambda x: of.softmax_cross_entropy(x, labels), (x,)),
        ("softmax_cross_entropy_simple",
         lambda x: of.softmax_cross_entropy_simple(x, labels), (x,)),
        ("sigmoid_cross_entropy", lambda x: of.sigmoid_cross_entropy(x, hits), (x,)),
        ("binary_cross_entropy", lambda p: of.binary_cross_entropy(p, hits), (p,)),
        ("embed_id", lambda W: of.embed_id(np.array([1, 0, 1]), W), (x,)),
        ("batch_nrom", lambda x, g, b: of.batch_nrom(x, g, b, np.zeros(4), np.ones(4)),
         (x, p[0], y[0])),
        ("conv2d", lambda x, W, b: on_images.conv2d(x, W, b, stride=2, pad=1), (image, W, b)),
        ("deconv2d", lambda x, W, b: on_images.deconv2d(x, W, b, stride=2),
         (image, W.transpose(1, 0, 2, 3).copy(), b)),
        ("conv2d_simple", on_images.conv2d_simple, (image, W, b)),
        ("pooling", lambda x: on_images.pooling(x, 2, 2), (image,)),
        ("average_pooling", lambda x: on_images.average_pooling(x, 3, 2, 1), (image,)),
        ("im2col", lambda x: on_images.im2col(x, 2, 2), (image,)),
    ):  # fmt: skip
        yield Case(PACKAGE, name, of_variables(function), arrays)
    ties = np.array([[1.0, 2.0, 2.0], [0.0, 0.0, 0.0]])
    yield Case(PACKAGE, "max", of_variables(lambda x: of.max(x, axis=1)), (ties,), "ties")
    yield Case(PACKAGE, "relu", of_variables(of.relu), (np.array([[0.0, 1.0, -1.0]]),), "zero")
    ends = np.array([[-0.5, 0.5, 0.2]])
    clip = of_variables(lambda x: of.clip(x, -0.5, 0.5))
    yield Case(PACKAGE, "clip", clip, (ends,), "at its ends")
    big = np.array([[-800.0, 3.0, 800.0]])
    yield Case(PACKAGE, "sigmoid", of_variables(of.sigmoid), (big,), "far")
