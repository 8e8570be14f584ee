"""The house: imports between rooms only go down, a file is one idea, and importing is cheap."""

import ast
import graphlib
import io
import json
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "fnet"

ROOMS = [  # what is imported stands on a rung below; rooms of one rung never meet
    ["errors"],
    ["core", "files"],
    ["initializers"],
    ["layers", "compose", "losses", "optimizers", "solvers", "data", "summary", "check", "devices"],
    ["models", "registry", "training", "interop"],
    ["checkpoint", "plots", "sklearn"],
    [""],  # fnet itself: the names that users import
    ["cli"],
    ["__main__"],
]
RUNG = {room: rung for rung, rooms in enumerate(ROOMS) for room in rooms}


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(path: Path):
    """The modules of fnet that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] == "fnet")
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by the full name"
            if (node.module or "").split(".")[0] == "fnet":
                for name in node.names:
                    inner = f"{node.module}.{name.name}"
                    known = inner.removeprefix("fnet.") in FILES
                    yield inner if known else node.module


def room_of(module: str) -> str:
    return module.split(".")[0]


def modules_imported(module: str) -> set[str]:
    """The modules that one imports, without the prefix."""
    return {name.removeprefix("fnet").removeprefix(".") for name in imports(FILES[module])}


def test_every_module_is_in_a_room():
    assert {room_of(module) for module in FILES} == set(RUNG), "give a new room its rung in ROOMS"


@pytest.mark.parametrize("module", FILES)
def test_imports_between_rooms_only_go_down(module):
    room = room_of(module)
    for imported in modules_imported(module):
        other = room_of(imported)
        down = RUNG[other] < RUNG[room]
        assert other == room or down, f"{module} ({room}, rung {RUNG[room]}) imports {imported}"


@pytest.mark.parametrize("room", RUNG)
def test_no_room_has_a_circle(room):
    inside = [module for module in FILES if room_of(module) == room]
    graph = {module: modules_imported(module) & set(inside) for module in inside}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


def test_the_test_of_circles_finds_one():
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()


def lines_of_code(path: Path) -> int:
    """Lines that are not blank, a comment or a docstring."""
    source = path.read_text()
    silent = {
        getattr(tokenize, name)
        for name in ("COMMENT", "NL", "NEWLINE", "INDENT", "DEDENT", "ENDMARKER")
    }
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in silent:
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            docstring = node.body[0]
            lines -= set(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    return len(lines)


@pytest.mark.parametrize("module", FILES)
def test_a_file_is_at_most_200_lines_of_code(module):
    assert lines_of_code(FILES[module]) <= 200


def test_the_heart_is_read_in_300_lines():
    heart = ("core.contract", "core.wiring", "layers.affine", "compose.serial", "training.step")
    assert sum(lines_of_code(FILES[module]) for module in heart) < 300


def test_only_one_file_wires_a_custom_vjp():
    wiring = [name for name, path in FILES.items() if "@jax.custom_vjp" in path.read_text()]
    assert wiring == ["core.wiring"]


def test_importing_fnet_loads_nothing_heavy_beside_jax_and_chex():
    script = (
        "import jax, chex, sys, json; before = set(sys.modules); import fnet, fnet.data, "
        "fnet.training, fnet.checkpoint; print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(out.stdout)}
    assert not loaded & {"matplotlib", "PIL", "rich", "pandas", "optax", "torch", "sklearn"}


def test_nothing_unpickles_or_evaluates():
    for module, path in FILES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("eval", "exec", "pickle.load", "pickle.loads"), module
                allow = {k.arg: ast.unparse(k.value) for k in node.keywords}.get("allow_pickle")
                assert allow in (None, "False"), module
                assert called != "np.load" or allow == "False", module
