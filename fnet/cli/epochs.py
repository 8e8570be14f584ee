"""The epochs of a run that are left: a record after each, or after every second or two."""

from collections.abc import Iterator

import jax

from fnet.checkpoint import Checkpoint
from fnet.cli.arguments import ALL, Settings
from fnet.cli.progress import LINES
from fnet.cli.source import Parts
from fnet.cli.spread import mesh_of
from fnet.training import fit, stop_early
from fnet.training.descent import descend
from fnet.training.records import Record

AT_ONCE = 10**11  # operations between records: a second or two, for which Ctrl-C may have to wait


def remaining(
    checkpoint: Checkpoint, parts: Parts, settings: Settings, processes: int = 1
) -> Iterator[Record]:
    """The records of the epochs that are left, over all devices."""
    model, loss, optimizer, _, record, seed, _, _, augmentation = checkpoint
    arguments = (model, loss, optimizer, parts.train, parts.val)
    epochs, patience = settings["epochs"], settings["patience"]
    devices = mesh_of(settings, processes)
    if settings["batch_size"] == ALL:
        every = max(1, -(-epochs // LINES))
        options = {"epochs": epochs, "every": every, "seed": seed, "patience": patience}
        return descend(*arguments, **options, resume=record, mesh=devices)
    size = min(settings["batch_size"], len(parts.train))
    count = sum(leaf.size for leaf in jax.tree.leaves(record.state.params))
    every = max(1, AT_ONCE // (6 * count * size * (settings["length"] or 1)))
    records = fit(
        *arguments,
        epochs=epochs,
        batch_size=settings["batch_size"],
        every_steps=every,
        seed=seed,
        augmentation=augmentation,
        resume=record,
        mesh=devices,
    )
    return records if patience is None else stop_early(records, patience, resume=record)
