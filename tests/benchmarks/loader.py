"""The loader alone: normalised float32 batches of pictures, in a fixed shuffled order.

Three contests: an array in memory; a folder of PNG files in the first epoch, opening included; and
the same in the second epoch, which we read from memory while the others decode again. The "curve"
is a digest of every batch: the mean square of its pixels, and its labels weighted by position.
"""

import shutil
import tempfile
from pathlib import Path

import numpy as np

from tests.benchmarks.contest import Contest, Contestant, hold
from tests.benchmarks.job import CLASSES, MEAN, STD, linear_scale, order_of, pictures

MEMORY = {"n": 50_000, "batch_size": 128, "seed": 0}
FILES = {"n": 10_000, "batch_size": 128, "seed": 0}


def folder_of(n, seed):
    """A folder of n PNG files of 32×32 pixels in class folders, drawn on the first call."""
    folder = Path(tempfile.gettempdir()) / f"fnet-benchmark-pictures-{n}-{seed}"
    if folder.exists():
        return folder
    from PIL import Image

    draft = Path(tempfile.mkdtemp(dir=folder.parent))
    rng = np.random.default_rng(seed)
    for label in range(CLASSES):
        (draft / f"class{label}").mkdir()
    for number in range(n):  # smooth, with some noise, so that they compress like photographs
        coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8))
        smooth = np.asarray(coarse.resize((32, 32), Image.Resampling.BICUBIC))
        pixels = (smooth + rng.normal(0, 4, smooth.shape)).clip(0, 255).astype(np.uint8)
        name = f"class{number % CLASSES}/{number:05d}.png"
        Image.fromarray(pixels).save(draft / name)
    try:
        draft.rename(folder)  # so that an interrupted run leaves no incomplete folder
    except OSError:
        shutil.rmtree(draft)
    return folder


def listed(folder):
    """Paths and labels in fnet's order: sorted by class, then by name."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    pairs = [(str(p), i) for i, c in enumerate(classes) for p in sorted(c.iterdir())]
    paths, labels = zip(*pairs, strict=True)
    return paths, np.array(labels, np.int32)


def decoded(path):
    from PIL import Image

    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def digest(batches):
    found = []
    for x, labels in batches:
        flat, labels = np.asarray(x).reshape(-1), np.asarray(labels)
        found += [np.dot(flat, flat) / flat.size, np.dot(labels, np.arange(1, len(labels) + 1))]
    return np.array(found, np.float64)


def fnet(n, batch_size, seed, files, epoch):
    from fnet import data

    prepare = data.compose(data.rescale(), data.normalize(MEAN, STD))

    def opened():
        if files:
            return data.memory(data.image_folder(folder_of(n, seed)), transform=prepare)
        images, labels = pictures(n, seed)
        return data.memory({"image": images, "label": labels}, transform=prepare)

    fresh = files and epoch == 1  # reading the files is then part of the epoch
    held = None if fresh else opened()

    def run():
        batches = data.batches(held or opened(), batch_size, seed=seed, epoch=epoch)
        return digest((batch["image"], batch["label"]) for batch in batches)

    return run


def pytorch(n, batch_size, seed, files, epoch, form, workers, threads):
    """`form` "items": a dataset of normalised pictures; "batches": one of whole batches.

    In memory, where it costs nothing, channels come first, the faster layout to normalise.
    """
    import torch
    from torch.utils.data import DataLoader, Dataset

    torch.set_num_threads(threads or torch.get_num_threads())
    channels = (1, 1, 3) if files else (3, 1, 1)
    scale, shift = (torch.from_numpy(v).reshape(channels) for v in linear_scale())

    def prepare(x):
        return torch.addcmul(shift, x.float(), scale)

    class Held(Dataset):
        def __init__(self):
            images, labels = pictures(n, seed)
            self.images = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
            self.labels = torch.from_numpy(labels)

        def __len__(self):
            return n

        def __getitem__(self, places):
            return prepare(self.images[places]), self.labels[places]

    class Folder(Dataset):
        def __init__(self):
            self.paths, self.labels = listed(folder_of(n, seed))

        def __len__(self):
            return n

        def __getitem__(self, place):
            return prepare(torch.from_numpy(decoded(self.paths[place]))), self.labels[place]

    def opened():
        order = order_of(n, batch_size, seed, epoch)
        dataset = Folder() if files else Held()
        settings = {"num_workers": workers, "persistent_workers": workers > 0 and epoch > 1}
        if form == "items":
            return DataLoader(dataset, batch_sampler=order, **settings)
        return DataLoader(dataset, sampler=order, batch_size=None, **settings)

    fresh = files and epoch == 1
    held = None if fresh else opened()
    return lambda: digest(opened() if held is None else held)


def grain(n, batch_size, seed, files, epoch, threads):
    """Batches are normalised whole; `threads` read ahead, 0 reads on demand."""
    import grain

    scale, shift = (np.tile(v, 1024).reshape(32, 32, 3) for v in linear_scale())

    class Source:
        def __init__(self):
            self.images, self.labels = listed(folder_of(n, seed)) if files else pictures(n, seed)
            self.order = np.concatenate(order_of(n, batch_size, seed, epoch))

        def __len__(self):
            return n

        def __getitem__(self, index):
            place = self.order[index]
            image = self.images[place]
            return (decoded(image) if files else image), self.labels[place]

    def prepare(batch):
        x = batch[0] * scale
        x += shift
        return x, batch[1]

    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=16 if threads else 0)

    def opened():
        dataset = grain.MapDataset.source(Source()).batch(batch_size).map(prepare)
        return dataset.to_iter_dataset(options)

    fresh = files and epoch == 1
    held = None if fresh else opened()
    return lambda: digest(opened() if held is None else held)


def contest(name, problem, files, epoch, target):
    here, task = "tests.benchmarks.loader", {"files": files, "epoch": epoch}
    found = [Contestant("fnet", "fnet", f"{here}:fnet", task)]
    for workers, threads in ((0, 1), (0, None), (2, None)):
        options = {**task, "form": "items", "workers": workers, "threads": threads}
        label = f"PyTorch, DataLoader, {workers} workers, {threads or 'all'} threads"
        found.append(Contestant(label, "PyTorch", f"{here}:pytorch", options))
    if not files:  # no target: with whole batches, PyTorch does the same as we do
        for threads in (1, None):
            options = {**task, "form": "batches", "workers": 0, "threads": threads}
            label = f"PyTorch, DataLoader of whole batches, {threads or 'all'} threads"
            found.append(Contestant(label, "PyTorch, whole batches", f"{here}:pytorch", options))
    for threads in (0, 2):
        label = f"grain, {threads} threads"
        options = {**task, "threads": threads}
        found.append(Contestant(label, "grain", f"{here}:grain", options))
    targets = {"PyTorch": target, "grain": target}
    return Contest(name, problem, found, targets, "epoch", 1)


def contests():
    yield contest("loader, in memory", MEMORY, False, 1, 5.0)
    yield contest("loader, PNG files, first epoch", FILES, True, 1, 1.3)
    yield contest("loader, PNG files, second epoch", FILES, True, 2, 20.0)


def results(rounds):
    folder_of(FILES["n"], FILES["seed"])
    return {contest.name: hold(contest, rounds) for contest in contests()}
