"""The whole job: from arrays in memory to the evaluated model, on a set of the size of CIFAR.

Twenty epochs of a network 3072-100-10 with Adam, rescaling and normalising included, with loss and
accuracy over a validation set after each epoch. All start from the same weights and get the same
batches. The curve covers the first steps only: later on, different orders of float32 summation
diverge by more than the tolerance, since Adam divides small gradients by their own size. Each row
gives the final metrics.
"""

import numpy as np

from fnet.data.batches import PADDING, epoch_order
from tests.benchmarks.contest import Contest, Contestant, hold

CLASSES, HIDDEN, RATE, CHUNK, COMPARED = 10, 100, 1e-3, 1000, 50
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.2, 0.22)
PROBLEM = {"n_train": 50_000, "n_val": 10_000, "epochs": 20, "batch_size": 128, "seed": 0}
TARGETS = {"PyTorch": 1.5, "flax": 1.5}


def pictures(n, seed, part=0):
    """(N, 32, 32, 3) uint8 and (N,) int32: a faint class mean in strong noise, learnable."""
    means = np.random.default_rng(seed).normal(128, 3, (CLASSES, 32, 32, 3)).astype(np.float32)
    rng = np.random.default_rng((seed, part, n))
    labels = rng.integers(0, CLASSES, n, dtype=np.int32)
    images = np.empty((n, 32, 32, 3), np.uint8)
    for first in range(0, n, 1000):  # noise for all at once would take four times the set's memory
        rows = labels[first : first + 1000]
        noise = rng.standard_normal((len(rows), 32, 32, 3), np.float32)
        images[first : first + 1000] = (means[rows] + 50 * noise).clip(0, 255)
    return images, labels


def weights(seed):
    """w (100, 3072), b (100,), w (10, 100), b (10,): He-normal weights, zero biases."""
    rng = np.random.default_rng(seed)
    w1 = rng.standard_normal((HIDDEN, 3072), np.float32) * np.float32(np.sqrt(2 / 3072))
    w2 = rng.standard_normal((CLASSES, HIDDEN), np.float32) * np.float32(np.sqrt(2 / HIDDEN))
    return w1, np.zeros(HIDDEN, np.float32), w2, np.zeros(CLASSES, np.float32)


def order_of(n, batch_size, seed, epoch):
    """The indices of each batch, one array per batch; the last may be shorter."""
    order = epoch_order(n, batch_size, seed=seed, epoch=epoch)
    return [*order[:-1], order[-1][order[-1] != PADDING]]


def linear_scale():
    """Scale and shift of bytes, x · scale + shift: rescaling and normalising in one."""
    mean, std = np.array(MEAN), np.array(STD)
    return (1 / (255 * std)).astype(np.float32), (-mean / std).astype(np.float32)


def fnet(n_train, n_val, epochs, batch_size, seed):
    import jax.numpy as jnp

    from fnet import data, losses, models, optimizers, training

    prepare = data.compose(data.rescale(), data.normalize(MEAN, STD))
    train, val = (
        data.memory({"image": images, "label": labels}, transform=prepare)
        for images, labels in (pictures(n_train, seed, 0), pictures(n_val, seed, 1))
    )
    model, optimizer = models.classification_net(CLASSES, HIDDEN), optimizers.adam(RATE)
    loss = losses.cross_entropy()
    settings = {"epochs": epochs, "batch_size": batch_size, "seed": seed}
    first = training.start(model, optimizer, (32, 32, 3), seed)
    (one, nothing, two), values = first.state.params, [jnp.asarray(w) for w in weights(seed)]
    params = (type(one)(*values[:2]), nothing, type(two)(*values[2:]))
    state = first.state._replace(params=params, opt_state=optimizer.init(params))
    first = first._replace(state=state, best=first.best._replace(params=params))

    def run():
        found = []
        for record in training.fit(model, loss, optimizer, train, val, resume=first, **settings):
            found.extend(record.losses[: COMPARED - len(found)])
        run.facts = {name: record.metrics[name] for name in ("val_loss", "val_accuracy")}
        return found

    return run


