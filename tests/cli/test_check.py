"""`fnet check`, `summary`, `overfit`, `data` and `bench`."""

import numpy as np
import pytest
from PIL import Image

from fnet import layers, losses, registry
from fnet.check import explain
from fnet.cli import check, main
from fnet.core import layer
from fnet.core.values import constructor
from fnet.registry import VOCABULARY


def test_check_of_everything(shell, monkeypatch, pytestconfig):
    """All are asked for and reported; three are examined, as the laws test all of them."""
    asked, reports = [], []
    reductions = len(losses.REDUCTIONS) - 1  # of the first example of each loss
    registered = [len([*registry.examples(kind)]) for kind in ("model", "loss")]
    reduced = len(registry.names("loss")) - 1  # `standardized` has the reduction of its loss
    rows = sum(registered) + reductions * reduced
    rng = np.random.default_rng(pytestconfig.option.sample_seed)
    sample = set(rng.permutation(rows)[: rows if pytestconfig.option.long else 3].tolist())

    def examined(subject, *arguments, **options):
        if len(asked) in sample or not reports:
            reports.append(explain(subject, *arguments, **options))
        asked.append(subject)
        return reports[-1]

    monkeypatch.setattr(check, "explain", examined)
    result = shell("check", "--depth", "quick")
    assert result.status == 0, result.err
    assert "wrong" not in result.out
    assert len(asked) == rows == sum("│ right" in line for line in result.out.splitlines())
    for name in (*registry.names("model"), *registry.names("loss")):
        assert f"{name}(" in result.out


def test_check_of_some(capsys):
    assert main(["check", "relu", "serial(affine(7), tanh())", "--shape", "2", "5"]) == 0
    out = capsys.readouterr().out
    rows = [line for line in out.splitlines() if "right" in line]
    assert "relu()" in rows[0]
    assert "serial(affine(7), tanh())" in out
    assert len(rows) == 2


@constructor
def halved():
    """A layer that doubles its input, with a gradient that omits the factor 2."""
    return layer(
        lambda key, shape: ((), shape),
        lambda params, x, key=None: (2 * x, ()),
        lambda params, cache, dy: ((), dy),
    )


def test_check_of_a_wrong_gradient(capsys, monkeypatch):
    monkeypatch.setitem(VOCABULARY["model"], "halved", halved)
    assert main(["check", "halved()", "relu"]) == 1
    out = capsys.readouterr().out
    assert "wrong" in next(line for line in out.splitlines() if "halved()" in line)
    assert "right" in next(line for line in out.splitlines() if "relu()" in line)
    assert "dx" in out  # in the report below the table


COURSE = """\
def forward(x, w):
    return x @ w, (x, w)

def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout

def mean(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout / len(x)
"""


