"""Language models: how near the default run comes to the optimum, and how fast tokens follow.

Generation is greedy: 256 tokens after a prompt of four, by a transformer of 12 blocks of width 128
with four heads and learned positions, one sequence; all contestants have the same weights, keep
keys and values, and must give the same tokens. The default run is `fnet train --model ...` without
data.
"""

import json
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.benchmarks.contest import Contest, Contestant, hold

HERE = "tests.benchmarks.language"
VOCABULARY, WIDTH, BLOCKS, HEADS, TOKENS = 256, 128, 12, 4, 256
PROMPT = [[84, 104, 101, 32]]
LENGTH = len(PROMPT[0]) + TOKENS
EPS = 1e-5
TARGETS = {"PyTorch": 1.0, "flax": 2.0}
ABOVE, SECONDS = 0.02, 180.0  # of the default run


def results(rounds: int) -> dict[str, dict]:
    return {
        "language, default run": default_runs(),
        "language, generation": hold(generation_contest(), rounds),
    }


def default_runs() -> dict:
    """Loss over the optimum after the default run of each model, and how long it took."""
    from fnet.cli import main

    rows = []
    for model in ("transformer", "lstm", "gru"):
        with tempfile.TemporaryDirectory() as home:
            begun = time.perf_counter()
            assert main(["train", "--model", model, "--out", f"{home}/run", "--quiet"]) == 0
            seconds = time.perf_counter() - begun
            metrics = json.loads(Path(home, "run", "metrics.json").read_text("utf-8"))
        rows.append(
            {
                "model": model,
                "loss": round(metrics["test_loss"], 4),
                "lowest": round(metrics["test_lowest_loss"], 4),
                "above": round(metrics["test_above_lowest"], 4),
                "seconds": round(seconds, 1),
            }
        )
    first = rows[0]
    targets = [
        {"against": "the optimum", "target": ABOVE, "ratio": first["above"], "most": True},
        {"against": "seconds", "target": SECONDS, "ratio": first["seconds"], "most": True},
    ]
    columns = ["model", "loss", "lowest", "above", "seconds"]
    return {"title": "language", "columns": columns, "rows": rows, "targets": targets}


def generation_contest() -> Contest:
    return Contest(
        "language, generation",
        {},
        [
            Contestant("fnet", "fnet", f"{HERE}:fnet"),
            Contestant("fnet, no cache", "fnet, no cache", f"{HERE}:fnet", {"cached": False}),
            Contestant("flax, its cache", "flax", f"{HERE}:flax"),
            *(
                Contestant(f"PyTorch, {n} threads", "PyTorch", f"{HERE}:torch", {"threads": n})
                for n in (1, 2)
            ),
        ],
        TARGETS,
        unit="token",
        count=TOKENS,
    )


def weights(blocks=BLOCKS, length=LENGTH):
    """Embedding and positions; of each block two norms, q, k, v and out, and two affine layers, all
    with biases; a last norm, and the weight of the logits. A weight is (out, in)."""
    rng = np.random.default_rng(0)

    def normal(*shape):
        return (rng.standard_normal(shape) * 0.08).astype(np.float32)

    def norm():
        return [1 + normal(WIDTH), normal(WIDTH)]

    def linear(out, into):
        return [normal(out, into), normal(out)]

    def block():
        maps = [each for _ in range(4) for each in linear(WIDTH, WIDTH)]
        inner = [*linear(4 * WIDTH, WIDTH), *linear(WIDTH, 4 * WIDTH)]
        return [*norm(), *maps, *norm(), *inner]

    begin = [10 * normal(VOCABULARY, WIDTH), 10 * normal(length, WIDTH)]
    return begin, [block() for _ in range(blocks)], [*norm(), normal(VOCABULARY, WIDTH)]


def fnet(cached=True):
    import jax

    from fnet import models

    model = models.transformer(
        VOCABULARY, WIDTH, BLOCKS, HEADS, LENGTH, positions="learned", tied=False
    )
    begin, blocks, end = weights()
    stacked = [np.stack(each) for each in zip(*blocks, strict=True)]
    drawn = jax.eval_shape(lambda key: model.init(key, (LENGTH,))[0], jax.random.key(0))
    leaves = [jax.numpy.asarray(leaf) for leaf in (*begin, *stacked, *end)]
    params = jax.tree.unflatten(jax.tree.structure(drawn), leaves)

    def run():
        made = models.generate(model, params, PROMPT, TOKENS, temperature=0, cached=cached)
        return made[0].astype(float)

    return run


