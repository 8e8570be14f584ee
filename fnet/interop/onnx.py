"""Models of ONNX, which other runtimes take."""

from collections.abc import Iterator, Mapping

import jax
import numpy as np
from chex import ArrayTree

from fnet.core import Layer, Loss, out_shape
from fnet.core.expect import require_one_array, require_shape
from fnet.data import transforms
from fnet.errors import ConfigurationError, FnetError
from fnet.interop.onnx_graph import INPUT, Graph
from fnet.interop.onnx_layers import emit
from fnet.interop.params import check_params, template


def to_onnx(
    model: Layer,
    shape: tuple[int, ...],
    params: ArrayTree,
    *,
    transform: transforms.Transform = transforms.compose(),
    loss: Loss | None = None,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """The model in use as an .onnx file, from the input (N, *shape), float32, to the output.

    `shape` is that of one example before `transform`, which is part of the file, channels last as
    in fnet. With a classifier's loss there is a second output, `probabilities` (N, C); with
    `losses.standardized`, the output is in units of the target. Noise is left out, statistics are
    those observed, and all numbers are float32. `metadata` are texts by name that go with it.

    A model that begins with an `embedding` takes ids, (N, T) int64. Where no weight depends on how
    long a sequence is, the file takes any length T, whatever `shape` says, as far as the model
    does: `learned_positions` end where they end.

    Networks of dense layers, convolutions, pooling, batch, layer and RMS norms, activations and
    gates, embeddings, positions, attention and recurrent layers can be written, in chains, residual
    blocks, `repeat`, `fan_out` and `tied`. Raises ConfigurationError for any other layer or
    transform, for a classifier's loss that is none of fnet's, and without the package onnx (`pip
    install 'fnet[onnx]'`), and ShapeError for a model of several inputs.

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
    require_one_array("to_onnx", shape)
    graph, x, inner = Graph(), INPUT, tuple(shape)
    for step in _steps(transform):
        x, inner = _transformed(graph, step, x, inner)
    check_params("to_onnx", model, inner, params)
    y, made = emit(graph, model, inner, params, x), out_shape(model, inner)
    if loss is not None and loss.estimate is not None and _name(loss) == "standardized":
        scaled = graph.add("Mul", y, graph.constant(loss.unit))
        y = graph.add("Add", scaled, graph.constant(loss.estimate(np.zeros(()))))
    outputs = {"output": (y, 1 + len(made))}
    if loss is not None and loss.probabilities is not None:
        given = jax.ShapeDtypeStruct((1, *made), np.float32)
        rank = len(jax.eval_shape(loss.probabilities, given).shape)
        outputs["probabilities"] = _probabilities(graph, loss, y), rank
    any_length = not graph.sized and inner == tuple(shape) and _takes_any_length(model, inner)
    return graph.written(tuple(shape), outputs, any_length, metadata or {})


def _takes_any_length(model: Layer, shape: tuple[int, ...]) -> bool:
    """Whether no weight depends on the first size of an example, that of a sequence."""
    if not shape:
        return False
    other = (shape[0] - 1 if shape[0] > 1 else 2, *shape[1:])
    try:
        ours, theirs = (
            jax.tree.map(lambda leaf: leaf.shape, template(model, each)) for each in (shape, other)
        )
    except FnetError:  # it takes no other size
        return False
    return bool(ours == theirs)


def _name(loss: Loss) -> str:
    """That of its constructor."""
    return str(loss.made[0].__name__) if loss.made else ""


def _probabilities(graph: Graph, loss: Loss, y: str) -> str:
    """Add what makes the probabilities of all classes of the model's output."""
    name = _name(loss)
    if name in ("cross_entropy", "linear_cross_entropy", "focal", "multiclass_hinge"):
        return graph.add("Softmax", y, axis=-1)
    if name == "nll":
        return graph.add("Exp", y)
    if name == "bce":
        both = graph.add("Sub", graph.constant(1), y), y
    elif name in ("bce_with_logits", "hinge", "squared_hinge", "dice", "tversky"):
        both = graph.add("Sigmoid", graph.add("Neg", y)), graph.add("Sigmoid", y)
    else:
        raise ConfigurationError(
            f"to_onnx: the probabilities of {loss} have no operations there; leave the loss out"
        )
    last = graph.constant([-1], np.int64)
    return graph.add("Concat", *(graph.add("Unsqueeze", part, last) for part in both), axis=-1)


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
