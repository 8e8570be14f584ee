"""Residual networks: a step of ResNet-8, its memory, and the time to compile one of ResNet-20.

Batches are of 64 images of 32 x 32; the first convolution has 16 channels. The descent is
plain. *Divided* are two cores as devices, which share a batch: what `fnet train` does by itself.
"""

import dataclasses

from tests.benchmarks import compiling, images
from tests.benchmarks import residual_networks as networks
from tests.benchmarks.contest import Contest, Contestant, hold, pytorch_forms
from tests.benchmarks.cores import DIVIDED

HERE = "tests.benchmarks.residual_networks"
DEPTH, COMPILED = 8, 20
STEPS = 4  # of a run
TARGETS = {"jax.grad loop": 2.2, "jax.grad scan": 25, "flax scan": 25, "PyTorch": 1.0}


def results(rounds: int) -> dict[str, dict]:
    return {
        f"ResNet-{DEPTH}, temporaries": _temporaries(),
        f"ResNet-{DEPTH}, step": hold(_contest(), rounds),
        f"ResNet-{COMPILED}, compiling": _compiling(max(rounds, 2)),
    }


def _contest() -> Contest:
    torches = pytorch_forms(f"{HERE}:pytorch_step", 2)
    autodiff = [
        Contestant(
            f"{name} {form}",
            f"{name} {form}",
            f"{HERE}:autodiff_step",
            {"form": form, "by": name.split(".")[0]},
        )
        for name, form in (
            ("jax.grad", "loop"),
            ("flax", "loop"),
            ("jax.grad", "scan"),
            ("flax", "scan"),
        )
    ]
    contestants = [
        Contestant("fnet, divided among cores", "fnet", f"{HERE}:fnet_step", DIVIDED),
        Contestant("fnet, one device", "fnet, one device", f"{HERE}:fnet_step"),
        Contestant("fnet, loop", "fnet loop", f"{HERE}:fnet_step", {"form": "loop"}),
        *autodiff,
        *torches,
    ]
    autodiff += [
        dataclasses.replace(each, name=f"{each.name}, divided", options={**each.options, **DIVIDED})
        for each in autodiff
        if each.options["form"] == "loop"
    ]
    problem = {"steps": STEPS, "depth": DEPTH}
    return Contest(f"ResNet-{DEPTH}, step", problem, contestants, TARGETS, "step", STEPS)


def _temporaries() -> dict:
    """Bytes of a training step, by the compiler's own account."""
    rows = []
    for name in ("fnet", "jax.grad"):
        step, *arguments = _program(name, DEPTH)
        compiled = step.lower(*arguments).compile()
        size = compiled.memory_analysis().temp_size_in_bytes
        rows.append({"program": name, "MB": size / 1e6})
    ratio = rows[0]["MB"] / rows[1]["MB"]
    return {
        "title": f"ResNet-{DEPTH}, temporaries of a step",
        "columns": ["program", "MB"],
        "rows": rows,
        "targets": [{"against": "jax.grad", "target": 0.4, "ratio": ratio, "most": True}],
    }


def _compiling(rounds: int) -> dict:
    names = ("fnet", "jax.value_and_grad + optax", "flax + optax")
    programs = {name: (lambda depth, name=name: _program(name, depth)) for name in names}
    rows = compiling.measure(programs, COMPILED, rounds)
    targets = [
        {"against": row["program"], "target": 0.7, "ratio": row.get("fnet takes"), "most": True}
        for row in rows[1:]
    ]
    return {
        "title": f"trace and compile of a step of ResNet-{COMPILED}",
        "columns": list(rows[0]),
        "rows": rows,
        "targets": targets,
    }


def _program(name: str, depth: int) -> tuple:
    """The step, to be compiled, and what it takes."""
    import jax
    import jax.numpy as jnp

    from fnet.training import make_step

    x, labels, _ = map(jnp.asarray, images.rows(1))
    if name == "fnet":
        model, loss, optimizer, state = networks.ours(depth)
        step = make_step.__wrapped__(model, loss, optimizer)
        return step, state, x, labels, None, jax.random.key(0)
    make = networks.by_flax if name.startswith("flax") else networks.by_autodiff
    step, begin = make(depth)
    return jax.jit(step), begin, x, labels
