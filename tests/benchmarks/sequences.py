"""Sequences: attention, recurrent layers, and cross-entropy over many classes.

Contestants are given the same arrays, and return numbers to be compared: <y, dy> and the lengths of
the gradients. Attention is causal, 4 heads of 64, without its linear maps; recurrent layers are 256
wide, 128 steps, 32 sequences. An embedding's table is in `embedding`.
"""

import functools

import numpy as np

from tests.benchmarks import embedding
from tests.benchmarks.contest import Contest, Contestant, hold

HERE = "tests.benchmarks.sequences"
ATTENTION = {256: (16, 8), 1024: (4, 2), 4096: (1, 1)}  # batch and calls in a run
HEADS, SIZE = 4, 64
WIDTH, STEPS, SEQUENCES = 256, 128, 32
ROWS, FEATURES = 2048, 256
CLASSES = {"16k": 16_384, "50k": 50_000}


def results(rounds: int) -> dict[str, dict]:
    found = {"sequences, temporaries": _temporaries()}
    for steps in ATTENTION:
        found[f"sequences, attention over {steps}"] = hold(attention_contest(steps), rounds)
    for kind in ("lstm", "gru"):
        found[f"sequences, {kind}"] = hold(recurrent_contest(kind), rounds)
    for name in CLASSES:
        found[f"sequences, linear cross-entropy, {name}"] = hold(linear_contest(name), rounds)
    return found | embedding.results(rounds)


def _torches(make: str) -> list[Contestant]:
    return [
        Contestant(f"PyTorch, {n} threads", "PyTorch", f"{HERE}:{make}", {"threads": n})
        for n in (1, 2)
    ]


def attention_contest(steps: int) -> Contest:
    batch, calls = ATTENTION[steps]
    return Contest(
        f"sequences, attention over {steps}",
        {"steps": steps, "batch": batch, "calls": calls},
        [
            Contestant("fnet", "fnet", f"{HERE}:attention", {"form": "fnet"}),
            Contestant("jax.grad, dense", "jax.grad", f"{HERE}:attention", {"form": "dense"}),
            Contestant(
                "jax.nn.dot_product_attention", "jax.nn", f"{HERE}:attention", {"form": "jax.nn"}
            ),
            *_torches("attention_torch"),
        ],
        {"jax.grad": 1.8, "jax.nn": 2.6, "PyTorch": 0.8},
        unit="call",
        count=calls,
    )


def recurrent_contest(kind: str) -> Contest:
    forms = {"fnet": "fnet", "jax.grad of the scan": "jax.grad", "flax": "flax"}
    return Contest(
        f"sequences, {kind}",
        {"kind": kind},
        [
            *(
                Contestant(name, peer, f"{HERE}:recurrent", {"form": peer})
                for name, peer in forms.items()
            ),
            *_torches("recurrent_torch"),
        ],
        {"jax.grad": 1.4, "flax": 1.4, "PyTorch": 1.2},
        unit="call",
        count=1,
    )


def linear_contest(name: str) -> Contest:
    forms = {
        "fnet": "fnet",
        "jax.grad, dense": "jax.grad",
        "jax.checkpoint, chunks": "jax.grad",
        "tokamax, xla": "tokamax",  # its chunked form is for TPUs, and refuses a CPU
    }
    return Contest(
        f"sequences, linear cross-entropy, {name}",
        {"classes": CLASSES[name]},
        [Contestant(name, peer, f"{HERE}:linear", {"form": name}) for name, peer in forms.items()],
        {"jax.grad": 1.2, "tokamax": 1.2},
        unit="call",
        count=1,
    )


def _normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def _runs(program, given, calls=1):
    """The numbers of `calls` calls of a program that returns y, dy and gradients."""
    import jax

    compiled = jax.jit(program)

    def run():
        for _ in range(calls):
            found = jax.block_until_ready(compiled(*given))
        return found

    numbers = _numbers(*run())
    return lambda: (run(), numbers)[1]


def _numbers(along, *gradients):
    return [float(along), *(np.linalg.norm(np.asarray(d, np.float64)) for d in gradients)]


def attention(steps, batch, calls, form):
    given = [_normal(i, batch, steps, HEADS, SIZE) for i in range(4)]
    return _runs(attention_program(form), given, calls)


