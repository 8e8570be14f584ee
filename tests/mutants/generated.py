"""Mistakes that a program plants: every small change to the gradients of fnet's own source."""

import ast
import copy
import dataclasses
import functools
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnet.core import Loss
from fnet.layers import affine
from tests.mutants.changes import alternatives, whole
from tests.mutants.planted import Built, Mutant, normal

ROOT = Path(__file__).parents[2] / "fnet"

Make = Callable[[types.ModuleType], Built]


def of_layer(make: Callable[[Any], Any], *shape: int) -> Make:
    return lambda module: (make(module), (shape,))


def of_loss(make: Callable[[Any], Any], *arguments: Any) -> Make:
    return lambda module: (make(module), arguments)


def squared(y: Any, target: Any) -> tuple[Any, Any]:
    return (y - target) ** 2, 2 * (y - target)


Y, T, ROWS = normal(5, 3), normal(5, 3, seed=1), np.array([True, False, True, True, False])
P, CHANCE = 0.2 + 0.6 * (Y > 0), np.random.default_rng(2).uniform(size=(5, 3))
LABELS = np.array([0, 2, 1, 1, 0], np.int32)

# Function by function, what runs its gradient: the first subject whose gradient changes is taken.
SITES: dict[tuple[str, str], tuple[Make, ...]] = {
    ("layers/activations.py", "relu"): (of_layer(lambda m: m.relu(), 3, 7),),
    ("layers/activations.py", "leaky_relu"): (of_layer(lambda m: m.leaky_relu(0.3), 3, 7),),
    ("layers/activations.py", "sigmoid"): (of_layer(lambda m: m.sigmoid(), 3, 7),),
    ("layers/activations.py", "tanh"): (of_layer(lambda m: m.tanh(), 3, 7),),
    ("layers/affine.py", "backward"): (of_layer(lambda m: m.affine(5), 7),),
    ("layers/penalties.py", "value_and_grad"): (
        of_layer(lambda m: dataclasses.replace(affine(5), penalty=m.l2_penalty("affine", 0.3)), 7),
    ),
    ("layers/reshape.py", "backward"): (
        of_layer(lambda m: m.flatten(), 2, 3),
        of_layer(lambda m: m.squeeze(), 7, 1),
    ),
    ("losses/regression.py", "mse"): (of_loss(lambda m: m.mse(), Y, T),),
    ("losses/binary.py", "bce"): (of_loss(lambda m: m.bce(), P, CHANCE),),
    ("losses/binary.py", "bce_with_logits"): (
        of_loss(lambda m: m.bce_with_logits(), Y, CHANCE),
        of_loss(lambda m: m.bce_with_logits(pos_weight=3.0), Y, CHANCE),
    ),
    ("losses/classes.py", "cross_entropy"): (of_loss(lambda m: m.cross_entropy(), Y, LABELS),),
    ("losses/pointwise.py", "reduce"): (
        of_loss(lambda m: m.pointwise_loss(squared, "squared", "mean"), Y, T),
        of_loss(lambda m: m.pointwise_loss(squared, "squared", "mean"), Y, T, ROWS),
    ),
}


class Change(NamedTuple):
    """One change of one expression: what it became, and the kinds that name it."""

    name: str
    file: str
    kinds: frozenset[str]
    tree: ast.Module
    makes: tuple[Make, ...]


def gradients_in(function: ast.AST) -> Iterator[ast.expr]:
    """The expressions of the gradient: assigned to dx or dy, returned, or a lambda's of dy."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("dx", "dy"):
            yield node.value
        elif isinstance(node, ast.Lambda) and [a.arg for a in node.args.args] == ["y", "dy"]:
            yield node.body
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            for part in node.value.elts if function.name == "backward" else node.value.elts[1:]:
                if not isinstance(part, ast.Name | ast.Tuple):
                    yield part
        elif isinstance(node, ast.Return) and ast.unparse(node.value).startswith("reduce("):
            yield node.value.args[1]


def changes() -> Iterator[Change]:
    """All of them, each once, in the order of the source."""
    seen = set()
    for (file, name), makes in SITES.items():
        tree = _without_constructors(ast.parse((ROOT / file).read_text("utf-8")))
        function = next(
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and node.name == name
        )
        for expression in gradients_in(function):
            nodes = [(node, alternatives(node)) for node in ast.walk(expression)]
            nodes.append((expression, whole(expression)))
            for node, found in nodes:
                for kinds, other in found:
                    changed = _replaced(tree, node, other)
                    words = ast.unparse(_replaced(expression, node, other))
                    title = f"{file} {name}: {ast.unparse(expression)} → {words}"
                    if title not in seen and words != ast.unparse(expression):
                        seen.add(title)
                        yield Change(title, file, frozenset(kinds.split("/")), changed, makes)


def _without_constructors(tree: ast.Module) -> ast.Module:
    """The mutants are not to be known to `configuration.read`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
    return tree


