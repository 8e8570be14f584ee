"""A training step of a transformer of 12 or 48 blocks: time, temporaries, and time to compile.

Blocks are 128 wide, with four heads, gelu, and 128 steps of 8 sequences; embedding, positions and
logits are those of `language`, and so are the weights. A run is an epoch of sgd, compiled as one
loop; PyTorch's is one of Python. fnet stands at two points: `repeat` keeps what its backward pass
needs, and `remat` within it makes that again; *divided* are two cores as devices, with the
temporaries of both. flax, whose blocks are unrolled too, is measured with 12 alone.
"""

import time

import numpy as np

from tests.benchmarks import cores, language
from tests.benchmarks.contest import Contest, Contestant, hold
from tests.benchmarks.cores import DIVIDED
from tests.benchmarks.language import EPS, HEADS, VOCABULARY, WIDTH
from tests.benchmarks.scanned import optax_losses

HERE = "tests.benchmarks.blocks"
BATCH, LENGTH, RATE = 8, 128, 0.1
STEPS = {12: 4, 48: 2}  # of one step XLA makes no loop, and leaves out what no loss depends on
JAX = {"unrolled": "jax.grad, unrolled", "scan": "jax.grad, scan", "checkpoint": "jax.checkpoint"}
ALSO = {form: f"{JAX[form]}, divided" for form in ("scan", "checkpoint")}
KEPT, REMADE, SPREAD = "fnet", "fnet, remat", "fnet, divided"


def results(rounds: int) -> dict[str, dict]:
    found = {}
    for blocks in STEPS:
        race = contest(blocks)
        result = hold(race, rounds)
        result["targets"] = []  # those of two points stand in the table of both figures
        found[race.name] = result
        found[f"{race.name}, memory"] = _both(blocks, result["rows"])
    return found


def contest(blocks: int) -> Contest:
    torches = [
        Contestant(f"PyTorch, {n} threads", "PyTorch", f"{HERE}:torch", {"threads": n})
        for n in (1, 2)
    ]
    return Contest(
        f"blocks, {blocks}",
        {"blocks": blocks},
        [
            Contestant(KEPT, "fnet", f"{HERE}:fnet"),
            Contestant(REMADE, REMADE, f"{HERE}:fnet", {"remade": True}),
            *(
                Contestant(name, name, f"{HERE}:by_autodiff", {"form": form})
                for form, name in JAX.items()
            ),
            *([Contestant("flax", "flax", f"{HERE}:flax")] if blocks == 12 else []),
            Contestant(SPREAD, SPREAD, f"{HERE}:fnet", DIVIDED),
            *(
                Contestant(name, name, f"{HERE}:by_autodiff", {"form": form, **DIVIDED})
                for form, name in ALSO.items()
            ),
            *torches,
        ],
        {},
        unit="step",
        count=STEPS[blocks],
    )


def _both(blocks: int, rows: list[dict]) -> dict:
    """Time, temporaries and time to compile of each, and the targets that are of several."""
    timed = {row["name"]: row for row in rows if "ratio" in row}
    columns = ["program", "ms a step", "temporaries, MB", "to compile, s"]
    table = [
        {
            "program": name,
            "ms a step": row["microseconds"] / 1000,
            "temporaries, MB": row.get("megabytes"),
            "to compile, s": row.get("compile_seconds"),
        }
        for name, row in timed.items()
    ]
    return {
        "title": f"transformer of {blocks} blocks",
        "columns": columns,
        "rows": table,
        "targets": _targets(blocks, timed),
    }