def attention_program(form):
    import jax
    import jax.numpy as jnp

    from fnet.layers.attending import Sight, attend, pull_back

    def dense(q, k, v):
        s = jnp.einsum("nthd,nshd->nhts", q, k) / np.float32(np.sqrt(SIZE))
        seen = jnp.tril(jnp.ones(s.shape[2:], bool))
        return jnp.einsum("nhts,nshd->nthd", jax.nn.softmax(jnp.where(seen, s, -jnp.inf)), v)

    def by_head(x):
        return x.swapaxes(1, 2).reshape(-1, x.shape[1], SIZE)

    def by_hand(q, k, v, dy):
        n, steps = q.shape[:2]
        q, k, v, do = map(by_head, (q, k, v, dy))
        q, do, sight = q[:, :, None], do[:, :, None], Sight(causal=True)
        o, lse = attend(q, k, v, None, None, sight)
        grads = pull_back(q, k, v, o, lse, do, None, None, sight)
        back = [x.reshape(n, HEADS, steps, SIZE).swapaxes(1, 2) for x in (o, *grads)]
        return (back[0] * dy).sum(), *back[1:]

    def by_autodiff(q, k, v, dy):
        of = functools.partial(jax.nn.dot_product_attention, is_causal=True)
        y, vjp = jax.vjp(dense if form == "dense" else of, q, k, v)
        return (y * dy).sum(), *vjp(dy)

    return by_hand if form == "fnet" else by_autodiff


def attention_torch(steps, batch, calls, threads):
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    torch.set_num_threads(threads)
    arrays = [torch.from_numpy(_normal(i, batch, steps, HEADS, SIZE)) for i in range(4)]
    *given, dy = (x.transpose(1, 2) for x in arrays)
    given = [x.requires_grad_() for x in given]

    def run():
        for _ in range(calls):
            y = scaled_dot_product_attention(*given, is_causal=True)
            grads = torch.autograd.grad(y, given, dy)
        return y, grads

    y, grads = run()
    numbers = _numbers((y * dy).sum().detach(), *grads)
    return lambda: (run(), numbers)[1]


def _recurrent_arrays(kind):
    """x, dy, and fnet's parameters."""
    import jax

    from fnet import layers

    layer = getattr(layers, kind)(WIDTH)
    params, _ = layer.init(jax.random.key(0), (STEPS, WIDTH))
    x, dy = (_normal(i, SEQUENCES, STEPS, WIDTH) for i in range(2))
    return layer, params, x, dy


def recurrent(kind, form):
    layer, params, x, dy = _recurrent_arrays(kind)
    make = {"fnet": _by_fnet, "jax.grad": _by_scan, "flax": _by_flax}[form]
    return _runs(make(kind, layer, params), (params, x, dy))


def _by_fnet(kind, layer, params):
    def program(params, x, dy):
        y, cache = layer.forward(params, x)
        grads, dx = layer.backward(params, cache, dy)
        return (y * dy).sum(), dx, grads.u, grads.w

    return program


def _by_scan(kind, layer, params):
    import jax
    import jax.numpy as jnp

    sigmoid = jax.nn.sigmoid

    def lstm(p, state, x):
        h, c = state
        i, f, g, o = jnp.split(x @ p.w.T + h @ p.u.T + p.b, 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
        return (sigmoid(o) * jnp.tanh(c), c)

    def gru(p, state, x):
        (h,), a, v = (
            state,
            jnp.split(x @ p.w.T + p.b, 3, axis=-1),
            jnp.split(state[0] @ p.u.T, 3, -1),
        )
        r, z = sigmoid(a[0] + v[0]), sigmoid(a[1] + v[1])
        return ((1 - z) * jnp.tanh(a[2] + r * (v[2] + p.c)) + z * h,)

    def forward(p, x):
        begin = (jnp.zeros((SEQUENCES, WIDTH)),) * (2 if kind == "lstm" else 1)
        step = lstm if kind == "lstm" else gru

        def one(state, x):
            after = step(p, state, x)
            return after, after[0]

        return jax.lax.scan(one, begin, x.swapaxes(0, 1))[1].swapaxes(0, 1)

    def program(params, x, dy):
        y, vjp = jax.vjp(forward, params, x)
        grads, dx = vjp(dy)
        return (y * dy).sum(), dx, grads.u, grads.w

    return program


def _by_flax(kind, layer, params):
    import flax.linen as nn
    import jax
    import jax.numpy as jnp

    cell = {"lstm": nn.OptimizedLSTMCell, "gru": nn.GRUCell}[kind](WIDTH)
    net = nn.RNN(cell)

    def tree(p):
        """fnet's parameters where flax has them: a kernel for each gate, (in, out)."""
        names = {"lstm": "ifgo", "gru": "rzn"}[kind]
        inner = {}
        parts = (jnp.split(each, len(names)) for each in (p.w, p.u, p.b))
        for name, w, u, b in zip(names, *parts, strict=True):
            for way, kernel in (("i", w), ("h", u)):
                inner[way + name] = {"kernel": kernel.T}
            inner[("h" if kind == "lstm" else "i") + name]["bias"] = b
        if kind == "gru":
            inner["hn"]["bias"] = p.c
        return {"params": {"cell": inner}}

    def program(params, x, dy):
        y, vjp = jax.vjp(lambda p, x: net.apply(tree(p), x), params, x)
        grads, dx = vjp(dy)
        return (y * dy).sum(), dx, grads.u, grads.w

    return program


def recurrent_torch(kind, threads):
    import torch

    torch.set_num_threads(threads)
    _, params, x, dy = _recurrent_arrays(kind)
    net = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind](WIDTH, WIDTH, batch_first=True)
    second = np.zeros_like(params.b)
    if kind == "gru":
        second[2 * WIDTH :] = params.c
    with torch.no_grad():
        for own, value in zip(net.parameters(), (*params[:3], second), strict=True):
            own.copy_(torch.from_numpy(np.array(value)))
    x, dy = torch.from_numpy(x).requires_grad_(), torch.from_numpy(dy)
    given = [x, net.weight_hh_l0, net.weight_ih_l0]

    def run():
        y, _ = net(x)
        return y, torch.autograd.grad(y, [*given, net.bias_hh_l0], dy)[:3]

    y, grads = run()
    numbers = _numbers((y * dy).sum().detach(), *grads)
    return lambda: (run(), numbers)[1]