def flax_model(blocks=BLOCKS, length=LENGTH, decode=True):
    """The network in flax, of one token and its place with a cache, or of a whole text."""
    from flax import linen

    class Model(linen.Module):
        @linen.compact
        def __call__(self, token, place):
            x = linen.Embed(VOCABULARY, WIDTH, name="embed")(token)
            x = x + linen.Embed(length, WIDTH, name="place")(place)
            past = None if decode else linen.make_causal_mask(token, dtype=bool)
            for number in range(blocks):
                norms = [linen.LayerNorm(EPS, name=f"norm{number}_{each}") for each in (0, 1)]
                look = linen.MultiHeadDotProductAttention(
                    HEADS, decode=decode, deterministic=True, name=f"look{number}"
                )
                x = x + look(norms[0](x), mask=past)
                y = linen.Dense(4 * WIDTH, name=f"wide{number}")(norms[1](x))
                y = linen.gelu(y, approximate=False)
                x = x + linen.Dense(WIDTH, name=f"back{number}")(y)
            x = linen.LayerNorm(EPS, name="norm")(x)
            return linen.Dense(VOCABULARY, use_bias=False, name="logits")(x)

    return Model()


def flax():
    import jax
    import jax.numpy as jnp

    model, params = flax_model(), flax_params()
    whole = jnp.zeros((1, LENGTH), jnp.int32)
    cache = model.init(jax.random.key(0), whole, whole)["cache"]
    prompt = jnp.asarray(PROMPT, jnp.int32)

    @jax.jit
    def generated(params, cache):
        def step(carry, place):
            token, cache = carry
            variables = {"params": params, "cache": cache}
            at = jnp.full((1, 1), place)
            logits, changed = model.apply(variables, token, at, mutable=["cache"])
            best = logits.argmax(axis=-1).astype(jnp.int32)
            known = prompt[:, jnp.minimum(place + 1, prompt.shape[1] - 1)][:, None]
            token = jnp.where(place + 1 < prompt.shape[1], known, best)
            return (token, changed["cache"]), token

        places = jnp.arange(LENGTH - 1, dtype=jnp.int32)
        _, tokens = jax.lax.scan(step, (prompt[:, :1], cache), places)
        return jnp.concatenate((prompt[0, :1], tokens[:, 0, 0]))

    return lambda: np.asarray(generated(params, cache)).astype(float)


def flax_params(number=BLOCKS, length=LENGTH):
    (table, places), blocks, (scale, bias, logits) = weights(number, length)
    params = {
        "embed": {"embedding": table},
        "place": {"embedding": places},
        "norm": {"scale": scale, "bias": bias},
        "logits": {"kernel": logits.T},
    }
    for number, block in enumerate(blocks):
        first, maps, second, inner = block[:2], block[2:10], block[10:12], block[12:]
        for each, (scale, bias) in enumerate((first, second)):
            params[f"norm{number}_{each}"] = {"scale": scale, "bias": bias}
        look = {
            name: {
                "kernel": w.T.reshape(WIDTH, HEADS, -1),
                "bias": b.reshape(HEADS, -1),
            }
            for name, w, b in zip(("query", "key", "value"), maps[:6:2], maps[1:6:2], strict=True)
        }
        look["out"] = {"kernel": maps[6].T.reshape(HEADS, -1, WIDTH), "bias": maps[7]}
        params[f"look{number}"] = look
        params[f"wide{number}"] = {"kernel": inner[0].T, "bias": inner[1]}
        params[f"back{number}"] = {"kernel": inner[2].T, "bias": inner[3]}
    return params


def torch(threads):
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    begin, blocks, end = ([torch.from_numpy(each) for each in part] for part in flat(weights()))
    blocks = [blocks[place : place + 16] for place in range(0, len(blocks), 16)]

    def heads(x):
        return x.view(1, -1, HEADS, WIDTH // HEADS).transpose(1, 2)

    def through(x, block, keys, values, place):
        linear = functional.linear
        y = functional.layer_norm(x, (WIDTH,), block[0], block[1], EPS)
        q, k, v = (heads(linear(y, block[at], block[at + 1])) for at in (2, 4, 6))
        keys[:, :, place : place + 1], values[:, :, place : place + 1] = k, v
        seen = keys[:, :, : place + 1], values[:, :, : place + 1]
        o = functional.scaled_dot_product_attention(q, *seen)
        x = x + linear(o.transpose(1, 2).reshape(1, 1, WIDTH), block[8], block[9])
        y = functional.layer_norm(x, (WIDTH,), block[10], block[11], EPS)
        y = functional.gelu(linear(y, block[12], block[13]))
        return x + linear(y, block[14], block[15])

    @torch.inference_mode()
    def run():
        shape = 1, HEADS, LENGTH, WIDTH // HEADS
        caches = [(torch.zeros(shape), torch.zeros(shape)) for _ in blocks]
        tokens = list(PROMPT[0])
        for place in range(LENGTH - 1):
            x = (begin[0][tokens[place]] + begin[1][place]).view(1, 1, WIDTH)
            for block, (keys, values) in zip(blocks, caches, strict=True):
                x = through(x, block, keys, values, place)
            if place + 1 < len(tokens):
                continue
            x = functional.layer_norm(x, (WIDTH,), end[0], end[1], EPS)
            tokens.append(int(functional.linear(x, end[2]).argmax()))
        return np.array(tokens, float)

    return run


def flat(parts):
    begin, blocks, end = parts
    return begin, [each for block in blocks for each in block], end
