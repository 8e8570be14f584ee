"""An epoch of 50,000 images through ResNet-8, flipped and cropped at random, against PyTorch.

Both begin with the same weights, get the same batches, and augment them in the same way: what fnet
draws is given to PyTorch, which is not charged for drawing. The curve is that of the first losses;
later ones differ, as float32 does, so that a row also has the mean loss of the last hundred steps,
and a contestant whose last loss is more than 1 % off is not counted.
"""

import numpy as np

from tests.benchmarks import cores
from tests.benchmarks.contest import Contest, Contestant, hold
from tests.benchmarks.cores import DIVIDED
from tests.benchmarks.job import order_of, pictures
from tests.benchmarks.residual_networks import BATCH, RATE, SIZE, ours, torch_net

HERE = "tests.benchmarks.residual_epoch"
PROBLEM = {"n": 50_000, "seed": 0}
DEPTH, PADDING, COMPARED, LAST = 8, 4, 5, 100
TARGET, APART = 1.5, 0.01


def results(rounds: int) -> dict[str, dict]:
    contestants = [
        Contestant("fnet, divided among cores", "fnet", f"{HERE}:fnet", DIVIDED),
        Contestant("fnet, one device", "fnet, one device", f"{HERE}:fnet"),
    ]
    for form, workers in (("items", 2), ("batches", 0), ("batches", 1)):
        name = f"PyTorch, DataLoader of {form}, {workers} workers"
        options = {"form": form, "workers": workers}
        contestants.append(Contestant(name, "PyTorch", f"{HERE}:pytorch", options))
    name = "an epoch through ResNet-8, augmented"
    contest = Contest(name, PROBLEM, contestants, {"PyTorch": TARGET}, "epoch", 1)
    result = hold(contest, rounds)
    last = result["rows"][0]["last loss"]
    for row in result["rows"]:
        assert abs(row.get("last loss", last) / last - 1) < APART, row
    return {name: result}


def last_loss(losses):
    return {"last loss": float(np.mean(losses[-LAST:]))}


def augmentation():
    from fnet.data import augment, crop, flip

    return augment(flip(), crop(PADDING))


def fnet(n, seed, devices=0):
    cores.divide(devices)
    from fnet import data, training
    from fnet.devices import mesh

    images, labels = pictures(n, seed)
    train = data.memory({"image": images, "label": labels}, transform=data.rescale())
    model, loss, optimizer, _ = ours(DEPTH)
    settings = {"epochs": 1, "batch_size": BATCH, "seed": seed, "augmentation": augmentation()}
    settings |= {"mesh": mesh(devices)} if devices else {}

    def run():
        (record,) = training.fit(model, loss, optimizer, train, **settings)
        run.facts = last_loss(record.losses)
        return record.losses[:COMPARED]

    return run


def drawn(steps, seed):
    """What fnet draws for each place of each batch: whether it is flipped, and its crop's offset.

    Read off images whose pixels are their own places.
    """
    import jax
    import jax.numpy as jnp

    from fnet.initializers import keys

    places = jnp.arange(SIZE * SIZE, dtype=jnp.float32).reshape(1, SIZE, SIZE, 1)
    whole, key = jnp.tile(places, (BATCH, 1, 1, 1)), keys(seed)[1]

    @jax.jit
    def middle(step):
        x = augmentation().images(jax.random.fold_in(key, step), whole)
        return x[:, SIZE // 2, SIZE // 2 : SIZE // 2 + 2, 0]

    found = np.stack([middle(step) for step in np.arange(steps, dtype=np.int32)])
    down, across = np.divmod(found[..., 0].astype(np.int64), SIZE)
    flipped = found[..., 1] < found[..., 0]
    across = np.where(flipped, SIZE - 1 - across, across)
    return flipped, down - SIZE // 2 + PADDING, across - SIZE // 2 + PADDING


def pytorch(n, seed, form, workers):
    """`form` "items": a dataset of augmented pictures; "batches": whole batches, augmented."""
    import torch
    from torch import nn
    from torch.nn import functional
    from torch.utils.data import DataLoader

    images, labels = pictures(n, seed)
    order = order_of(n, BATCH, seed, 1)
    flipped, down, across = drawn(len(order), seed)
    images = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    labels = torch.from_numpy(labels).long()
    edges = (PADDING,) * 4
    window = torch.arange(SIZE)

    class Items(torch.utils.data.Dataset):
        def __len__(self):
            return n

        def __getitem__(self, drawn):
            place, flip, top, left = drawn
            x = images[place].flip(-1) if flip else images[place]
            x = functional.pad(x, edges)[:, top : top + SIZE, left : left + SIZE]
            return x.float() / 255, labels[place]

    class Batches(Items):
        def __getitem__(self, drawn):
            places, flip, top, left = map(torch.from_numpy, drawn)
            x = images[places]
            x = torch.where(flip[:, None, None, None], x.flip(-1), x)
            x = functional.pad(x, edges).permute(0, 2, 3, 1)
            rows, columns = top[:, None] + window, left[:, None] + window
            number = torch.arange(len(x))[:, None, None]
            x = x[number, rows[:, :, None], columns[:, None]]
            return x.permute(0, 3, 1, 2).float() / 255, labels[places]

    batches = [
        (places, *(part[step, : len(places)] for part in (flipped, down, across)))
        for step, places in enumerate(order)
    ]

    def loader():
        if form == "items":
            sampler = [
                list(zip(*(part.tolist() for part in each), strict=True)) for each in batches
            ]
            return DataLoader(Items(), batch_sampler=sampler, num_workers=workers)
        return DataLoader(Batches(), sampler=batches, batch_size=None, num_workers=workers)

    def run():
        net = torch_net(DEPTH).to(memory_format=torch.channels_last)
        optimizer = torch.optim.SGD(net.parameters(), RATE, fused=True)
        criterion, losses = nn.CrossEntropyLoss(), []
        for x, target in loader():
            x = x.to(memory_format=torch.channels_last)
            optimizer.zero_grad()
            loss = criterion(net(x), target)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        losses = torch.stack(losses).numpy()
        run.facts = last_loss(losses)
        return losses[:COMPARED]

    return run
