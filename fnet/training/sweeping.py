"""One network trained many times: with several learning rates, each from several seeds."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from chex import ArrayTree
from jax.sharding import Mesh

from fnet.core import Layer, Loss
from fnet.core.expect import require_number, require_whole
from fnet.core.remembering import remembered
from fnet.core.trees import all_finite, count
from fnet.data.augmentation import Augmentation, augment
from fnet.data.batches import epoch_order
from fnet.data.dataset import Dataset, Memory
from fnet.data.transforms import Transform
from fnet.devices.placements import Here, placement_of
from fnet.errors import ConfigurationError, TrainingError
from fnet.initializers import keys
from fnet.optimizers import set_learning_rate
from fnet.training.agreement import check_augmentation, check_fit, check_validation
from fnet.training.evaluation import in_turn, make_look
from fnet.training.exact import exact
from fnet.training.feeding import example_shape, masked, on_devices
from fnet.training.loop import fit, make_epoch
from fnet.training.records import Metrics, Record, advanced, ended, start
from fnet.training.scoring import over_samples

# Up to this many operations per step a CPU is faster when it steps all runs at once: twice as fast
# for 15 weights, less so at this limit, slower far beyond it (`tests.benchmarks`, sweeping).
SMALL = 2 * 10**6


def sweep(
    model: Layer,
    loss: Loss,
    optimizer: Any,
    train: Dataset,
    val: Dataset | None = None,
    *,
    learning_rates: Sequence[float],
    seeds: Sequence[int] = (0,),
    epochs: int,
    batch_size: int | None = None,
    together: bool | None = None,
    augmentation: Augmentation = augment(),
    mesh: Mesh | Here | None = None,
) -> Iterator[tuple[Record, ...]]:
    """Train once per pair of learning rate and seed; yield the records of all after each epoch.

    They are in the order of `itertools.product(learning_rates, seeds)`. Each is, up to rounding,
    what `fit` yields with that seed, an fnet optimizer of that learning rate, and the same
    `augmentation`. A run that stops being finite stays at its last finite record while the others
    continue.

    `together` computes all runs in one loop, vectorised by `jax.vmap`, which needs data in memory;
    it is the default where it is faster: on a GPU, and on a CPU for networks so small that a step
    costs more to start than to compute. Over the devices of a `mesh` runs in one loop are divided,
    and send each other nothing; one by one each run is divided, as in `fit`. Raises
    ConfigurationError as `fit` does, and where a loop would be divided among several processes.

    >>> from fnet import data, losses, models, optimizers
    >>> features = np.linspace(-1, 1, 60, dtype=np.float32)[:, None]
    >>> dataset = data.memory({"features": features, "label": np.arange(60) // 30})
    >>> model, loss = models.logistic_regression(), losses.bce()
    >>> rates = (0.01, 10.0)
    >>> *_, last = sweep(
    ...     model, loss, optimizers.sgd(1.0), dataset, learning_rates=rates, epochs=20
    ... )
    >>> [record.metrics["train_loss"] < 0.2 for record in last]
    [False, True]
    """
    for name, several in {"learning_rates": learning_rates, "seeds": seeds}.items():
        if isinstance(several, str) or not isinstance(several, Iterable):
            raise ConfigurationError(f"sweep: {name} is {several!r}; it must be a list of numbers")
    pairs = list(itertools.product(learning_rates, seeds))
    if not pairs:
        raise ConfigurationError("sweep: give at least one learning rate and one seed")
    if len(set(pairs)) < len(pairs):
        raise ConfigurationError("sweep: a learning rate or a seed is given twice")
    for rate, _ in pairs:
        require_number("sweep: learning_rates", rate, above=0)
    require_whole("sweep: epochs", epochs, least=0)
    require_whole("sweep: batch_size", 1 if batch_size is None else batch_size, least=1)
    train, val = exact(train), None if val is None else exact(val)
    check_fit(model, loss, optimizer, train)
    check_augmentation(augmentation, model, loss, train)
    val = check_validation(model, loss, train, val)
    begin = [_begin(model, optimizer, train, *pair) for pair in pairs]
    placement = placement_of(mesh)
    in_memory = all(part is None or isinstance(part, Memory) for part in (train, val))
    if together and not in_memory:
        raise ConfigurationError("sweep: together needs data in memory: fnet.data.memory(dataset)")
    size = len(train) if batch_size is None else min(batch_size, len(train))
    if together is None:
        together = in_memory and len(pairs) > 1 and _pays(begin[0], size) and placement.is_local
    if together and not placement.is_local:
        raise ConfigurationError("sweep: together is for the devices of one process; leave it out")
    if not together:
        placement.batch("sweep: batch_size", batch_size, len(train))
    parts = _held(train, placement), _held(val, placement)
    way = _together if together else _one_by_one
    trained = (model, loss, optimizer, *parts, augmentation)
    return way(*trained, begin, [seed for _, seed in pairs], epochs, batch_size, placement)


def _held(part: Any, placement: Here) -> Any:
    """Samples as all runs have them: on the devices, unless each has but its own rows."""
    return on_devices(part, placement)[0] if part is not None and placement.is_whole else part


def _begin(model: Layer, optimizer: Any, train: Dataset, rate: float, seed: int) -> Record:
    record = start(model, optimizer, example_shape(train), seed)
    if not hasattr(record.state.opt_state, "learning_rate"):
        raise ConfigurationError(
            f"sweep: the state of {optimizer} has no learning rate; take one of fnet.optimizers"
        )
    opt_state = set_learning_rate(record.state.opt_state, rate)
    return record._replace(state=record.state._replace(opt_state=opt_state))


def _pays(record: Record, batch_size: int) -> bool:
    numbers = count(record.state.params)
    return jax.default_backend() != "cpu" or 6 * numbers * batch_size <= SMALL


def _one_by_one(
    model: Layer,
    loss: Loss,
    optimizer: Any,
    train: Dataset,
    val: Dataset | None,
    augmentation: Augmentation,
    records: list[Record],
    seeds: list[int],
    epochs: int,
    batch_size: int | None,
    placement: Here,
) -> Iterator[tuple[Record, ...]]:
    """One epoch of each run in turn."""
    train_one = functools.partial(
        fit,
        model,
        loss,
        optimizer,
        train,
        val,
        epochs=epochs,
        batch_size=batch_size,
        augmentation=augmentation,
        mesh=placement,
    )
    runs = {
        place: train_one(seed=seed, resume=record)
        for place, (record, seed) in enumerate(zip(records, seeds, strict=True))
    }
    for _ in range(epochs):
        for place, run in [*runs.items()]:
            try:
                records[place] = next(run)
            except TrainingError:
                del runs[place]
        if not runs:
            return
        yield tuple(records)


def _together(
    model: Layer,
    loss: Loss,
    optimizer: Any,
    train: Any,
    val: Any,
    augmentation: Augmentation,
    records: list[Record],
    seeds: list[int],
    epochs: int,
    batch_size: int | None,
    placement: Here,
) -> Iterator[tuple[Record, ...]]:
    """One epoch of all runs in one call; the last is there more often where devices need more."""
    size = len(train) if batch_size is None else min(batch_size, len(train))
    transforms = train.transform, getattr(val, "transform", train.transform)
    run, look = _make(model, loss, optimizer, *transforms, augmentation)
    states = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(r.state for r in records))
    states, noise = map(placement.divided, (states, jnp.stack([keys(seed)[1] for seed in seeds])))
    samples = [placement.arrays(value) for value in train.arrays.values()]
    held = None
    if val is not None:
        held = (*map(placement.arrays, val.arrays.values()), placement.sent(masked(in_turn(val))))
    alive = set(range(len(records)))
    for epoch in range(1, epochs + 1):
        shuffle = batch_size is not None
        order = {
            seed: masked(epoch_order(len(train), size, shuffle=shuffle, seed=seed, epoch=epoch))
            for seed in set(seeds)
        }
        orders = placement.sent(placement.divided(np.stack([order[seed] for seed in seeds])))
        states, metrics = run(states, *samples, orders, noise)
        seen = None if held is None else jax.device_get(look(states.params, *held))
        # Split by NumPy: as many slices by JAX cost more than the epoch of a small network.
        state, steps = jax.device_get((states, metrics))
        for place in sorted(alive):
            record = advanced(
                records[place], _part(state, place), [(_part(steps, place), slice(None))]
            )
            values = _metrics("train", loss, record.seen)
            values |= {} if seen is None else _metrics("val", loss, _part(seen, place))
            if all_finite((record.state, record.losses, np.array([*values.values()]))):
                records[place] = ended(record, values)
            else:
                alive.remove(place)
        if not alive:
            return
        yield tuple(records)


@remembered
def _make(
    model: Layer,
    loss: Loss,
    optimizer: Any,
    transform: Transform,
    val_transform: Transform,
    augmentation: Augmentation,
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """`make_epoch` and `make_look`, vectorised over states, orders and keys."""
    run = make_epoch(model, loss, optimizer, transform, augmentation)
    look = make_look(model, loss, val_transform)
    many = jax.jit(jax.vmap(run, in_axes=(0, None, None, 0, 0)))
    return many, jax.jit(jax.vmap(look, in_axes=(0, None, None, None)))


def _part(tree: ArrayTree, place: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[place], tree)


def _metrics(part: str, loss: Loss, columns: Metrics) -> dict[str, float]:
    return {f"{part}_{name}": value for name, value in over_samples(loss, *columns).items()}
