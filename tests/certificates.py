"""What a proof depends on, as a SHA-256: code without its words, and the versions beneath it.

A proof that takes minutes or hours is not repeated at each test. It leaves a certificate beside its
table: a digest of all that it ran, row by row. As long as the digests of today's sources are the
same, the table is as good as a repetition; where one differs, its row is believed no longer.

What a file imports it depends on, name by name: of `from fnet.layers import affine` that is the
file where `affine` is written, not every layer. Docstrings, comments and layout are left out.
"""

import ast
import functools
import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CERTIFICATES = sorted((ROOT / "tests").glob("*/certificate.json"))
BENEATH = ("jax", "jaxlib", "numpy")
TOP = {"fnet", "tests"}
CHECKER = sorted((ROOT / "fnet/check").rglob("*.py"))


def digest(roots: Iterable[Path], *more: str, beneath: Iterable[str] = BENEATH) -> str:
    """Of these files and all that they import of fnet and the tests; and the versions beneath."""
    told = hashlib.sha256(repr(more).encode())
    for path in sorted(sources(roots)):
        told.update(f"{path.relative_to(ROOT)} {code(path)}\n".encode())
    return f"{told.hexdigest()} with {versions_of(beneath)}"


def code_of(row: str) -> str:
    """The digest alone, without the versions."""
    return row.split(" with ")[0]


def versions_of(names: Iterable[str]) -> str:
    return ", ".join(f"{name} {_version(name)}" for name in names)


_version = functools.cache(version)


def sources(roots: Iterable[Path]) -> set[Path]:
    """The files, and those that they import, however far."""
    found: set[Path] = set()
    todo = list(roots)
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += imported(path)
    return found


@functools.cache
def code(path: Path) -> str:
    """The SHA-256 of what the file does: its syntax tree without docstrings."""
    return hashlib.sha256(json.dumps(_told(_tree(path))).encode()).hexdigest()


def _told(node: Any) -> Any:
    """A syntax tree as plain lists, the same for every version of Python."""
    if isinstance(node, list):
        return [_told(one) for one in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = dict(ast.iter_fields(node))
    if _has_docstring(node):
        fields["body"] = fields["body"][1:]
    present = {name: value for name, value in fields.items() if value not in (None, [])}
    return [type(node).__name__, {name: _told(value) for name, value in present.items()}]


def _has_docstring(node: ast.AST) -> bool:
    match node:
        case (
            ast.Module(body=[first, *_])
            | ast.ClassDef(body=[first, *_])
            | ast.FunctionDef(body=[first, *_])
            | ast.AsyncFunctionDef(body=[first, *_])
        ):
            return isinstance(first, ast.Expr) and isinstance(
                getattr(first.value, "value", None), str
            )
    return False


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@functools.cache
def _nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(_tree(path)))


@functools.cache
def file_of(module: str) -> Path | None:
    """The file of a module or package, if there is one."""
    path = ROOT.joinpath(*module.split("."))
    return next(
        (one for one in (path.with_suffix(".py"), path / "__init__.py") if one.exists()), None
    )


@functools.cache
def imported(path: Path) -> frozenset[Path]:
    """The files of fnet and of the tests that this one needs, wherever in it they are imported."""
    found: set[Path] = set()
    for node in _nodes(path):
        if isinstance(node, ast.Import):
            files = [file_of(name.name) for name in node.names if _ours(name.name)]
            found.update(filter(None, files))
        elif isinstance(node, ast.ImportFrom) and _ours(node.module or ""):
            for name in node.names:
                found |= _needed(path, node.module, name.name, name.asname or name.name)
    return frozenset(found)


def _ours(module: str) -> bool:
    return module.split(".")[0] in TOP


def _needed(path: Path, module: str, name: str, called: str) -> frozenset[Path]:
    """The files behind `from module import name as called`, of a package only what is used."""
    inner = file_of(f"{module}.{name}")
    if inner is None:
        return _where(module, name)
    if inner.name != "__init__.py":
        return frozenset({inner})
    attributes = _attributes(path, called)
    if attributes is None:
        return frozenset({inner})
    return frozenset().union(*(_needed(inner, f"{module}.{name}", one, one) for one in attributes))


def _attributes(path: Path, name: str) -> set[str] | None:
    """What is used of the module called so: its attributes, or None if it is used as a whole."""
    nodes = _nodes(path)
    attributes = {
        id(node.value): node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    uses = [id(node) for node in nodes if isinstance(node, ast.Name) and node.id == name]
    return {attributes[use] for use in uses} if all(use in attributes for use in uses) else None


@functools.cache
def _where(module: str, name: str) -> frozenset[Path]:
    """The file in which `module` finds this name: its own, or where it imports it from."""
    path = file_of(module)
    if path is None:
        return frozenset()
    for node in _nodes(path) if path.name == "__init__.py" else ():
        if isinstance(node, ast.ImportFrom) and _ours(node.module or ""):
            for one in node.names:
                if (one.asname or one.name) == name:
                    return _needed(path, node.module, one.name, name)
    return frozenset({path})


def written(module: str, name: str) -> frozenset[Path]:
    """The file in which this name of a package is written, if it is one of the package's."""
    path = file_of(module)
    return frozenset() if path is None else _where(module, name) - {path} or _own(path, name)


def _own(path: Path, name: str) -> frozenset[Path]:
    names = {getattr(node, "name", None) for node in _tree(path).body}
    return frozenset({path} if name in names else ())


def stale(certificate: Path, today: dict[str, str], versions: bool = True) -> list[str]:
    """The rows whose certificate is of other code than today's, or that have none.

    A proof of hours is not repeated at each release of NumPy: `versions=False`.
    """
    believed, told = read(certificate), str if versions else code_of
    return [row for row, wanted in today.items() if told(believed.get(row, "")) != told(wanted)]


def of_other_versions(certificate: Path) -> bool:
    """Whether no row was proved with the versions that there are: it was another machine's run."""
    proved = {row.split(" with ")[1] for row in read(certificate).values()}
    return all(versions_of(word.split()[0] for word in row.split(", ")) != row for row in proved)


def renewed(certificate: Path) -> set[str]:
    """The rows that were another before the last commit; all, where git does not tell."""
    before = git("show", f"HEAD^:{certificate.relative_to(ROOT)}")
    old = json.loads(before) if before else {}
    return {row for row, proved in read(certificate).items() if old.get(row) != proved}


def git(*words: str) -> str:
    """What git says; nothing where there is no git, or no repository."""
    if shutil.which("git") is None:
        return ""
    line = ["git", *words]
    return subprocess.run(line, cwd=ROOT, capture_output=True, check=False).stdout.decode()


def read(certificate: Path) -> dict[str, str]:
    return json.loads(certificate.read_text("utf-8")) if certificate.exists() else {}


def write(certificate: Path, rows: dict[str, str]) -> None:
    certificate.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")
