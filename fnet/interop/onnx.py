"""Models of ONNX, which other runtimes take."""

from collections.abc import Iterator

import numpy as np
from chex import ArrayTree

from fnet.core import Layer, Loss, out_shape
from fnet.core.expect import require_shape
from fnet.data import transforms
from fnet.errors import ConfigurationError
from fnet.interop.onnx_graph import Graph
from fnet.interop.onnx_layers import emit
from fnet.interop.walk import check_params

SCORES = ("cross_entropy", "focal", "multiclass_hinge")  # whose classes are those of a softmax
LOGITS = ("bce_with_logits", "hinge", "squared_hinge")  # of the second of two classes


def to_onnx(
    model: Layer,
    shape: tuple[int, ...],
    params: ArrayTree,
    *,
    transform: transforms.Transform = transforms.compose(),
    loss: Loss | None = None,
) -> bytes:
    """The model in use as an .onnx file, from the input (N, *shape), float32, to the output.

    `shape` is that of one example before `transform`, which is part of the file, channels last as
    in fnet. With a classifier's loss there is a second output, `probabilities` (N, C); with
    `losses.standardized`, the output is in units of the target. Noise is left out, statistics are
    those observed, and all numbers are float32.

    Networks of dense layers, convolutions, pooling, batch norm, activations and residual blocks
    can be written. Raises ConfigurationError for any other layer or transform, and without the
    package onnx (`pip install 'fnet[onnx]'`).

    >>> import jax
    >>> import onnx
    >>> from fnet.models import convnet
    >>> model = convnet(10)
    >>> params, _ = model.init(jax.random.key(0), (32, 32, 3))
    >>> onnx.load_from_string(to_onnx(model, (32, 32, 3), params)).graph.output[0].name
    'output'
    """
    if not isinstance(model, Layer):
        raise ConfigurationError(
            f"to_onnx: model is {model!r}; it must be a Layer: relu(), not relu"
        )
    require_shape(shape)
    graph, x, inner = Graph(), "input", tuple(shape)
    for step in _steps(transform):
        x, inner = _transformed(graph, step, x, inner)
    check_params("to_onnx", model, inner, params)
    y = emit(graph, model, inner, params, x)
    rank = 1 + len(out_shape(model, inner))
    name = loss.made[0].__name__ if loss is not None and loss.made else ""
    if name == "standardized":
        assert loss is not None
        assert loss.estimate is not None
        mean = float(loss.estimate(np.zeros(1))[0])
        std = float(loss.estimate(np.ones(1))[0]) - mean
        y = graph.add("Add", graph.add("Mul", y, graph.constant(std)), graph.constant(mean))
    outputs = {"output": (y, rank)}
    if name in SCORES:
        outputs["probabilities"] = graph.add("Softmax", y, axis=-1), rank
    elif name == "bce" or name in LOGITS:
        p = y if name == "bce" else graph.add("Sigmoid", y)
        both = graph.add("Sub", graph.constant(1), p), p
        last = graph.constant([-1], np.int64)
        each = [graph.add("Unsqueeze", part, last) for part in both]
        outputs["probabilities"] = graph.add("Concat", *each, axis=-1), rank + 1
    return graph.written(tuple(shape), outputs)


def _steps(transform: transforms.Transform) -> Iterator[transforms.Transform]:
    """The transforms that this is composed of."""
    if transform.made and transform.made[0] is transforms.compose:
        for part in transform.made[1]:
            yield from _steps(part)
    else:
        yield transform


def _transformed(
    graph: Graph, step: transforms.Transform, x: str, shape: tuple[int, ...]
) -> tuple[str, tuple[int, ...]]:
    """Add a transform on x (N, *shape); returns its output and that one's shape."""
    if step.linear is not None:
        for operation, by in zip(("Sub", "Mul", "Add"), step.linear, strict=True):
            x = graph.add(operation, x, graph.constant(by))
        return x, shape
    name = step.made[0].__name__ if step.made else ""
    if name == "flatten":
        return graph.add("Flatten", x, axis=1), (int(np.prod(shape)),)
    if name == "fill_missing":
        values = graph.constant(step.made[1][0] if step.made[1] else step.made[2]["values"])
        return graph.add("Where", graph.add("IsNaN", x), values, x), shape
    raise ConfigurationError(
        f"to_onnx: the transform {step} has no operations there; leave it out, and give the model "
        "what it makes"
    )