def _targets(blocks: int, timed: dict[str, dict]) -> list[dict]:
    targets = []
    rivals = [name for name in (*JAX.values(), *ALSO.values(), "flax") if name in timed]
    fastest = min(rivals, key=lambda name: timed[name]["ratio"])
    for point, rival, faster, smaller in (
        (KEPT, fastest, 1.3, 1.0),
        (KEPT, JAX["scan"], 1.6, 0.4),
        (REMADE, fastest, 1.3, 1.0),
        (REMADE, JAX["scan"], 1.6, 0.4),
        (SPREAD, fastest, 1.3, 1.0),
        (SPREAD, JAX["scan"], 1.6, 0.4),
    ):
        own, theirs = timed[point], timed[rival]
        targets.append(_target(f"{point}: {rival}", faster, theirs["ratio"] / own["ratio"]))
        part = own["megabytes"] / theirs["megabytes"]
        targets.append(_target(f"{point}: temporaries of {rival}", smaller, part, most=True))
    torches = [row["ratio"] for row in timed.values() if row["peer"] == "PyTorch"]
    targets.append(_target("PyTorch", 1.0, min(torches, default=None)))
    if torches:
        targets.append(_target(f"{SPREAD}: PyTorch", 1.0, min(torches) / timed[SPREAD]["ratio"]))
    unrolled = timed.get(JAX["unrolled"])
    if unrolled and blocks == max(STEPS):
        part = timed[KEPT]["compile_seconds"] / unrolled["compile_seconds"]
        targets.append(_target("time to compile unrolled", 0.2, part, most=True))
    return targets


def _target(against: str, target: float, ratio: float | None, most: bool = False) -> dict:
    return {"against": against, "target": target, "ratio": ratio} | ({"most": True} if most else {})


def arrays(blocks):
    """Tokens, the tokens after them, and the order of an epoch."""
    steps = STEPS[blocks]
    rng = np.random.default_rng(1)
    text = rng.integers(0, VOCABULARY, (BATCH * steps, LENGTH + 1), dtype=np.int32)
    order = np.arange(BATCH * steps, dtype=np.int32).reshape(steps, BATCH)
    return text[:, :-1], text[:, 1:], order


def _runs(epoch, devices, *given):
    """The losses of a compiled epoch, with its facts."""
    begun = time.perf_counter()
    program = epoch.lower(*given).compile()
    seconds = time.perf_counter() - begun

    def run():
        return np.asarray(program(*given))

    run.facts = {
        "megabytes": max(devices, 1) * program.memory_analysis().temp_size_in_bytes / 1e6,
        "compile_seconds": seconds,
    }
    return run


def fnet(blocks, remade=False, devices=0):
    place = cores.placement(devices)
    import jax

    from fnet import losses, models, optimizers
    from fnet.compose import remat, repeat, serial
    from fnet.training import make_epoch, start

    model = models.transformer(
        VOCABULARY, WIDTH, blocks, HEADS, LENGTH, positions="learned", tied=False
    )
    if remade:
        before, added, loop, *rest = model.layers
        model = serial(before, added, repeat(remat(loop.layers[0]), blocks), *rest)
    begin, each, end = language.weights(blocks, LENGTH)
    stacked = [np.stack(arrays) for arrays in zip(*each, strict=True)]
    optimizer = optimizers.sgd(RATE)
    state = start(model, optimizer, (LENGTH,)).state
    leaves = [jax.numpy.asarray(leaf) for leaf in (*begin, *stacked, *end)]
    state = state._replace(params=jax.tree.unflatten(jax.tree.structure(state.params), leaves))
    epoch = make_epoch(model, losses.cross_entropy(), optimizer, placement=place)
    losses_of = jax.jit(lambda *given: epoch(*given)[1].loss)
    x, labels, order = arrays(blocks)
    return _runs(
        losses_of, devices, place.state(state), *place.arrays((x, labels)), place.order(order)
    )


def _in_jax(apply, params, blocks, devices=0):
    """Autodiff and optax: a scan over all steps."""
    import jax
    import optax

    update = optax.sgd(RATE)
    losses = optax_losses(apply, update)

    @jax.jit
    def epoch(params, x, labels, order):
        return losses((params, update.init(params)), x, labels, order)

    x, labels, order = arrays(blocks)
    params, (x, labels), order = cores.placed(devices, params, (x, labels), order)
    return _runs(epoch, devices, params, x, labels, order)


