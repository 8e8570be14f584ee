"""Three first sessions, played from a script: a student's, a JAX user's, a teacher's.

Each has a copy of the repository, an empty cache folder, and none of the settings under which the
tests run. What they do is taken from README, CONTRIBUTING and the notebook that they read.
"""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import optax
import pytest
from PIL import Image

import fnet

ROOT = Path(fnet.__file__).parents[1]
SETTINGS = ("JAX_ENABLE_X64", "JAX_NUMPY_DTYPE_PROMOTION", "PYTEST_ADDOPTS", "PYTHONSTARTUP")


class Person(NamedTuple):
    """Somebody with a clone of the repository."""

    clone: Path
    environment: dict[str, str]

    def python(self, *words, typed=None):
        """Run the interpreter in the clone, whose fnet is the one that is imported."""
        return subprocess.run(
            [sys.executable, *map(str, words)],
            cwd=self.clone,
            env=self.environment,
            input=typed,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    def read(self, path):
        return (self.clone / path).read_text("utf-8")

    def edit(self, path, old, new):
        """Put `new` in the one place where `old` is."""
        text = self.read(path)
        assert text.count(old) == 1, (path, old)
        (self.clone / path).write_text(text.replace(old, new), "utf-8")


@pytest.fixture
def person(tmp_path):
    """The repository as it is now, committed or not, without what git ignores."""
    patterns = [".git", *(ROOT / ".gitignore").read_text("utf-8").split()]

    def ignored(folder, names):
        place = "/" / Path(folder).relative_to(ROOT)
        return [name for name in names if any(map((place / name).match, patterns))]

    clone = shutil.copytree(ROOT, tmp_path / "fnet", ignore=ignored)
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    environment |= {
        "PYTHONPATH": str(clone),
        "PYTHONUTF8": "1",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "MPLCONFIGDIR": matplotlib.get_cachedir(),  # the list of fonts takes seconds to make
        "MPLBACKEND": "agg",
    }
    return Person(clone, environment)


# The student clones, runs the first command of README, and does what it says is next.


def test_the_student_trains_by_the_first_command(person):
    command = re.search(r"<!-- command 1.*?```bash\n(.*?)```", person.read("README.md"), re.DOTALL)
    program, *words = shlex.split(command.group(1).split("&&")[-1])
    assert program == ".venv/bin/fnet"

    # One epoch, since convolutions take a minute for all.
    trained = person.python("-m", "fnet", *words, "--epochs", "1")
    assert (trained.returncode, trained.stderr) == (0, "")
    first, samples, *_ = trained.stdout.splitlines()
    assert first == "data       a synthetic set of shapes, drawn by fnet (no photographs)"
    assert samples.strip().startswith("3000 train, 1000 val, 1000 test; 10 classes: circle, cross")
    reached, constant, written, following = trained.stdout.splitlines()[-4:]
    accuracy = float(re.match(r"reached +([\d.]+)% test accuracy", reached)[1])
    assert accuracy > 30  # of ten classes; README's picture has all epochs
    assert "always" in constant
    folder, files = re.match(r"written +(\S+)/: (.*)", written).groups()
    for name in files.split(", "):
        assert (person.clone / folder / name).stat().st_size
    pictures = [*(person.clone / folder).glob("*.png")]
    assert len(pictures) == 5
    for path in pictures:
        assert_something_is_drawn(path)

    program, *words = shlex.split(re.match(r"next +(.*)", following)[1])
    assert (program, words) == ("fnet", ["evaluate", "runs/shapes-cnn-1"])
    evaluated = person.python("-m", "fnet", *words)
    assert (evaluated.returncode, evaluated.stderr) == (0, "")
    assert f"{accuracy}%" in evaluated.stdout


def assert_something_is_drawn(path):
    with Image.open(path) as image:
        grey = np.asarray(image.convert("L"))
    assert min(grey.shape) > 200
    ink = grey != np.bincount(grey.ravel()).argmax()
    assert 0.01 < ink.mean() < 0.9
    assert ink.any(axis=1).sum() > len(ink) / 2  # from top to bottom
    assert ink.any(axis=0).sum() > len(ink[0]) / 2


# Then the notebook about gradients, with a mistake of one's own in the exercise.

CELL_BY_CELL = """
import pathlib, sys
names = {"__name__": "__main__"}
for path in map(pathlib.Path, sys.argv[1:]):
    print("cell", path.stem)
    exec(compile(path.read_text("utf-8"), str(path), "exec"), names)
"""
RIGHT = "return y * (dout - (dout * y).sum(axis=1, keepdims=True))"
MEAN = "return y * (dout - (dout * y).mean(axis=1, keepdims=True))"


def test_the_student_is_told_what_is_wrong_with_a_gradient(person, tmp_path):
    notebook = json.loads(person.read("notebooks/02_check_your_gradient.ipynb"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    sources = ["".join(cell["source"]) for cell in cells]
    assert RIGHT in "".join(notebook["cells"][-1]["source"])  # the hidden answer
    assert sources[-1].count("return dout * y\n") == 1
    played = dict(enumerate(sources))
    for name, line in {"mean": MEAN, "right": RIGHT}.items():
        played[name] = sources[-1].replace("return dout * y", line)

    paths = [tmp_path / f"{name}.py" for name in played]
    for path, source in zip(paths, played.values(), strict=True):
        path.write_text(re.sub("^%", "# %", source, flags=re.MULTILINE), "utf-8")
    result = person.python("-c", CELL_BY_CELL, *paths)
    assert (result.returncode, result.stderr) == (0, "")
    said = dict(re.findall(r"^cell (\w+)\n(.*?)(?=^cell |\Z)", result.stdout, re.DOTALL | re.M))

    classic = [number for number, source in enumerate(sources) if source.startswith("tell(")]
    assert len(classic) == 5
    for number in classic:  # in the words of the notebook as it lies there
        assert said[str(number)] == "".join(cells[number]["outputs"][0]["text"])
    assert said["right"].startswith("softmax_backward: right, ")
    assert "160 of 160 entries are wrong" in said["mean"]
    assert "a term is 0.2 × its correct value: the term of dz" in said["mean"]
    assert "through `e.sum(axis=1, keepdims=True)` in " in said["mean"]


# The JAX user types ten lines, and those that look at things, into an interpreter.

TYPED = """\
import jax, jax.numpy as jnp, optax
from fnet import layers, losses, optimizers, serial
model, loss = serial(layers.affine(16), layers.tanh(), layers.affine(3)), losses.cross_entropy()
params, out_shape = model.init(jax.random.key(0), (4,))
model, out_shape
x, labels = jax.random.normal(jax.random.key(1), (32, 4)), jnp.arange(32) % 3
objective = lambda params: loss.apply(model.apply(params, x), labels)
gradient = jax.jit(jax.grad(objective))
optimizer = optax.chain(optax.clip_by_global_norm(0.5), optimizers.adam(0.01))
state = optimizer.init(params)
[leaf.tolist() for leaf in jax.tree.leaves(params)]
[leaf.tolist() for leaf in jax.tree.leaves(gradient(params))]
for _ in range(20):
    updates, state = optimizer.update(gradient(params), state, params)
    params = optax.apply_updates(params, updates)

float(objective(params))
jax.vmap(model.apply, (None, 0))(params, x[:, None]).shape
"""


def test_the_jax_user_is_at_home_in_ten_lines(person):
    result = person.python("-q", "-i", typed=TYPED)
    assert result.stderr.replace(">>> ", "").replace("... ", "").strip() == ""
    built, weights, gradient, end, shape = result.stdout.splitlines()
    assert built == "(serial(affine(16), tanh(), affine(3)), (3,))"
    assert shape == "(32, 1, 3)"

    # The same in JAX and optax alone, and in float64.
    params = [jnp.asarray(leaf) for leaf in ast.literal_eval(weights)]
    assert [leaf.shape for leaf in params] == [(16, 4), (16,), (3, 16), (3,)]
    expected, costs = by_optax(params)
    for found, leaf in zip(ast.literal_eval(gradient), expected, strict=True):
        np.testing.assert_allclose(found, leaf, atol=1e-6)
    assert costs[-1] < costs[0] - 0.1
    np.testing.assert_allclose(float(end), costs[-1], rtol=1e-5)


@jax.numpy_dtype_promotion("standard")
def by_optax(params):
    """The first gradient, and the objective before and after twenty steps."""
    x = jax.random.normal(jax.random.key(1), (32, 4), jnp.float32).astype(jnp.float64)

    @jax.jit
    @jax.value_and_grad
    def objective(params):
        w1, b1, w2, b2 = params
        logits = jnp.tanh(x @ w1.T + b1) @ w2.T + b2
        entropy = optax.softmax_cross_entropy_with_integer_labels(logits, jnp.arange(32) % 3)
        return entropy.mean()

    optimizer = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(0.01))
    state, costs = optimizer.init(params), []
    first = objective(params)[1]
    for _ in range(20):
        cost, grads = objective(params)
        costs.append(cost)
        updates, state = optimizer.update(grads, state, params)
        params = optax.apply_updates(params, updates)
    return first, [*costs, objective(params)[0]]


# The teacher adds a layer by the recipe of CONTRIBUTING, to the letter.


class Recipe(NamedTuple):
    """What the recipe says to write: a file, and what goes into the registry."""

    path: str
    code: str
    line: str
    name: str
    example: str


def recipe(text):
    text = re.search(r"## A new layer in fifteen minutes\n(.*?)^## ", text, re.DOTALL | re.M)[1]
    file = re.search(
        r"here `(fnet/layers/\w+\.py)`:\n\n *```python\n(.*?)^ *```$", text, re.S | re.M
    )
    return Recipe(
        file[1],
        textwrap.dedent(file[2]),
        re.search(r"add `(from [\w. ]+)`", text)[1],
        re.search(r"`(\"\w+\")` to `__all__`", text)[1],
        re.search(r"distinct primes: `(\"\w+\(\)\": \(.*?\),)`", text)[1],
    )


def laws(teacher):
    """The laws and the example of the new layer, as the recipe asks for them."""
    text = re.sub(r"\s+", " ", teacher.read("CONTRIBUTING.md"))
    command = shlex.split(re.search(r"docstring's example: `(pytest .*?)`", text)[1])
    return teacher.python("-m", *command, "-n", "0", "-p", "no:cacheprovider")


@pytest.fixture
def teacher(person):
    """The teacher before the example: derived, written, named."""
    todo = recipe(person.read("CONTRIBUTING.md"))
    (person.clone / todo.path).write_text(todo.code, "utf-8")
    registry = "fnet/layers/__init__.py"
    person.edit(registry, "\n__all__ = [", f"{todo.line}\n\n__all__ = [{todo.name}, ")
    return person


def add_the_example(teacher):
    example = recipe(teacher.read("CONTRIBUTING.md")).example
    teacher.edit("fnet/layers/__init__.py", "\nEXAMPLES = {", f"\nEXAMPLES = {{\n    {example}")


def test_the_teacher_adds_a_layer_by_the_recipe(teacher):
    without = laws(teacher)
    assert without.returncode == 1
    assert "register an example of ['square'] in its package's EXAMPLES" in without.stdout
    assert "1 failed" in without.stdout

    add_the_example(teacher)
    with_example = laws(teacher)
    assert with_example.returncode == 0, with_example.stdout
    assert int(re.search(r"(\d+) passed", with_example.stdout)[1]) > 12
    house = teacher.python(
        *"-m pytest -q -n 0 -p no:cacheprovider tests/test_architecture.py -k".split(),
        "room or layers",
    )
    assert house.returncode == 0, house.stdout

    checked = teacher.python("-m", "fnet", "check", "square")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert re.search(r"square\(\) .* right", checked.stdout)
    path = recipe(teacher.read("CONTRIBUTING.md")).path
    for words in (["check", path], ["format", "--check", path]):
        style = teacher.python("-m", "ruff", *words)
        assert style.returncode == 0, style.stdout


def test_the_laws_catch_what_the_teacher_breaks(teacher):
    """The recipe has a sign broken; other mistakes are in tests/mutants."""
    add_the_example(teacher)
    teacher.edit("fnet/layers/square.py", "2 * x * dy", "-2 * x * dy")
    broken = laws(teacher)
    assert broken.returncode == 1
    assert "FAILED tests/test_laws.py::test_2_and_3_backward" in broken.stdout
    assert "dx has the wrong sign everywhere" in broken.stdout
