"""Mistakes planted in the derivatives of a public package, in its functions as they are loaded."""

import ast
import contextlib
import copy
import gc
import importlib.metadata
import re
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fnet.check import Pair
from tests.wild.case import Case

DERIVATIVE = re.compile(r"deriv|grad|score|jac|prop|backward|hess|bwd|_d[a-z]?$", re.IGNORECASE)
OPPOSITE = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
}
RENAMED = {
    "sum": "mean",
    "mean": "sum",
    "maximum": "minimum",
    "minimum": "maximum",
    "exp": "expm1",
    "log": "log1p",
    "sin": "cos",
    "cos": "sin",
    "sinh": "cosh",
    "cosh": "sinh",
    "tanh": "arctan",
    "sqrt": "square",
}


class Mutant(NamedTuple):
    """A changed function of a file: what was changed, and code objects to exchange."""

    words: str
    codes: dict[types.CodeType, types.CodeType]


def derivatives(case: Case) -> list[types.CodeType]:
    """The package's own functions that compute the case's gradient, and not its value."""
    folders = _folders(case.package)
    with _called() as forward:
        returned, rest = case.subject[0](*copy.deepcopy(case.arguments))
    if not isinstance(case.subject, Pair):
        found = [code for code in forward if DERIVATIVE.search(code.co_name)]
    else:
        with _called() as found_:
            case.subject.backward(_like(returned), rest)
        found = [code for code in found_ if code not in forward]
    return [code for code in found if any(map(code.co_filename.startswith, folders))]


def changes(code: types.CodeType) -> list[tuple[types.CodeType, int]]:
    """Every single change of this function, of the kinds that are known here, by its number."""
    tree = ast.parse(Path(code.co_filename).read_text("utf-8"))
    return [(code, number) for number, _ in enumerate(_changes_of(tree, code))]


def mutant(code: types.CodeType, number: int) -> Mutant:
    """The function with the change of this number."""
    tree = ast.parse(Path(code.co_filename).read_text("utf-8"))
    original = _codes(compile(tree, code.co_filename, "exec"))
    words, change = list(_changes_of(tree, code))[number]
    with change():
        changed = _codes(compile(ast.fix_missing_locations(tree), code.co_filename, "exec"))
    codes = {old: new for old, new in zip(original, changed, strict=True) if old != new}
    return Mutant(f"{Path(code.co_filename).name}, {code.co_name}: {words}", codes)


def _changes_of(tree: ast.AST, code: types.CodeType) -> Iterator[tuple[str, "Change"]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Lambda) and _is(node, code):
            yield from _changes(node)


@contextlib.contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    """The package with this mistake in every function that is loaded."""
    changed = [
        function
        for function in gc.get_objects()
        if isinstance(function, types.FunctionType) and function.__code__ in mutant.codes
    ]
    before = [function.__code__ for function in changed]
    try:
        for function in changed:
            function.__code__ = mutant.codes[function.__code__]
        yield
    finally:
        for function, code in zip(changed, before, strict=True):
            function.__code__ = code


def _folders(package: str) -> list[str]:
    files = importlib.metadata.files(package) or []
    tops = {file.parts[0] for file in files if len(file.parts) > 1 and "." not in file.parts[0]}
    site = str(importlib.metadata.distribution(package).locate_file(""))
    return [f"{site.rstrip('/')}/{top}/" for top in sorted(tops)]


@contextlib.contextmanager
def _called() -> Iterator[dict[types.CodeType, None]]:
    """The functions that are called in the meantime."""
    found: dict[types.CodeType, None] = {}

    def seen(frame: types.FrameType, event: str, _: Any) -> None:
        if event == "call":
            found[frame.f_code] = None

    sys.setprofile(seen)
    try:
        yield found
    finally:
        sys.setprofile(None)


def _like(returned: Any) -> Any:
    import jax
    import numpy as np

    return jax.tree.map(lambda y: np.ones(np.shape(y), np.asarray(y).dtype), returned)


def _codes(code: types.CodeType) -> list[types.CodeType]:
    """This one and all inside it, in order."""
    inside = [one for one in code.co_consts if isinstance(one, types.CodeType)]
    return [code, *(each for one in inside for each in _codes(one))]


def _is(node: ast.FunctionDef | ast.Lambda, code: types.CodeType) -> bool:
    if isinstance(node, ast.Lambda):
        return code.co_name == "<lambda>" and node.lineno == code.co_firstlineno
    first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
    return node.name == code.co_name and first == code.co_firstlineno


Change = Callable[[], contextlib.AbstractContextManager[None]]


def _changes(function: ast.AST) -> Iterator[tuple[str, Change]]:
    """Words for each single change below this node, and how it is made for a while."""
    for node in ast.walk(function):
        if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in OPPOSITE:
            opposite = OPPOSITE[type(node.op)]()
            yield _told(node, f"{opposite.__class__.__name__} in place"), _set(node, "op", opposite)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow | ast.Mult | ast.Add):
            yield from _only_left(function, node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield _told(node, "no minus"), _set(node, "op", ast.UAdd())
        if isinstance(node, ast.Compare) and type(node.ops[0]) in OPPOSITE:
            opposite = OPPOSITE[type(node.ops[0])]()
            yield _told(node, "the other side"), _set(node, "ops", [opposite, *node.ops[1:]])
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            for value in (node.value + 1, 2 * node.value):
                if value != node.value:
                    yield _told(node, f"{value} in place"), _set(node, "value", value)
        if isinstance(node, ast.Attribute) and node.attr in RENAMED:
            other = RENAMED[node.attr]
            yield _told(node, f"{other} in place"), _set(node, "attr", other)
        if isinstance(node, ast.Return) and node.value is not None:
            doubled = ast.BinOp(node.value, ast.Mult(), ast.Constant(2))
            if not isinstance(node.value, ast.Tuple | ast.List | ast.Dict):
                yield _told(node, "twice"), _set(node, "value", doubled)


def _only_left(function: ast.AST, node: ast.BinOp) -> Iterator[tuple[str, Change]]:
    """The left operand alone, wherever the operation stands."""
    for parent in ast.walk(function):
        for name, value in ast.iter_fields(parent):
            if value is node:
                yield _told(node, "its left operand alone"), _set(parent, name, node.left)


def _told(node: ast.AST, words: str) -> str:
    text = " ".join(ast.unparse(node).split())
    return f"line {getattr(node, 'lineno', 0)}, {words}: {text[:60]}"


def _set(node: ast.AST, name: str, value: Any) -> Change:
    @contextlib.contextmanager
    def change() -> Iterator[None]:
        before = getattr(node, name)
        setattr(node, name, value)
        try:
            yield
        finally:
            setattr(node, name, before)

    return change
