"""Residual networks as their users write them: by `jax.grad` and optax, by flax, and by PyTorch.

The network of `fnet.models.resnet` is written once, over the operations of each library, and takes
its parameters in the order of their use, which is that of fnet's. In training all have the mean and
variance of the batch, and move their running statistics. PyTorch has no padding of "same" at stride
2: one row and one column of zeros are put behind its images. Its arrays are channels_last.
"""

import functools

import numpy as np

from tests.benchmarks import cores
from tests.benchmarks.images import BATCH, CLASSES, SIZE, rows
from tests.benchmarks.loops import by_jax, by_torch

WIDTH, RATE = 16, 0.05
EPS, KEPT = 1e-5, 0.9


def network(ops, x, depth):
    """Logits (N, 10) of images."""
    x = ops.conv(x, WIDTH)
    for stage in range(3):
        for number in range((depth - 2) // 6):
            width, stride = WIDTH * 2**stage, 2 if stage and not number else 1
            h = ops.conv(ops.normed(x), width, stride)
            h = ops.conv(ops.normed(h), width)
            x = h + (x if stride == 1 else ops.conv(x, width, stride, 1))
    return ops.affine(ops.averaged(ops.normed(x)))


def ours(depth):
    """Model, loss, optimizer, and the state that all begin with."""
    from fnet import losses, models, optimizers
    from fnet.training import start

    model, optimizer = models.resnet(CLASSES, depth, WIDTH), optimizers.sgd(RATE)
    state = start(model, optimizer, (SIZE, SIZE, 3)).state
    return model, losses.cross_entropy(), optimizer, state


def weights(depth):
    """What is trained of it, in the order of use."""
    import jax

    from fnet.core import NonTrainable

    leaves = jax.tree.leaves(
        ours(depth)[3].params, is_leaf=lambda part: isinstance(part, NonTrainable)
    )
    return [np.asarray(leaf) for leaf in leaves if not isinstance(leaf, NonTrainable)]


def fnet_step(steps, depth, form="epoch", devices=0):
    place = cores.placement(devices)
    import jax
    import jax.numpy as jnp

    from fnet.training import make_epoch, make_step

    model, loss, optimizer, state = ours(depth)
    x, labels, order = rows(steps)
    state, (x, labels) = place.state(state), place.arrays((x, labels))
    key = jax.random.key(0)
    if form == "epoch":
        epoch, order = make_epoch(model, loss, optimizer, placement=place), place.order(order)
        return lambda: np.asarray(epoch(state, x, labels, order, key)[1].loss)
    step = make_step(model, loss, optimizer)
    batches = [(x[places], labels[places]) for places in order]

    def run():
        now, found = state, []
        for batch in batches:
            now, metrics = step(now, *batch, None, key)
            found.append(metrics.loss)
        return np.asarray(jnp.stack(found))

    return run


class ByJax:
    """Operations of lax, with the parameters one after the other."""

    def __init__(self, leaves):
        self.leaves, self.seen = iter(leaves), []

    def conv(self, x, width, stride=1, window=3):
        from jax import lax

        numbers = ("NHWC", "HWIO", "NHWC")
        w = next(self.leaves)
        return lax.conv_general_dilated(x, w, (stride, stride), "SAME", dimension_numbers=numbers)

    def normed(self, x):
        import jax

        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        self.seen += [mean, variance]
        scale, bias = next(self.leaves), next(self.leaves)
        return jax.nn.relu((x - mean) * jax.lax.rsqrt(variance + EPS) * scale + bias)

    def averaged(self, x):
        return x.mean((1, 2))

    def affine(self, x):
        w, b = next(self.leaves), next(self.leaves)
        return x @ w.T + b


def by_autodiff(depth):
    """(step(carry, x, labels) -> carry, loss), and the first carry."""
    import jax
    import jax.numpy as jnp
    import optax

    def value(leaves, x, labels):
        ops = ByJax(leaves)
        logits = network(ops, x, depth)
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
        return loss, ops.seen

    update = optax.sgd(RATE)

    def step(carry, x, labels):
        leaves, running, state = carry
        (loss, seen), grads = jax.value_and_grad(value, has_aux=True)(leaves, x, labels)
        updates, state = update.update(grads, state, leaves)
        running = [KEPT * old + (1 - KEPT) * new for old, new in zip(running, seen, strict=True)]
        return (optax.apply_updates(leaves, updates), running, state), loss

    leaves = list(map(jnp.asarray, weights(depth)))
    first = jnp.zeros((BATCH, SIZE, SIZE, 3)), jnp.zeros(BATCH, jnp.int32)
    running = [jnp.ones(s.shape) for s in jax.eval_shape(value, leaves, *first)[1]]
    return step, (leaves, running, update.init(leaves))


class ByFlax:
    """Layers of flax.linen, named by their numbers, so that their order is that of use."""

    number = 0

    def named(self):
        self.number += 1
        return f"{self.number:03d}"

    def conv(self, x, width, stride=1, window=3):
        from flax import linen as nn

        strides = (stride, stride)
        return nn.Conv(width, (window, window), strides, use_bias=False, name=self.named())(x)

    def normed(self, x):
        from flax import linen as nn

        norm = nn.BatchNorm(False, momentum=KEPT, epsilon=EPS, name=self.named())
        return nn.relu(norm(x))

    def averaged(self, x):
        return x.mean((1, 2))

    def affine(self, x):
        from flax import linen as nn

        return nn.Dense(CLASSES, name=self.named())(x)


def by_flax(depth):
    """The same step by flax and optax."""
    import jax
    import jax.numpy as jnp
    import optax
    from flax import linen as nn

    class Net(nn.Module):
        @nn.compact
        def __call__(self, x):
            return network(ByFlax(), x, depth)

    model, update = Net(), optax.sgd(RATE)
    variables = model.init(jax.random.key(0), jnp.zeros((BATCH, SIZE, SIZE, 3)))
    leaves = iter(weights(depth))

    def filled(part):
        w = next(leaves)
        found = {"kernel": w.T if w.ndim == 2 else w} if w.ndim > 1 else {"scale": w}
        return found | ({"bias": next(leaves)} if "bias" in part else {})

    names = sorted(variables["params"])
    params = {name: filled(variables["params"][name]) for name in names}
    params = jax.tree.map(jnp.asarray, params)

    def value(params, stats, x, labels):
        logits, seen = model.apply(
            {"params": params, "batch_stats": stats}, x, mutable=["batch_stats"]
        )
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
        return loss, seen["batch_stats"]

    def step(carry, x, labels):
        params, stats, state = carry
        (loss, stats), grads = jax.value_and_grad(value, has_aux=True)(params, stats, x, labels)
        updates, state = update.update(grads, state, params)
        return (optax.apply_updates(params, updates), stats, state), loss

    return step, (params, variables["batch_stats"], update.init(params))


def autodiff_step(steps, depth, form, by, devices=0):
    cores.divide(devices)
    import jax

    step, begin = {"jax": by_autodiff, "flax": by_flax}[by](depth)
    x, labels, order = rows(steps)
    begin, (x, labels), order = cores.placed(devices, begin, (x, labels), order)
    if form == "scan":

        @jax.jit
        def scan(carry, x, labels, order):
            return jax.lax.scan(lambda c, i: step(c, x[i], labels[i]), carry, order)[1]

        return lambda: np.asarray(scan(begin, x, labels, order))
    return by_jax(step, begin, [(x[places], labels[places]) for places in order])


def torch_net(depth):
    """The network, an nn.Module."""
    import torch
    from torch.nn import functional

    def placed(w):
        if w.ndim < 4:
            return torch.from_numpy(w.copy())
        w = torch.from_numpy(np.ascontiguousarray(w.transpose(3, 2, 0, 1)))
        return w.contiguous(memory_format=torch.channels_last)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.leaves = torch.nn.ParameterList(map(placed, weights(depth)))
            for place, leaf in enumerate(self.leaves):
                self.register_buffer(f"mean{place}", torch.zeros(len(leaf)))
                self.register_buffer(f"variance{place}", torch.ones(len(leaf)))

        def forward(self, x):
            self.place = 0
            return network(self, x, depth)

        def following(self):
            self.place += 1
            return self.leaves[self.place - 1]

        def conv(self, x, width, stride=1, window=3):
            if stride == 2 and window == 3:
                return functional.conv2d(functional.pad(x, (0, 1, 0, 1)), self.following(), None, 2)
            return functional.conv2d(x, self.following(), None, stride, window // 2)

        def normed(self, x):
            running = [getattr(self, f"{what}{self.place}") for what in ("mean", "variance")]
            scale, bias = self.following(), self.following()
            x = functional.batch_norm(x, *running, scale, bias, True, 1 - KEPT, EPS)
            return functional.relu(x)

        def averaged(self, x):
            return x.mean((2, 3))

        def affine(self, x):
            return functional.linear(x, self.following(), self.following())

    return Net()


def pytorch_step(steps, depth, threads, compiled):
    import torch

    torch.set_num_threads(threads)
    x, labels, order = rows(steps)
    batches = [
        (torch.from_numpy(x[i]).permute(0, 3, 1, 2), torch.from_numpy(labels[i]).long())
        for i in order
    ]
    make = functools.partial(torch.optim.SGD, lr=RATE, fused=True)
    return by_torch(torch_net(depth), make, batches, compiled)
