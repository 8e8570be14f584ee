"""Names that other libraries have: asked for here, they are answered by fnet's own."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn

from fnet.errors import nearest

# Of names without capitals, underscores and the number of axes; calls of fnet.
ELSEWHERE = {
    "dense": "layers.affine(width)",
    "linear": "layers.affine(width)",
    "fullyconnected": "layers.affine(width)",
    "identity": "serial()",
    "convolution": "layers.conv(channels)",
    "convtransposed": "layers.conv_transpose(channels)",
    "maxpooling": "layers.max_pool()",
    "averagepooling": "layers.avg_pool()",
    "meanpool": "layers.avg_pool()",
    "batchnormalization": "layers.batch_norm()",
    "layernormalization": "layers.layer_norm()",
    "groupnormalization": "layers.group_norm()",
    "swish": "layers.silu()",
    "multiheadattention": "layers.attention(heads)",
    "sequential": "serial(*layers)",
    "chain": "serial(*layers)",
    "crossentropyloss": "losses.cross_entropy()",
    "categoricalcrossentropy": "losses.cross_entropy()",
    "sparsecategoricalcrossentropy": "losses.cross_entropy()",
    "softmaxcrossentropy": "losses.cross_entropy()",
    "binarycrossentropy": "losses.bce_with_logits()",
    "bcewithlogitsloss": "losses.bce_with_logits()",
    "bceloss": "losses.bce()",
    "mseloss": "losses.mse()",
    "meansquarederror": "losses.mse()",
    "mae": "losses.l1()",
    "meanabsoluteerror": "losses.l1()",
    "train": "training.fit(model, loss, optimizer, train, val, epochs=...)",
    "checkgradient": "check.check_gradients(forward, backward, x)",
    "gradcheck": "check.check_gradients(forward, backward, x)",
    "dataset": 'data.memory({"image": x, "label": y})',
    "dataloader": "data.batches(dataset, batch_size)",
    "plots": "plots, after import fnet.plots",
    "interop": "interop, after import fnet.interop",
    "save": "checkpoint.save(path, Checkpoint(model, loss, optimizer, shape, record))",
    "load": "checkpoint.load(path)",
}


def answering(module: str, names: Mapping[str, str]) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a module, which says which of these `written` names is meant.

    >>> answer = answering("fnet.layers", written(layers=["conv", "relu"]))
    >>> for name in ("Conv2d", "Dense", "covn"):
    ...     try:
    ...         answer(name)
    ...     except AttributeError as error:
    ...         print(error)
    fnet.layers has no Conv2d: it is fnet.layers.conv
    fnet.layers has no Dense: it is fnet.layers.affine(width)
    fnet.layers has no covn; did you mean conv?
    """

    def attribute(name: str) -> NoReturn:
        plain = {_plain(known): call for known, call in names.items()}
        meant = names.get(name) or plain.get(_plain(name)) or ELSEWHERE.get(_plain(name))
        hidden = name.startswith("_")  # asked for by Python and its tools
        said = f": it is fnet.{meant}" if meant else "" if hidden else nearest(name, names)
        raise AttributeError(f"{module} has no {name}{said}", name=name)

    return attribute


def written(**rooms: Iterable[str]) -> dict[str, str]:
    """The names of these rooms, and how each is written.

    >>> written(layers=["relu"], losses=["mse"])
    {'relu': 'layers.relu', 'mse': 'losses.mse'}
    """
    return {name: f"{room}.{name}" for room, names in rooms.items() for name in names}


def _plain(name: str) -> str:
    """A name without its number of axes, underscores and capitals."""
    return re.sub(r"_?[123]d$", "", name.lower()).replace("_", "")