def test_check_of_functions_of_a_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "course.py").write_text(COURSE)
    shapes = "--shape 8 5 --shape 5 3".split()
    assert main(["check", "course.py:forward,backward", "course:forward,backward", *shapes]) == 0
    assert capsys.readouterr().out.count("right") == 2
    assert main(["check", "course.py:forward,mean", *shapes]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "wrong: mean or sum" in out
    assert "dw is 8 × too small everywhere; 8 is the batch size" in out
    assert main(["check", "jax.nn:gelu", "--shape", "3"]) == 0
    for words, message in (
        (["course.py:forward,backward"], "a --shape for each of its arguments"),
        (["course.py:back"], "there is no back in course.py"),
        (["another.py:forward"], "another.py"),
        (["no.such.module:forward"], "No module named"),
        (["course.py:forward,backward,mean"], "give a function, or forward,backward"),
    ):
        capsys.readouterr()
        assert main(["check", *words]) == 2
        told, *would_do = capsys.readouterr().err.splitlines()
        assert message in told
        assert len(would_do) in (0, 3)
        assert all(line.startswith("  fnet check course.py:") for line in would_do)


INPUTS = """\
import numpy as np

rng = np.random.default_rng(3)
by_name = {"x": rng.normal(size=(4, 3)), "dropout_param": {"mode": "train", "p": 0.5, "seed": 1}}

def arguments():
    return by_name
"""

DROPOUT = """\
import numpy as np

def dropout_forward(x, dropout_param):
    np.random.seed(dropout_param["seed"])
    mask = (np.random.rand(*x.shape) < dropout_param["p"]) / dropout_param["p"]
    return x * mask, (dropout_param, mask)

def dropout_backward(dout, cache):
    return dout * cache[1]

def twice(dout, cache):
    return 2 * dout * cache[1]

def loss(w, x, y):
    residual = x @ w - y
    return (residual ** 2).sum(), 2 * x.T @ residual

def gradient(p):
    return 4 * p**3

def hessian(p):
    return np.diag(12 * p**2)

def product(p, v):
    return 12 * p * v

class Square:
    calls = 0

    def forward(self, x):
        self.x, self.calls = x, self.calls + 1
        assert self.calls == 1
        return x**2

    def backward(self, dout):
        return 2 * self.x * dout

layer = Square()
"""


def test_check_at_the_arguments_of_a_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "course.py").write_text(DROPOUT)
    (tmp_path / "inputs.py").write_text(INPUTS)
    (tmp_path / "none.py").write_text("argument = ()\n")
    (tmp_path / "other.py").write_text("arguments = {'z': 1.0}\n")
    pair, quick = "course.py:dropout_forward,dropout_backward", ["--depth", "quick"]
    assert main(["check", pair, "--arguments", "inputs.py", *quick]) == 0
    assert "right" in capsys.readouterr().out
    wrong = "course.py:dropout_forward,twice"
    assert main(["check", wrong, "--arguments", "inputs.py", *quick]) == 1
    assert "2 × too large everywhere" in capsys.readouterr().out
    for file, message in (("none.py", "`arguments` is not there"), ("other.py", "argument: 'x'")):
        assert main(["check", pair, "--arguments", file]) == 2
        told, *would_do = capsys.readouterr().err.splitlines()
        assert message in told
        assert len(would_do) == 3
        exec("\n".join(line.strip() for line in would_do), {})


def test_check_of_a_loss_by_some_of_its_arguments_and_of_a_hessian(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "course.py").write_text(DROPOUT)
    loss = "course.py:loss --shape 3 --shape 3 3 --shape 3 --seed 5 --depth quick".split()
    assert main(["check", *loss]) == 0  # w and y are alike, but y is what one calls data
    assert "no gradient is returned for x, y" in capsys.readouterr().out
    for constants in (["x", "y"], ["1", "-1"]):
        assert main(["check", *loss, "--constants", *constants]) == 0
        assert "right" in capsys.readouterr().out
    assert main(["check", *loss, "--constants", "z"]) == 2
    assert "its arguments are w, x, y" in capsys.readouterr().err
    hessian = "--shape 4 --of hessian --depth quick".split()
    assert main(["check", "course.py:gradient,hessian", *hessian]) == 0
    assert main(["check", "course.py:gradient,product", *hessian]) == 1
    assert main(["check", "course.py:layer", "--shape", "4", "--depth", "quick"]) == 0
    capsys.readouterr()


def test_check_of_losses_and_of_what_a_file_makes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text("from fnet.layers import leaky_relu\n")
    assert main(["check", "mse", "bce('sum')", "own.py:leaky_relu(a=0.25)"]) == 0
    rows = [line.split("│")[1].strip() for line in capsys.readouterr().out.splitlines()[3:-1]]
    assert rows[:2] == ["mse()", "mse(reduction='sum')"]
    assert rows[3:] == ["bce(reduction='sum')", "leaky_relu(a=0.25)"]


