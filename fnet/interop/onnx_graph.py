"""A model of ONNX as it grows: its nodes and constants. The package is optional."""

import importlib
from typing import Any

import numpy as np

from fnet.errors import ConfigurationError

OPSET = 20  # the first with Gelu


class Graph:
    """Nodes and constants, each named by its number. All numbers are float32.

    `package` is the module `onnx`.
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

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """The name of the output of a new node."""
        name = f"{operation}_{len(self.nodes)}"
        node = self.package.helper.make_node(operation, inputs, [name], name=name, **attributes)
        self.nodes.append(node)
        return name

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        """The name of a constant array."""
        array, name = np.ascontiguousarray(value, dtype), f"constant_{len(self.constants)}"
        self.constants.append(
            self.package.numpy_helper.from_array(array.reshape(np.shape(value)), name)
        )
        return name

    def written(self, shape: tuple[int, ...], outputs: dict[str, tuple[str, int]]) -> bytes:
        """The file of the model from `input`, (N, *shape), to outputs: (name here, axes)."""
        helper, kind = self.package.helper, self.package.TensorProto.FLOAT
        for name, (inner, _) in outputs.items():
            self.nodes.append(helper.make_node("Identity", [inner], [name], name=name))
        given = helper.make_tensor_value_info("input", kind, ["N", *shape])
        made = [
            helper.make_tensor_value_info(name, kind, ["N", *[None] * (rank - 1)])
            for name, (_, rank) in outputs.items()
        ]
        graph = helper.make_graph(self.nodes, "fnet", [given], made, self.constants)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, producer_name="fnet", opset_imports=opsets, ir_version=10)
        self.package.checker.check_model(model, full_check=True)
        written: bytes = model.SerializeToString()
        return written
