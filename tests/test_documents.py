"""README is executed as it stands, and its texts are what the code prints."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import fnet
from tests.site.public import public

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


SHOWN_BY = {  # what doctest does not look into, and what is not made by its own name
    "fnet.check.plugin.gradient_check": "fnet.check.plugin",
    "fnet.check.strategies.arrays": "fnet.check.strategies.shapes",
    "fnet.plots.Movie": "fnet.plots.animated_paths",
}


def test_every_public_name_has_an_example_that_is_executed():
    finder, names = doctest.DocTestFinder(), public()
    modules = [module for module in sys.modules.values() if module.__name__.startswith("fnet")]
    shown = {test.name for module in modules for test in finder.find(module) if test.examples}
    lacking = set()
    for name in names:
        where = f"{getattr(name.value, '__module__', name.page)}.{name.name}".rstrip(".")
        if name.name and where not in shown and name.full not in SHOWN_BY:
            lacking.add(name.place)
        assert "+SKIP" not in name.docstring, name.place
    assert not lacking
    examples = {name.full: name.docstring for name in names}
    for name, other in SHOWN_BY.items():
        assert name in examples, name
        assert ">>> " in examples[other], other
