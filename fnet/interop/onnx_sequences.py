"""Embeddings, positions, attention and recurrences as operations of ONNX.

Of a sequence's length nothing is kept: places are counted when the model runs."""

import math
from typing import Any

import numpy as np

from fnet.errors import ConfigurationError
from fnet.interop.calls import call_of
from fnet.interop.layouts import Place
from fnet.interop.onnx_graph import INPUT, Emit, Graph
from fnet.layers import attention, embedding, gru, learned_positions, lstm, positional_encoding, rnn
from fnet.layers import rope as turning


def _embedding(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    if x != INPUT:
        raise ConfigurationError(
            f"to_onnx: {place.layer} takes whole numbers, and what it is given here was computed; "
            "give the model its ids as they are: no transform, and no layer before"
        )
    graph.ids = True
    table = np.array(place.params.w, np.float32)
    if given["padding"] is not None:
        table[given["padding"]] = 0
    return graph.add("Gather", graph.constant(table), x)


def _learned(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    table, first, axis = graph.constant(place.params.w), graph.whole([0]), graph.whole([0])
    return graph.add("Add", x, graph.add("Slice", table, first, graph.size(x, 1), axis))


def _angles(graph: Graph, x: str, powers: np.ndarray, base: float) -> str:
    """t / pow(base, power), (T, powers), in float64."""
    steps = graph.add("Cast", graph.places(x), to=graph.package.TensorProto.DOUBLE)
    column = graph.add("Unsqueeze", steps, graph.whole([1]))
    return graph.add("Div", column, graph.constant(base**powers, np.float64))


def _waves(graph: Graph, angles: str) -> list[str]:
    """Cosines and sines, in float32."""
    to = graph.package.TensorProto.FLOAT
    return [graph.add("Cast", graph.add(wave, angles), to=to) for wave in ("Cos", "Sin")]


def _encoding(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    width = place.input.shape[-1]
    cos, sin = _waves(graph, _angles(graph, x, np.arange(0, width, 2) / width, given["base"]))
    last = graph.whole([-1])
    pairs = [graph.add("Unsqueeze", wave, last) for wave in (sin, cos)]
    flat = graph.add("Reshape", graph.add("Concat", *pairs, axis=-1), graph.whole([0, -1]))
    return graph.add(
        "Add", x, graph.add("Slice", flat, graph.whole([0]), graph.whole([width]), last)
    )


def _rope(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    return _turned(graph, given, place.input.shape, x)


def _turned(graph: Graph, given: dict[str, Any], shape: tuple[int, ...], x: str) -> str:
    """x (N, *shape) turned by the rope of these arguments."""
    half, between = shape[-1] // 2, shape[1:-1]
    waves = _waves(graph, _angles(graph, x, np.arange(half) / half, given["base"]))
    sizes = graph.whole([0, *[1] * len(between), half])
    cos, sin = (graph.add("Reshape", wave, sizes) for wave in waves)
    axis, pair = (-1, (half, 2)) if given["pairs"] else (-2, (2, half))
    apart = graph.add("Reshape", x, graph.whole([0, 0, *between, *pair]))
    a, b = (graph.add("Gather", apart, graph.whole(side), axis=axis) for side in (0, 1))

    def products(first: str, second: str, join: str) -> str:
        both = graph.add("Mul", first, cos), graph.add("Mul", second, sin)
        return graph.add("Unsqueeze", graph.add(join, *both), graph.whole([axis]))

    turned = graph.add("Concat", products(a, b, "Sub"), products(b, a, "Add"), axis=axis)
    return graph.add("Reshape", turned, graph.whole([0, 0, *between, 2 * half]))


def _attention(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    """q: (N, K, G, T, d), k and v: (N, K, 1, T, d), for K groups of G heads, which share them."""
    heads, groups = given["heads"], given["kv_heads"] or given["heads"]
    d = len(place.params.q.w) // heads
    by_head = {"q": (groups, heads // groups, d), "k": (groups, 1, d), "v": (groups, 1, d)}

    def seen(part: str) -> str:
        sizes, own = by_head[part], graph.linear(x, *getattr(place.params, part))
        if part != "v" and given["rope"] is not None:
            own = _by_rope(graph, place, given["rope"], own, math.prod(sizes[:2]), d)
        apart = graph.add("Reshape", own, graph.whole([0, 0, *sizes]))
        return graph.add("Transpose", apart, perm=[0, 2, 3, *((4, 1) if part == "k" else (1, 4))])

    q, k, v = map(seen, "qkv")
    s = graph.add("MatMul", graph.add("Mul", q, graph.constant(1 / math.sqrt(d))), k)
    if given["softcap"] is not None:
        cap = graph.constant(given["softcap"])
        s = graph.add("Mul", graph.add("Tanh", graph.add("Div", s, cap)), cap)
    p = graph.add("Softmax", _hidden(graph, given, x, s), axis=-1)
    o = graph.add("Transpose", graph.add("MatMul", p, v), perm=[0, 3, 1, 2, 4])
    joined = graph.add("Reshape", o, graph.whole([0, 0, heads * d]))
    return graph.linear(joined, *place.params.out)


def _by_rope(graph: Graph, place: Place, rope: Any, x: str, heads: int, d: int) -> str:
    """x (N, T, heads d) by head, (N, T, heads, d), turned."""
    call = call_of(rope)
    if call.constructor is not turning:
        raise ConfigurationError(
            f"to_onnx: {place.layer} turns queries and keys by {rope}, which has no operations "
            "there; take rope()"
        )
    apart = graph.add("Reshape", x, graph.whole([0, 0, heads, d]))
    return _turned(graph, call.arguments, (0, heads, d), apart)


def _hidden(graph: Graph, given: dict[str, Any], x: str, scores: str) -> str:
    """The scores (..., T, T), −∞ where a query does not see a key."""
    if not given["causal"] and given["window"] is None:
        return scores
    places = graph.places(x)
    query, key = (graph.add("Unsqueeze", places, graph.whole([axis])) for axis in (1, 0))
    distance = graph.add("Sub", query, key)  # how far back the key is
    visible = []
    if given["causal"]:
        visible.append(graph.add("GreaterOrEqual", distance, graph.whole(0)))
    if given["window"] is not None:
        far = graph.add("Abs", distance)
        visible.append(graph.add("Less", far, graph.whole(given["window"])))
    seen = visible[0] if len(visible) == 1 else graph.add("And", *visible)
    return graph.add("Where", seen, scores, graph.constant(-np.inf))


def _recurrent(operation: str, gates: tuple[int, ...]) -> Emit:
    """Of an operation that has the gates of fnet in this order."""

    def emit(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
        learned = given["initial"] == "learned"
        cell = place.params.cell if learned else place.params
        if getattr(cell, "p", None) is not None:
            raise ConfigurationError(
                f"to_onnx: {place.layer} has a projection, and the {operation} there none: take "
                "lstm(width), and affine(projection, axes=1) after it"
            )
        width = cell.u.shape[1]
        w, u = (_gates(array, gates)[None] for array in (cell.w, cell.u))
        second = np.zeros(len(gates) * width)
        if getattr(cell, "c", None) is not None:
            second[-width:] = cell.c
        biases = np.concatenate((_gates(cell.b, gates), second))[None]
        first = graph.add("Transpose", x, perm=[1, 0, 2])
        own = [graph.constant(array) for array in (w, u, biases)]
        begin = _begun(graph, place.params.state, x) if learned else []
        more: dict[str, Any] = {"direction": "reverse"} if given["reverse"] else {}
        if operation == "RNN":
            more["activations"] = [given["activation"].capitalize()]
        if operation == "GRU":
            more["linear_before_reset"] = int(given["reset_after"])
        states = [""] if begin else []  # in place of lengths
        inputs, options = (first, *own, *states, *begin), {"hidden_size": width, **more}
        if given["last"]:
            y = graph.add(operation, *inputs, skipped=1, **options)  # (1, N, H)
            return graph.add("Squeeze", y, graph.whole([0]))
        y = graph.add("Squeeze", graph.add(operation, *inputs, **options), graph.whole([1]))
        return graph.add("Transpose", y, perm=[1, 0, 2])

    return emit


def _gates(array: Any, order: tuple[int, ...]) -> np.ndarray:
    parts = np.split(np.asarray(array), len(order))
    return np.concatenate([parts[number] for number in order])


def _begun(graph: Graph, state: Any, x: str) -> list[str]:
    """The arrays of a state (H,) for each example, (1, N, H)."""
    one = graph.whole([1])
    sizes = graph.add("Concat", one, graph.size(x, 0), one, axis=0)
    arrays = state if isinstance(state, tuple) else (state,)
    return [graph.add("Expand", graph.constant(np.asarray(a)[None, None]), sizes) for a in arrays]


TABLE: dict[Any, Emit] = {
    embedding: _embedding,
    learned_positions: _learned,
    positional_encoding: _encoding,
    turning: _rope,
    attention: _attention,
    rnn: _recurrent("RNN", (0,)),
    lstm: _recurrent("LSTM", (0, 3, 1, 2)),
    gru: _recurrent("GRU", (1, 0, 2)),
}