def by_autodiff(blocks, form, devices=0):
    cores.divide(devices)
    import jax
    import jax.numpy as jnp

    def norm(x, scale, bias):
        mean = x.mean(-1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(x.var(-1, keepdims=True) + EPS) * scale + bias

    def attended(x, wq, bq, wk, bk, wv, bv, wo, bo):
        q, k, v = (
            (x @ w.T + b).reshape(*x.shape[:2], HEADS, -1)
            for w, b in ((wq, bq), (wk, bk), (wv, bv))
        )
        s = jnp.einsum("nthd,nshd->nhts", q, k) / np.float32(np.sqrt(q.shape[-1]))
        seen = jnp.tril(jnp.ones(s.shape[2:], bool))
        p = jax.nn.softmax(jnp.where(seen, s, -jnp.inf))
        return jnp.einsum("nhts,nshd->nthd", p, v).reshape(x.shape) @ wo.T + bo

    def block(x, own):
        x = x + attended(norm(x, *own[:2]), *own[2:10])
        w, b, back, c = own[12:]
        y = jax.nn.gelu(norm(x, *own[10:12]) @ w.T + b, approximate=False)
        return x + y @ back.T + c, None

    def apply(params, x):
        (table, places), blocks, (scale, bias, logits) = params
        x = table[x] + places
        if form == "unrolled":
            for own in blocks:
                x, _ = block(x, own)
        else:
            body = jax.checkpoint(block, prevent_cse=False) if form == "checkpoint" else block
            x, _ = jax.lax.scan(body, x, blocks)
        return norm(x, scale, bias) @ logits.T

    begin, each, end = language.weights(blocks, LENGTH)
    if form != "unrolled":
        each = [np.stack(arrays) for arrays in zip(*each, strict=True)]
    return _in_jax(apply, (begin, each, end), blocks, devices)


def flax(blocks):
    net = language.flax_model(blocks, LENGTH, decode=False)
    places = np.arange(LENGTH)[None]
    params = {"params": language.flax_params(blocks, LENGTH)}
    return _in_jax(lambda params, x: net.apply(params, x, places), params, blocks)


def torch(blocks, threads):
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    begin, each, end = language.flat(language.weights(blocks, LENGTH))
    x, labels, order = arrays(blocks)
    batches = [(torch.from_numpy(x[i]), torch.from_numpy(labels[i]).long()) for i in order]

    def block(x, own):
        linear = functional.linear
        y = functional.layer_norm(x, (WIDTH,), own[0], own[1], EPS)
        q, k, v = (
            linear(y, own[at], own[at + 1]).view(BATCH, LENGTH, HEADS, -1).transpose(1, 2)
            for at in (2, 4, 6)
        )
        o = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + linear(o.transpose(1, 2).reshape(x.shape), own[8], own[9])
        y = functional.layer_norm(x, (WIDTH,), own[10], own[11], EPS)
        y = functional.gelu(linear(y, own[12], own[13]))
        return x + linear(y, own[14], own[15])

    def run():
        params = [torch.from_numpy(leaf.copy()).requires_grad_() for leaf in (*begin, *each, *end)]
        table, places, *rest = params
        update = torch.optim.SGD(params, lr=RATE, fused=True)
        losses = []
        for x, labels in batches:
            update.zero_grad()
            y = functional.embedding(x, table) + places
            for place in range(0, 16 * blocks, 16):
                y = block(y, rest[place : place + 16])
            y = functional.layer_norm(y, (WIDTH,), *rest[-3:-1], EPS)
            loss = functional.cross_entropy(
                functional.linear(y, rest[-1]).flatten(0, 1), labels.flatten()
            )
            loss.backward()
            update.step()
            losses.append(loss.item())
        return np.array(losses)

    return run
