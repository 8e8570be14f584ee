"""Arrays by their names in PyTorch, and which module there is which layer here."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fnet.errors import ConfigurationError, nearest
from fnet.interop.arrays import Unordered
from fnet.interop.packed import unpacked

COUNTER = "num_batches_tracked"  # of batches; nothing of PyTorch's that has a momentum reads it

ONE_LAYER = re.compile(r"(?:^|\.)l0$")  # that of a recurrent module of one, which is a layer here
REGISTERED = ("weight", "bias", "running_mean", "running_var")


def state_of(source: Any) -> Mapping[str, Any]:
    """The state_dict of a module, or that mapping itself, `unpacked`; raises ConfigurationError
    for anything else."""
    if callable(getattr(source, "state_dict", None)):
        source = source.state_dict()
    if not isinstance(source, Mapping):
        raise ConfigurationError(
            f"state is of type {type(source).__name__}; give a torch.nn.Module, its state_dict(), "
            "or what load_safetensors returns"
        )
    for name, value in source.items():
        if not isinstance(name, str) or isinstance(value, Mapping):
            raise ConfigurationError(
                f"state[{name!r}] is of type {type(value).__name__}; a state maps names of arrays "
                "to arrays: of a checkpoint, give the part that does, such as its 'state_dict'"
            )
    return unpacked(source)


def module_names(state: Any) -> tuple[str, ...]:
    """The modules of a PyTorch state that have arrays of their own, in its order.

    `state` is a module, its state_dict(), or any mapping of such names. This is the form in which
    `from_torch` and `to_torch` take `names`. The layers of a recurrent module are modules here,
    "lstm.l0", "lstm.l0_reverse", "lstm.l1", and so are the maps of attention, "attn.in_proj.q".

    >>> module_names({"conv.weight": 0, "conv.bias": 0, "head.fc.weight": 0})
    ('conv', 'head.fc')
    """
    return tuple(dict.fromkeys(name.rpartition(".")[0] for name in state_of(state)))


def matched(
    wanted: Mapping[str, Any],
    state: Mapping[str, Any],
    names: Mapping[str, str] | Sequence[str] | None,
    described: Callable[[str], str],
) -> dict[str, str]:
    """For each module of `wanted`, in the order of the layers, its name in the state.

    By `names` if there are; else by name where both have the same; else in order. Raises
    ConfigurationError where that is not possible.
    """
    given = module_names(state)
    if names is not None:
        return named(wanted, names)
    own = {ONE_LAYER.sub("", name): name for name in given}
    if set(own) == set(wanted):
        return {name: own[name] for name in wanted}
    order = _in_order(state, given)
    if order is None:
        raise ConfigurationError(
            "the state is not in the order of the layers (a .safetensors file sorts its names), so "
            "that modules must be named: names=(...), in the order of the model's layers:\n"
            f"{_table(wanted, described)}\n"
            f"and the state has {', '.join(sorted(given, key=_natural))}"
        )
    if len(order) != len(wanted):
        lines = _table(wanted, described, order)
        raise ConfigurationError(
            f"the model has {len(wanted)} modules with weights and the state {len(order)}; side by "
            f"side, in order:\n{lines}\nGive a model or a state without the others; what a model "
            "adds, such as a new last layer, follows in a serial(...) around it"
        )
    return dict(zip(wanted, order, strict=True))


def named(wanted: Iterable[str], names: Any) -> dict[str, str]:
    """For each of the wanted modules its name in `names`, a mapping or in the same order."""
    wanted = list(wanted)
    if isinstance(names, Mapping):
        for name in names:
            if name not in wanted:
                raise ConfigurationError(
                    f"names: the model has no layer {name!r}; it has {', '.join(map(repr, wanted))}"
                    f"{nearest(str(name), wanted)}"
                )
        missing = [name for name in wanted if name not in names]
        if missing:
            raise ConfigurationError(f"names: {', '.join(map(repr, missing))} missing; give all")
        found = {name: names[name] for name in wanted}
    elif isinstance(names, str) or len(names) != len(wanted):
        raise ConfigurationError(
            f"names is {names!r}, and the model has {len(wanted)} modules with weights: "
            f"{', '.join(map(repr, wanted))}; give a name for each"
        )
    else:
        found = dict(zip(wanted, names, strict=True))
    twice = [name for name in found.values() if list(found.values()).count(name) > 1]
    if twice:
        raise ConfigurationError(f"names: {twice[0]!r} is there twice; a module is one layer")
    return found


def _in_order(state: Mapping[str, Any], given: tuple[str, ...]) -> tuple[str, ...] | None:
    """The modules in the order of the layers; None where the state does not say it."""
    if not isinstance(state, Unordered) and _registered(list(state)):
        return given
    by_number = all(part.isdecimal() for name in given for part in name.split("."))
    return tuple(sorted(given, key=_natural)) if by_number else None


def _registered(keys: list[str]) -> bool:
    """Whether names are in an order in which PyTorch may have registered them.

    A module's own arrays stand together, weight before bias, and numbered modules ascend.
    """
    seen: dict[str, int] = {}
    last: dict[str, int] = {}
    before = None
    for key in keys:
        module, _, entry = key.rpartition(".")
        if entry == COUNTER:
            continue
        rank = REGISTERED.index(entry) if entry in REGISTERED else seen.get(module, -1)
        if (module in seen and module != before) or rank < seen.get(module, -1):
            return False
        seen[module], before = rank, module
        parts = module.split(".")
        for place, part in enumerate(parts):
            parent = ".".join(parts[:place])
            if part.isdecimal():
                if int(part) < last.get(parent, -1):
                    return False
                last[parent] = int(part)
    return True


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts 2 before 10."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _table(
    wanted: Mapping[str, Any], described: Callable[[str], str], order: Sequence[str] = ()
) -> str:
    """One line per module: its place in the model, what it takes, and its name in the state."""
    ours = [f"{name or 'the model'}: {described(name)}" for name in wanted]
    rows = max(len(ours), len(order))
    ours += ["-"] * (rows - len(ours))
    theirs = [*order, *["-"] * (rows - len(order))]
    if not order:
        return "\n".join(f"  {line}" for line in ours)
    width = max(map(len, ours))
    return "\n".join(f"  {a.ljust(width)}  {b}" for a, b in zip(ours, theirs, strict=True))