def linear(classes, form):
    program, given = linear_program(classes, form)
    return _runs(program, given)


def linear_program(classes, form):
    import jax
    import jax.numpy as jnp
    import optax

    from fnet import losses

    w = _normal(1, classes, FEATURES) / np.float32(np.sqrt(FEATURES))
    given = (_normal(0, ROWS, FEATURES), w, np.zeros(classes, np.float32))
    labels = np.random.default_rng(2).integers(0, classes, ROWS, dtype=np.int32)

    def dense(y, labels):
        x, w, b = y
        found = optax.softmax_cross_entropy_with_integer_labels(x @ w.T + b, labels)
        return found.sum() / ROWS

    def chunks(y, labels):
        x, w, b = y

        @jax.checkpoint
        def one(total, part):
            return total + dense((part[0], w, b), part[1]), None

        cut = x.reshape(-1, 128, FEATURES), labels.reshape(-1, 128)
        return jax.lax.scan(one, jnp.zeros(()), cut)[0]

    def tokamaxed(y, labels):
        from tokamax import linear_softmax_cross_entropy_loss

        x, w, b = y
        x = jnp.concatenate((x, jnp.ones((ROWS, 1))), axis=1)  # it has no bias
        w = jnp.concatenate((w, b[:, None]), axis=1).T
        return linear_softmax_cross_entropy_loss(
            x, labels, w, reduction="mean", implementation="xla"
        )

    def by_hand(y, labels):
        value, grads = losses.linear_cross_entropy().value_and_grad(y, labels)
        return value, *grads

    def by_autodiff(y, labels):
        value, grads = jax.value_and_grad(forms[form])(y, labels)
        return value, *grads

    forms = {
        "jax.grad, dense": dense,
        "jax.checkpoint, chunks": chunks,
        "tokamax, xla": tokamaxed,
    }
    return by_hand if form == "fnet" else by_autodiff, (given, labels)


def _temporaries() -> dict:
    """Bytes of both passes, by the compiler's own account."""
    import jax

    rows, targets = [], []
    for steps, (batch, _) in ATTENTION.items():
        given = [jax.ShapeDtypeStruct((batch, steps, HEADS, SIZE), np.float32)] * 4
        programs = {form: (attention_program(form), given) for form in ("fnet", "dense")}
        rows += _megabytes(f"attention over {steps}", programs)
        if steps == 1024:
            targets.append(_ratio(f"dense attention over {steps}", 0.25, rows))
    for name, classes in CLASSES.items():
        forms = ("fnet", "jax.grad, dense")
        programs = {form: linear_program(classes, form) for form in forms}
        rows += _megabytes(f"linear cross-entropy, {name}", programs)
        targets.append(_ratio(f"dense cross-entropy, {name}", 0.13, rows))
    for kind in ("lstm", "gru"):
        layer, *given = _recurrent_arrays(kind)
        made = {"fnet": _by_fnet, "jax.grad of the scan": _by_scan}
        programs = {name: (make(kind, layer, given[0]), given) for name, make in made.items()}
        rows += _megabytes(kind, programs)
        targets.append(_ratio(f"jax.grad, {kind}", 0.8, rows))
    return {
        "title": "sequences, temporaries",
        "columns": ["what", "program", "MB"],
        "rows": rows,
        "targets": targets,
    }


def _megabytes(what: str, programs: dict) -> list[dict]:
    import jax

    return [
        {
            "what": what,
            "program": name,
            "MB": jax.jit(program).lower(*given).compile().memory_analysis().temp_size_in_bytes
            / 1e6,
        }
        for name, (program, given) in programs.items()
    ]


def _ratio(against: str, target: float, rows: list[dict]) -> dict:
    ours, theirs = rows[-2:]
    return {"against": against, "target": target, "ratio": ours["MB"] / theirs["MB"], "most": True}