def pytorch(n_train, n_val, epochs, batch_size, seed, form, workers, threads):
    """`form` "items": a dataset of normalised pictures; "batches": whole batches of bytes.

    The second is the fast way. Channels come first, PyTorch's convention and also the faster layout
    to normalise; the weights' columns are reordered to match.
    """
    import torch
    from torch import nn
    from torch.utils.data import DataLoader

    torch.set_num_threads(threads or torch.get_num_threads())
    scale, shift = (torch.from_numpy(v).reshape(3, 1, 1) for v in linear_scale())

    def prepare(x):
        return torch.addcmul(shift, x.float(), scale)

    class Pictures(torch.utils.data.Dataset):
        def __init__(self, images, labels):
            images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
            self.images, self.labels = torch.from_numpy(images), torch.from_numpy(labels).long()

        def __len__(self):
            return len(self.images)

        def __getitem__(self, places):
            x, labels = self.images[places], self.labels[places]
            return (prepare(x) if form == "items" else x), labels

    class Order:
        epoch = 1  # set from outside: persistent workers begin the first epoch twice

        def __iter__(self):
            return iter(order_of(n_train, batch_size, seed, self.epoch))

    train, val = Pictures(*pictures(n_train, seed, 0)), Pictures(*pictures(n_val, seed, 1))
    chunks = [np.arange(i, min(i + CHUNK, n_val)) for i in range(0, n_val, CHUNK)]
    w1, b1, w2, b2 = weights(seed)
    w1 = w1.reshape(HIDDEN, 32, 32, 3).transpose(0, 3, 1, 2).reshape(HIDDEN, 3072)
    settings = {"num_workers": workers, "persistent_workers": workers > 0}

    def loader(dataset, batches):
        if form == "items":
            return DataLoader(dataset, batch_sampler=batches, **settings)
        return DataLoader(dataset, sampler=batches, batch_size=None, **settings)

    def run():
        model = nn.Sequential(
            nn.Flatten(), nn.Linear(3072, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES)
        )
        with torch.no_grad():
            for parameter, value in zip(model.parameters(), (w1, b1, w2, b2), strict=True):
                parameter.copy_(torch.from_numpy(value))
        optimizer = torch.optim.Adam(model.parameters(), RATE, fused=True)
        criterion, losses = nn.CrossEntropyLoss(), []
        order = Order()
        train_loader, val_loader = loader(train, order), loader(val, chunks)
        for order.epoch in range(1, epochs + 1):
            for x, labels in train_loader:
                optimizer.zero_grad()
                loss = criterion(model(x if form == "items" else prepare(x)), labels)
                loss.backward()
                optimizer.step()
                losses.append(loss.detach())
            total = hits = 0.0
            with torch.inference_mode():
                for x, labels in val_loader:
                    y = model(x if form == "items" else prepare(x))
                    total += criterion(y, labels).item() * len(labels)
                    hits += (y.argmax(1) == labels).sum().item()
        run.facts = {"val_loss": total / n_val, "val_accuracy": hits / n_val}
        return torch.stack(losses[:COMPARED]).numpy()

    return run


def flax(n_train, n_val, epochs, batch_size, seed):
    import jax
    import jax.numpy as jnp
    import optax
    from flax import linen as nn

    class Net(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = (x.astype(jnp.float32) * scale + shift).reshape(x.shape[0], -1)
            x = nn.relu(nn.Dense(HIDDEN)(x))
            return nn.Dense(CLASSES)(x)

    scale, shift = linear_scale()
    images, labels = pictures(n_train, seed, 0)
    val_images, val_labels = pictures(n_val, seed, 1)
    model, optimizer = Net(), optax.adam(RATE)

    def loss_of(params, x, label):
        y = model.apply(params, x)
        return optax.softmax_cross_entropy_with_integer_labels(y, label).mean(), y

    @jax.jit(donate_argnums=(0, 1))
    def step(params, state, x, label):
        (value, _), grads = jax.value_and_grad(loss_of, has_aux=True)(params, x, label)
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state, value

    @jax.jit
    def evaluate(params, x, label):
        value, y = loss_of(params, x, label)
        return value, (y.argmax(1) == label).mean()

    def run():
        w1, b1, w2, b2 = (jnp.array(w.T) for w in weights(seed))
        layers = {"Dense_0": {"kernel": w1, "bias": b1}, "Dense_1": {"kernel": w2, "bias": b2}}
        params, losses = {"params": layers}, []
        state, val = optimizer.init(params), (jnp.array(val_images), jnp.array(val_labels))
        for epoch in range(1, epochs + 1):
            for places in order_of(n_train, batch_size, seed, epoch):
                x, label = images[places], labels[places]
                params, state, value = step(params, state, x, label)
                losses.append(value)
            loss, accuracy = (float(value) for value in evaluate(params, *val))
        run.facts = {"val_loss": loss, "val_accuracy": accuracy}
        return np.array(losses[:COMPARED])

    return run


def contestants():
    here = "tests.benchmarks.job"
    yield Contestant("fnet", "fnet", f"{here}:fnet")
    for form, workers, threads in (("items", 2, None), ("batches", 0, 1), ("batches", 0, None)):
        name = f"PyTorch, DataLoader of {form}, {workers} workers, {threads or 'all'} threads"
        options = {"form": form, "workers": workers, "threads": threads}
        yield Contestant(name, "PyTorch", f"{here}:pytorch", options)
    yield Contestant("flax, NumPy loop", "flax", f"{here}:flax")


def results(rounds):
    contest = Contest(
        "whole job", PROBLEM, list(contestants()), TARGETS, "epoch", PROBLEM["epochs"]
    )
    return {contest.name: hold(contest, rounds)}
