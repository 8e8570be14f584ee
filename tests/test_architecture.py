"""The house: imports only go down the ladder, a file is one idea, and importing is cheap."""

import ast
import io
import json
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "fnet"

LADDER = [  # a module imports only from lower rungs; those of one rung never meet
    ["errors", "files"],
    [
        "configuration",
        "data.cells",
        "data.download",
        "data.jpeg",
        "data.pickles",
        "data.png",
        "data.worker",
        "expect",
        "tars",
        "zips",
    ],
    [
        "core",
        "data.decoding",
        "data.rows",
        "data.transforms",
        "data.unpack",
        "data.workers",
        "npz",
        "products",
        "tape",
    ],
    [
        "compose",
        "data.dataset",
        "data.reading",
        "initializers",
        "losses",
        "optimizers",
        "precision",
    ],
    [
        "data.archive",
        "data.batches",
        "data.images",
        "data.statistics",
        "data.synthetic",
        "data.tables",
        "data.two_classes",
        "data.unpickle",
        "layers.activations",
        "layers.affine",
        "layers.reshape",
    ],
    ["data.cifar", "data.packing", "data.sets", "layers", "records"],
    ["data", "feeding", "models", "summary"],
    ["evaluation"],
    ["postmortem"],
    ["training"],
    ["checkpoint", "descent", "overfit", "plots.page", "stopping", "sweep"],
    [
        "plots.comparisons",
        "plots.costs",
        "plots.descents",
        "plots.errors",
        "plots.images",
        "plots.results",
    ],
    ["plots"],
    [
        "check.arguments",
        "check.compare",
        "check.differences",
        "check.pattern",
        "check.report",
        "check.source",
        "check.stand_in",
        "check.strategies",
    ],
    ["check.functions", "check.plain", "check.points"],
    ["check.lifting", "check.subject"],
    ["check.library", "check.subjects"],
    ["check.programs", "check.rounding"],
    ["check.kept"],
    ["check.asked", "check.bench"],
    ["check.workbench"],
    ["check.evidence", "check.parity", "check.precision", "check.shapes", "check.steadiness"],
    ["check.directions", "check.structure"],
    ["check.mistakes.formulas"],
    ["check.mistakes.operations", "check.mistakes.variations"],
    [
        "check.mistakes.amounts",
        "check.mistakes.chain",
        "check.mistakes.constants",
        "check.mistakes.others",
        "check.mistakes.places",
        "check.mistakes.steps",
        "check.mistakes.terms",
    ],
    ["check.mistakes"],
    ["check.diagnosis"],
    ["check.examine"],
    ["check.plugin"],
    ["check"],
    [""],  # fnet itself: the names that users import
    ["cli.arguments"],
    ["cli.build", "cli.completion", "cli.run", "cli.signals", "cli.source", "cli.voice"],
    ["cli.pictures", "cli.progress"],
    ["cli.report"],
    [
        "cli.bench",
        "cli.check",
        "cli.data",
        "cli.inspect",
        "cli.listing",
        "cli.overfit",
        "cli.summary",
        "cli.sweep",
        "cli.train",
    ],
    ["cli"],
    ["__main__"],
]
RUNG = {module: rung for rung, modules in enumerate(LADDER) for module in modules}


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


def test_every_module_has_a_rung():
    assert set(FILES) == set(RUNG), "give a new module its place in LADDER, above all it imports"


@pytest.mark.parametrize("module", FILES)
def test_imports_only_go_down(module):
    for imported in imports(FILES[module]):
        name = imported.removeprefix("fnet").removeprefix(".")
        assert RUNG[name] < RUNG[module], f"{module} (rung {RUNG[module]}) imports {name}"


@pytest.mark.parametrize("module", FILES)
def test_a_file_is_under_250_lines(module):
    assert len(FILES[module].read_text().splitlines()) < 250


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


def test_the_heart_is_read_in_300_lines():
    heart = ("core", "layers.affine", "compose", "training")
    assert sum(lines_of_code(FILES[module]) for module in heart) < 300


def test_only_one_file_wires_a_custom_vjp():
    wiring = [name for name, path in FILES.items() if "@jax.custom_vjp" in path.read_text()]
    assert wiring == ["core"]


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
