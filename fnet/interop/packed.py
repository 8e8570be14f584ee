"""What PyTorch packs: a recurrent layer is a number in names and has two biases, and the linear
maps of attention are one array. Taken apart, each layer and each map is a module."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fnet.interop.arrays import Unordered, as_numpy

LAYER = re.compile(r"(?:(.*)\.)?weight_ih_(l\d+(?:_reverse)?)")
OF_LAYER = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
PROJECTED = re.compile(r"(?:(.*)\.)?(?:in_proj|q_proj)_weight")
OF_ATTENTION = (
    *("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_bias"),
)
PART = re.compile(r"(?:(.*)\.)?(l\d+(?:_reverse)?|in_proj\.[qkv])")  # a module that is none there


def unpacked(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state with a module for each recurrent layer, and for each linear map of attention.

        lstm.weight_ih_l0           ->  lstm.l0.weight_ih
        lstm.bias_ih_l0, bias_hh_l0 ->  lstm.l0.bias, their sum
        attn.in_proj_weight         ->  attn.in_proj.q.weight, ... k.weight, ... v.weight

    The second bias of a GRU's candidate, which is reset, stays by itself: bias_hn.

    >>> w, u, b = np.ones((12, 2)), np.ones((12, 3)), np.ones(12)
    >>> names = "rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0"
    >>> found = unpacked(dict(zip(names, (w, u, b, b))))
    >>> list(found), found["rnn.l0.bias"][0].tolist()
    (['rnn.l0.weight_ih', 'rnn.l0.weight_hh', 'rnn.l0.bias'], 2.0)
    """
    found: dict[str, Any] = Unordered() if isinstance(state, Unordered) else {}
    taken: set[str] = set()
    for name, value in state.items():
        layer, projected = LAYER.fullmatch(name), PROJECTED.fullmatch(name)
        match = layer or projected
        if match is None:
            found[name] = value
            continue
        module = match[1] or ""
        within = f"{module}." if module else ""
        number = f"_{layer[2]}" if layer else ""
        keys = {each: f"{within}{each}{number}" for each in (OF_LAYER if layer else OF_ATTENTION)}
        parts = {each: as_numpy(key, state[key]) for each, key in keys.items() if key in state}
        taken |= {keys[each] for each in parts}
        entries = _of_layer(parts) if layer else _of_attention(parts)
        prefix = f"{within}{layer[2]}" if layer else f"{within}in_proj"
        found |= {f"{prefix}.{entry}": array for entry, array in entries}
    for name in taken:  # a .safetensors file has biases before weights
        found.pop(name, None)
    return found if taken else state


def packed(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The inverse of `unpacked`: the first bias of a recurrent layer is the sum, the second 0 but
    where it is reset.

    >>> list(packed({"1.weight_ih": np.ones((3, 2)), "1.weight_hh": np.ones((3, 3))}))
    ['1.weight_ih_l0', '1.weight_hh_l0']
    """
    found: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        module, _, entry = name.rpartition(".")
        recurrent = (f"{module}." if module else "") + "weight_ih" in arrays
        if recurrent:
            match = PART.fullmatch(module)
            base, number = (match[1] or "", match[2]) if match else (module, "l0")
            within = f"{base}." if base else ""
            for own, part in _biases(entry, array, arrays.get(f"{name}_hn")):
                found[f"{within}{own}_{number}"] = part
        elif module.endswith("in_proj.q"):
            found |= _joined(name, arrays)
        elif not module.endswith(("in_proj.k", "in_proj.v")):
            found[name] = array
    return found


def _of_layer(parts: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    w, u, first, second, shown = map(parts.get, OF_LAYER)
    for name, array in (("weight_ih", w), ("weight_hh", u)):
        if array is not None:
            yield name, array
    if first is not None and second is not None:
        width = 0 if u is None else u.shape[1]
        gru = shown is None and len(first) == 3 * width
        bias = first + second
        if gru:
            bias[-width:] = first[-width:]
        yield "bias", bias
        if gru:
            yield "bias_hn", second[-width:]
    if shown is not None:
        yield "weight_hr", shown


def _of_attention(parts: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    whole, *weights, bias = map(parts.get, OF_ATTENTION)
    if whole is not None:
        third = len(whole) // 3
        weights = list(np.split(whole, (third, 2 * third)))
    first, second, _ = (0 if weight is None else len(weight) for weight in weights)
    biases = [None] * 3 if bias is None else np.split(bias, (first, first + second))
    for part, weight, own in zip("qkv", weights, biases, strict=True):
        for entry, array in (("weight", weight), ("bias", own)):
            if array is not None:
                yield f"{part}.{entry}", array


def _biases(
    entry: str, array: np.ndarray, reset: np.ndarray | None
) -> Iterator[tuple[str, np.ndarray]]:
    if entry == "bias":
        second = np.zeros_like(array)
        if reset is not None:
            second[-len(reset) :] = reset
        yield from (("bias_ih", array), ("bias_hh", second))
    elif entry != "bias_hn":
        yield entry, array


def _joined(name: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The three maps of attention, of this entry: one array where their inputs are of one size."""
    base, _, entry = name.partition("in_proj.q.")
    three = [arrays[f"{base}in_proj.{part}.{entry}"] for part in "qkv"]
    if entry == "bias" or len({each.shape for each in three}) == 1:
        return {f"{base}in_proj_{entry}": np.concatenate(three)}
    return {f"{base}{part}_proj_{entry}": each for part, each in zip("qkv", three, strict=True)}