def _replaced(tree: Any, old: ast.AST, new: ast.AST) -> Any:
    """A copy with one node exchanged."""
    if tree is old:
        return copy.deepcopy(new)
    return copy.deepcopy(tree, {id(old): copy.deepcopy(new)})


def module_of(change: Change) -> types.ModuleType:
    return _run(change.file, change.tree)


def _run(file: str, tree: ast.Module) -> types.ModuleType:
    module = types.ModuleType(file)
    exec(compile(ast.unparse(tree), file, "exec"), module.__dict__)
    return module


@functools.cache
def original(file: str) -> types.ModuleType:
    return _run(file, _without_constructors(ast.parse((ROOT / file).read_text("utf-8"))))


def points(subject: Any, arguments: tuple[Any, ...]) -> Iterator[tuple[bool, Any]]:
    """Where gradients are compared: (whether it is a point like any other, the arguments)."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        if isinstance(subject, Loss):
            y, *rest = arguments
            yield True, (y * rng.uniform(0.5, 1.2, y.shape), *rest)
        else:
            params = subject.init(jax.random.key(seed), arguments[0])[0]
            params = jax.tree.map(lambda leaf: leaf + 0.1, params)
            yield True, (params, rng.normal(size=(3, *arguments[0])))
    if isinstance(subject, Loss):
        if arguments[1].dtype == np.float64:
            yield False, (arguments[1], *arguments[1:])
        yield False, (0 * arguments[0], *arguments[1:])
    else:
        yield False, (params, np.zeros((3, *arguments[0])))
        yield False, (params, rng.normal(size=(3, *arguments[0])).round())


def gradients_at(subject: Any, point: tuple[Any, ...]) -> list[np.ndarray]:
    """The gradients by hand, in float64."""
    point = jax.tree.map(jnp.asarray, point)
    if isinstance(subject, Loss):
        found = subject.value_and_grad(*point)[1]
    else:
        params, x = point
        out, cache = subject.forward(params, x)
        found = [subject.backward(params, cache, jnp.asarray(normal(*out.shape, seed=9)))]
        if subject.penalty:
            found.append(subject.penalty.value_and_grad(params)[1])
    return [np.asarray(leaf) for leaf in jax.tree.leaves(found)]


def differs(change: Change, make: Make) -> tuple[bool, bool] | None:
    """Whether the gradient is another at (points like any other, special ones); None: it raises."""
    subject, arguments = make(module_of(change))
    right, _ = make(original(change.file))
    found = {True: False, False: False}
    with jax.enable_x64(True):
        for plain, point in points(right, arguments):
            wanted = gradients_at(right, point)
            try:
                actual = gradients_at(subject, point)
            except Exception:  # it raises: nobody needs a checker to see it
                return None
            found[plain] |= len(actual) != len(wanted) or any(
                a.shape != b.shape or not np.allclose(a, b, rtol=1e-9, atol=0, equal_nan=True)
                for a, b in zip(actual, wanted, strict=False)
            )
    return found[True], found[False]


DRAWN = 60  # of the mutants, so that CI takes minutes


class Outcome(NamedTuple):
    """Of all changes: the mutants, those that change nothing that counts, and the broken ones."""

    mutants: dict[str, Mutant]
    equivalent: dict[str, str]
    broken: list[str]


def judged(change: Change) -> Mutant | str | None:
    """The mutant; or why it is none, empty if nobody has argued it; or None: it does not run."""
    told = [differs(change, make) for make in change.makes]
    if None in told:
        return None
    chosen = [make for make, one in zip(change.makes, told, strict=True) if one and any(one)]
    argued = change.name in ARGUED and not any(one and one[0] for one in told)
    if argued or not chosen:
        return ARGUED.get(change.name, "")
    return Mutant(change.name, functools.partial(_build, change, chosen[0]), change.kinds)


def named(name: str) -> Mutant:
    """The mutant of this name."""
    found = judged(next(change for change in changes() if change.name == name))
    assert isinstance(found, Mutant)
    return found


@functools.cache
def outcome() -> Outcome:
    found = {change.name: judged(change) for change in changes()}
    mutants = {name: one for name, one in found.items() if isinstance(one, Mutant)}
    kept = set(np.random.default_rng(0).permutation(len(mutants))[:DRAWN].tolist())
    return Outcome(
        {name: one for place, (name, one) in enumerate(mutants.items()) if place in kept},
        {name: one for name, one in found.items() if isinstance(one, str)},
        [name for name, one in found.items() if one is None],
    )


def _build(change: Change, make: Make) -> Built:
    return make(module_of(change))


LEAKY = "layers/activations.py leaky_relu: jnp.where(y > 0, dy, a * dy) → "
ARGUED = {
    f"{LEAKY}jnp.where(y >= 0, dy, a * dy)": (
        "it differs at x = 0 alone, where 1 and a are both a slope"
    ),
    "losses/classes.py cross_entropy: jnp.where(known[..., None], dy, jnp.nan) → dy": (
        "it differs for a label out of range alone, where the loss is no number"
    ),
}
