"""README is executed as it stands, and its texts are what the code prints."""

import os
import re
import subprocess
import sys
from pathlib import Path

import fnet

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
