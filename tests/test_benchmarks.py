"""What makes a benchmark honest: who is timed, what is compared, and that README quotes it."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import layers, losses, optimizers, serial
from fnet.training import make_step, start
from tests.benchmarks import report
from tests.benchmarks.contest import Contest, Contestant, disagreement, hold, judge

HERE = "tests.benchmarks.players"
README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def test_only_who_computes_the_same_is_timed():
    contestants = [
        Contestant("ours", "ours", f"{HERE}:right"),
        Contestant("same", "peer", f"{HERE}:right", {"factor": 1 + 5e-6}),
        Contestant("other", "peer", f"{HERE}:right", {"factor": 1 + 5e-5}),
        Contestant("shorter", "peer", f"{HERE}:shorter"),
        Contestant("limit", "limit", f"{HERE}:shorter", computes=False),
        Contestant("absent", "absent", f"{HERE}:absent"),
        Contestant("broken", "broken", f"{HERE}:broken"),
    ]
    contest = Contest("task", {"n": 3}, contestants, {"peer": 1.0, "absent": 2.0}, "step", 3)
    result = hold(contest, rounds=2)
    rows = {row["name"]: row for row in result["rows"]}
    assert {name for name, row in rows.items() if "ratio" in row} == {"ours", "same", "limit"}
    assert rows["ours"]["ratio"] == 1
    assert "differs from ours by 5.0e-05" in rows["other"]["why"]
    assert "differs from ours by inf" in rows["shorter"]["why"]
    assert rows["absent"]["why"] == "not installed: a_package_that_nobody_has"
    assert "it died" in rows["broken"]["why"]
    assert result["targets"][1] == {"against": "absent", "target": 2.0, "ratio": None}
    shown = report.table("task", result)
    assert all(f"| {name} |" in shown for name in rows)


def test_a_target_is_held_against_the_best_of_a_peer():
    rows = [{"peer": "a", "ratio": 3.0}, {"peer": "a", "ratio": 2.0}, {"peer": "a", "why": "not"}]
    assert judge({"a": 1.5}, rows) == [{"against": "a", "target": 1.5, "ratio": 2.0}]


def test_curves_are_compared_entry_by_entry():
    def ready(*curve):
        return {"curve": curve}

    assert disagreement(ready(1.0, 2.0), ready(1.0, 2.002)) == pytest.approx(1e-3)
    assert disagreement(ready(1.0, 0.0), ready(1.0, 0.0)) == 0
    assert disagreement(ready(1.0), {"missing": "gone"}) is None
    assert np.isnan(disagreement(ready(1.0), ready(np.nan)))


def test_the_tables_are_those_of_the_figures():
    results = json.loads(report.RESULTS.read_text("utf-8"))
    text = report.TABLES.read_text("utf-8")
    for name, result in results["tasks"].items():
        assert report.table(name, result) in text
    for line in report.summary(results["tasks"]).splitlines():
        assert line in text


def test_readme_quotes_the_figures():
    """Every line of README's table stands in the committed results, word for word."""
    table = README.split("<!-- benchmarks -->\n")[1].split("\n\n")[0].splitlines()
    lines = report.TABLES.read_text("utf-8").splitlines()
    assert len(table) > 10
    for line in table:
        assert line in lines


ACTIVATIONS = {
    "relu": (layers.relu(), jax.nn.relu),
    "tanh": (layers.tanh(), jnp.tanh),
    "sigmoid": (layers.sigmoid(), jax.nn.sigmoid),
}


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="counts of XLA's CPU compiler")
@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("depth", [2, 8])
def test_a_step_takes_no_more_memory_than_by_autodiff(name, depth):
    width, batch_size, rate = 256, 512, 0.1
    layer, function = ACTIVATIONS[name]
    parts = [layers.affine(width), layer] * (depth - 1)
    model, optimizer = serial(*parts, layers.affine(10)), optimizers.sgd(rate)
    state = jax.tree.map(_in_float32, start(model, optimizer, (width,)).state)
    weights = [part for part in state.params if part]
    x, labels = jnp.ones((batch_size, width), jnp.float32), jnp.zeros(batch_size, jnp.int32)

    def by_autodiff(weights, x, labels):
        def value(weights):
            y = x
            for w, b in weights[:-1]:
                y = function(y @ w.T + b)
            logits = y @ weights[-1].w.T + weights[-1].b
            logp = jax.nn.log_softmax(logits)[jnp.arange(batch_size, dtype=labels.dtype), labels]
            return -logp.mean(), (logits.argmax(1).astype(labels.dtype) == labels).sum()

        (loss, right), grads = jax.value_and_grad(value, has_aux=True)(weights)
        return jax.tree.map(lambda p, g: p - jnp.float32(rate) * g, weights, grads), loss, right

    step = make_step(model, losses.cross_entropy(), optimizer)
    ours, theirs = (
        f.lower(*arguments).compile().memory_analysis().temp_size_in_bytes
        for f, arguments in (
            (step, (state, x, labels)),
            (jax.jit(by_autodiff), (weights, x, labels)),
        )
    )
    assert ours <= theirs
    if name == "relu":
        assert ours < 0.7 * theirs


def _in_float32(leaf):
    return leaf.astype(jnp.float32) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
