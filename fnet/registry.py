"""Every constructor that a configuration may name, and every registered example."""

from collections.abc import Iterator
from typing import Any

from fnet import compose, initializers, layers, losses, optimizers, solvers
from fnet.core.values import is_constructor, read
from fnet.data import augmentation, transforms

# Solvers stand where an optimizer does: in `descend`, and in a checkpoint.
SOLVERS: dict[str, Any] = {
    name: vars(solvers)[name]
    for name in ("strong_wolfe", *(text.split("(")[0] for text in solvers.EXAMPLES))
}

VOCABULARY: dict[str, dict[str, Any]] = {
    "model": {**vars(initializers), **vars(layers), **vars(compose)},
    "loss": vars(losses),
    "optimizer": {**SOLVERS, **vars(optimizers.schedules), **vars(optimizers)},
    "transform": vars(transforms),
    "augmentation": vars(augmentation),
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "model": {**layers.EXAMPLES, **compose.EXAMPLES},
    "loss": losses.EXAMPLES,
    "optimizer": dict.fromkeys(optimizers.EXAMPLES),
}

LARGE: dict[str, Any] = {**layers.LARGE, **compose.LARGE}  # models of a size that is worth timing


def names(kind: str) -> list[str]:
    """The constructors of models, losses, optimizers, transforms or augmentations, by name.

    >>> names("transform")
    ['compose', 'fill_missing', 'flatten', 'normalize', 'rescale']
    """
    known = VOCABULARY[kind]
    made = [name for name, value in known.items() if is_constructor(value)]
    others = {*vars(initializers), *vars(optimizers.schedules), *SOLVERS}
    return sorted(set(made) - others)


def examples(kind: str) -> Iterator[tuple[Any, Any]]:
    """Each registered example of this kind, and what it takes.

    >>> next(examples("model"))
    (affine(3), (7,))
    """
    for text, takes in EXAMPLES[kind].items():
        yield read(text, VOCABULARY[kind]), takes


def examples_of(name: str) -> list[tuple[str, Any]]:
    """How the examples of the constructor of this name are written, and what they take.

    >>> examples_of("gelu")
    [('gelu()', (3, 7)), ('gelu(approximate=True)', (3, 7))]
    """
    return [
        (text, takes)
        for registered in EXAMPLES.values()
        for text, takes in registered.items()
        if text.split("(")[0] == name
    ]
