"""A model of ONNX as it grows: its nodes and constants. The package is optional."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fnet.errors import ConfigurationError
from fnet.interop.layouts import Place

OPSET = 20  # the first with Gelu
INPUT = "input"


class Graph:
    """Nodes and constants, each named by its number. Numbers are float32, but ids and places.

    `package` is the module `onnx`. `ids` says whether the input is ids, and `sized` whether some
    operation was made for the sizes of the input as they are.
    """

    def __init__(self) -> None:
        try:
            self.package = importlib.import_module("onnx")
        except ImportError:
            raise ConfigurationError(
                "to_onnx needs the package onnx: pip install 'fnet[onnx]'"
            ) from None
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.ids = self.sized = False

    def add(self, operation: str, *inputs: str, skipped: int = 0, **attributes: Any) -> str:
        """The name of the output of a new node, of the one after those `skipped`."""
        name = f"{operation}_{len(self.nodes)}"
        outputs = [*[""] * skipped, name]
        node = self.package.helper.make_node(operation, inputs, outputs, name=name, **attributes)
        self.nodes.append(node)
        return name

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        """The name of a constant array."""
        array, name = np.ascontiguousarray(value, dtype), f"constant_{len(self.constants)}"
        self.constants.append(
            self.package.numpy_helper.from_array(array.reshape(np.shape(value)), name)
        )
        return name

    def whole(self, value: Any) -> str:
        """The name of a constant of whole numbers, such as sizes and axes."""
        return self.constant(value, np.int64)

    def linear(self, x: str, w: Any, b: Any = None) -> str:
        """x wᵀ + b, along the last axis."""
        y = self.add("MatMul", x, self.constant(np.asarray(w).T))
        return y if b is None else self.add("Add", y, self.constant(b))

    def size(self, x: str, axis: int) -> str:
        """How long an array is along an axis, as an array of one number."""
        return self.add("Shape", x, start=axis, end=axis + 1)

    def places(self, x: str) -> str:
        """0, 1, ..., T − 1 for an array (N, T, ...)."""
        length = self.add("Squeeze", self.size(x, 1))
        return self.add("Range", self.whole(0), length, self.whole(1))

    def written(
        self,
        shape: tuple[int, ...],
        outputs: dict[str, tuple[str, int]],
        any_length: bool,
        metadata: Mapping[str, str],
    ) -> bytes:
        """The file of the model from `input`, (N, *shape), to outputs: (name here, axes).

        With `any_length` the first size of the shape is free, too, and is called T.
        """
        helper, kinds = self.package.helper, self.package.TensorProto
        for name, (inner, _) in outputs.items():
            self.nodes.append(helper.make_node("Identity", [inner], [name], name=name))
        sizes = ["N", *(["T", *shape[1:]] if any_length else shape)]
        given = helper.make_tensor_value_info(
            INPUT, kinds.INT64 if self.ids else kinds.FLOAT, sizes
        )
        made = [
            helper.make_tensor_value_info(name, kinds.FLOAT, ["N", *[None] * (rank - 1)])
            for name, (_, rank) in outputs.items()
        ]
        graph = helper.make_graph(self.nodes, "fnet", [given], made, self.constants)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, producer_name="fnet", opset_imports=opsets, ir_version=10)
        helper.set_model_props(model, dict(metadata))
        self.package.checker.check_model(model, full_check=True)
        written: bytes = model.SerializeToString()
        return written


Emit = Callable[[Graph, Place, dict[str, Any], str], str]  # of a layer, with its arguments, on x