def test_check_of_code_that_raises(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    raises = COURSE.replace("dout @ w.T, x.T @ dout\n", "dout @ w, x.T @ dout\n")
    (tmp_path / "raises.py").write_text(raises + "from fnet.layers import leaky_relu\n")
    (tmp_path / "unclosed.py").write_text("\ndef forward(x, w:\n")
    shapes = "--shape 8 5 --shape 5 3".split()
    for words, message in (
        (["raises.py:forward,backward", *shapes], "raises.py, line 6, `return dout @ w, x.T @ dou"),
        (["unclosed.py:forward"], "unclosed.py, line 2: '(' was never closed"),
        (["raises.py:leaky_relu"], "call it: 'raises.py:leaky_relu()'"),
        (["afine"], "did you mean affine?"),
        (["normal(1.0)"], "makes a Initializer; name a layer or a loss"),
    ):
        assert main(["check", *words]) == 2
        err = capsys.readouterr().err
        assert message in err
        assert len(err.splitlines()) == 1


def test_summary_of_a_run(shell, run):
    result = shell("summary", "run")
    assert result.status == 0, result.err
    assert "serial(affine(8), relu(), affine(3)), on examples of (8, 8, 3)" in result.out
    assert "1,571" in result.out


def test_summary_of_a_network_that_is_none_yet(capsys):
    words = "--hidden 512 --layers 8 --shape 32 32 3 --batch-size 256 --samples 50000"
    assert main(["summary", *words.split()]) == 0
    out = capsys.readouterr().out
    parameters = 3072 * 512 + 512 + 6 * (512 * 512 + 512) + 512 * 10 + 10
    assert f"{parameters:,}" in out
    assert "all 50,000 samples at once" in out


def test_summary_in_bfloat16(capsys):
    assert main(["summary", "--precision", "bfloat16", "--hidden", "7", "--shape", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[2:3]] == ["mixed_precision(…)"]
    assert [line.split()[0] for line in lines[3:6]] == ["affine(7)", "relu()", "affine(10)"]


def test_overfit(inside):
    result = inside("overfit", "--data", "photos", "--steps", 200)
    assert result.status == 0, result.out + result.err
    for samples in (1, 10, 54):
        assert f"{samples:>4} samples" in result.out
    assert result.out.count(" learned") == 3
    assert "the pipeline can learn" in result.out


def test_overfit_that_fails(shell, capsys):
    words = ["overfit", "--data", str(shell.home / "photos"), "--steps", "1"]
    assert main([*words, "--learning-rate", "1e-6"]) == 1
    out = capsys.readouterr().out
    assert "NOT learned" in out
    assert "--learning-rate" in out


def test_data_make(tmp_path, capsys):
    folder = tmp_path / "shapes"
    assert main(["data", "make", str(folder), "--per-class", "3"]) == 0
    assert len(list(folder.glob("*/*.png"))) == 30
    assert f"next       fnet train --data {folder}" in capsys.readouterr().out


def test_data_stats(shell, capsys):
    assert main(["data", "stats", "--data", str(shell.home / "photos")]) == 0
    out = capsys.readouterr().out
    assert "input      (8, 8, 3) uint8" in out
    table = [line.split() for line in out.splitlines()]
    counts = {row[0]: [int(word) for word in row[1:]] for row in table[3:6]}
    assert sorted(counts) == ["blue", "green", "red"]
    assert [sum(row) for row in counts.values()] == [30, 30, 30]
    assert np.sum([*counts.values()], axis=0).tolist() == [54, 18, 18]


@pytest.mark.parametrize("per_class", [2, 8])
def test_data_grid(shell, tmp_path, per_class):
    words = ["--data", str(shell.home / "photos"), "--out", str(tmp_path / "grid.png")]
    assert main(["data", "grid", *words, "--per-class", str(per_class)]) == 0
    with Image.open(tmp_path / "grid.png") as picture:
        picture.load()
    assert min(picture.size) > 100


def test_bench_compares_every_layer_and_both_models(inside):
    result = inside("bench", "--rounds", 1, "--batch-size", 4)
    assert result.status == 0, result.err
    for name in (*layers.__all__, "and cross_entropy", "and bce"):
        assert f"{name}(" in result.out
    assert max(map(len, result.out.splitlines())) <= 80
    assert result.out.count(" × ") >= len(layers.__all__) + 2
