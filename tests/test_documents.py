"""README is executed as it stands, and so is an example of every public name."""

import ast
import builtins
import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import fnet
from fnet import registry
from tests.site.public import public, variables

ROOT = Path(fnet.__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_the_examples_of_readme_print_what_it_says(tmp_path):
    script = tmp_path / "readme.py"
    script.write_text("\n".join(blocks(README, "python")), "utf-8")
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    out = subprocess.run(
        [sys.executable, "-W", "error", script],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert out.stderr == ""
    assert out.stdout == "".join(blocks(README, "text"))


def test_readme_names_what_there_is():
    for name in re.findall(r"`(fnet\.[a-z_.]+)`", README):
        module, _, attribute = name.rpartition(".")
        imported = __import__(module, fromlist=[attribute])
        assert hasattr(imported, attribute) or __import__(name, fromlist=["x"]), name
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / path).exists(), path


def test_ci_runs_the_test_command_of_readme():
    command = re.search(r"<!-- command 2.*?```bash\n(.*?)```", README, re.DOTALL).group(1).strip()
    extract = (
        (ROOT / ".ci" / "run").read_text("utf-8").split("command_2=$(")[1].split(" README.md)")[0]
    )
    out = subprocess.run(
        ["bash", "-c", f"{extract} README.md"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == command


SHOWN_BY = {  # what doctest does not look into, and what is only ever made by another
    "fnet.check.plugin.gradient_check": "fnet.check.plugin",
    "fnet.check.strategies.arrays": "fnet.check.strategies.shapes",
    "fnet.plots.Movie": "fnet.plots.animated_paths",
}


def test_every_public_name_has_an_example_that_is_executed():
    names = {name.full: name for name in public()}
    fnet_modules = [module for name, module in sys.modules.items() if name.split(".")[0] == "fnet"]
    tests = [test for module in fnet_modules for test in doctest.DocTestFinder().find(module)]
    executed = {test.docstring for test in tests if test.examples}
    shown = {full for full, name in names.items() if name.value.__doc__ in executed}
    lacking = {full for full, name in names.items() if name.name} - shown - set(SHOWN_BY)
    assert not lacking, [names[full].place for full in lacking]
    assert set(SHOWN_BY) <= set(names)
    assert set(SHOWN_BY.values()) <= shown
    assert not any("+SKIP" in docstring for docstring in executed)


def test_an_example_needs_only_what_its_page_has():
    """Which is what the first page of the reference promises."""
    names = public()
    for name in names:
        code = "".join(
            example.source for example in doctest.DocTestParser().get_examples(name.docstring)
        )
        page = {other.name for other in names if other.page == name.page} | set(
            variables(name.page)
        )
        unknown = needed(ast.parse(code)) - page - {"np", "jnp", "jax"} - set(dir(builtins))
        assert not unknown, name.place


def needed(tree: ast.AST) -> set[str]:
    """The names that code reads and does not make."""
    read, made = set(), set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                read.add(name)
            case ast.Name(id=name) | ast.FunctionDef(name=name) | ast.arg(arg=name):
                made.add(name)
            case ast.alias(name=name, asname=other):
                made.add(other or name.split(".")[0])
            case ast.ExceptHandler(name=str(name)):
                made.add(name)
    return read - made


def test_readme_lists_all_that_is_registered():
    table = README.split("## What is where")[1].split("\n## ")[0]
    for kind in ("model", "loss", "optimizer"):
        missing = [name for name in registry.names(kind) if f"`{name}`" not in table]
        assert not missing, f"add {missing} to README, What is where"
