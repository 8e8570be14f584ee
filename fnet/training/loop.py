"""One epoch of training, and a generator of epochs whose loop belongs to the caller.

Any optimizer with `init` and `update` works, optax's too. Data and transforms are NumPy outside the
compiled function and JAX inside it. A smaller last batch is padded and masked, so that one shape
is compiled.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from chex import Array, PRNGKey
from jax.sharding import Mesh

from fnet.core import Layer, Loss
from fnet.core.expect import require_whole
from fnet.core.remembering import remembered
from fnet.data.augmentation import Augmentation, augment
from fnet.data.batches import epoch_order
from fnet.data.dataset import Dataset
from fnet.data.transforms import Transform, compose
from fnet.data.workers import Workers
from fnet.devices.placements import HERE, Here, placement_of
from fnet.initializers import keys
from fnet.training.agreement import check_augmentation, check_fit, check_validation
from fnet.training.evaluation import measured
from fnet.training.exact import exact
from fnet.training.feeding import example_shape, on_devices, pieces, places_of
from fnet.training.last_layer import open_for
from fnet.training.postmortem import Training, require_finite, require_finite_validation
from fnet.training.records import Metrics, Record, State, advanced, ended, start
from fnet.training.reducing import reducing
from fnet.training.resuming import check_seen, course_of, with_rate_of
from fnet.training.scoring import over_samples
from fnet.training.step import make_step, one_step
from fnet.training.trials import check_targets


@remembered
def make_epoch(
    model: Layer,
    loss: Loss,
    optimizer: Any,
    transform: Transform = compose(),
    augmentation: Augmentation = augment(),
    placement: Here = HERE,
) -> Callable[..., tuple[State, Metrics]]:
    """The compiled epoch(state, x, target, order, key=None, bounds=None) -> state, metrics.

    x and target hold all samples, on the device; `order`, (steps, batch_size), holds the indices of
    each batch, padded with −1 (`fnet.data.epoch_order`). One loop runs the steps of `bounds` =
    (begin, end); an epoch in several calls gives the same bits as in one. Metrics have one entry
    per step of `order`, 0 for a step that was not run. With a placement all are arrays on its
    devices.

    >>> from fnet import data, losses, optimizers
    >>> from fnet.training import records
    >>> from fnet.layers import affine
    >>> model, loss, optimizer = affine(1), losses.mse(), optimizers.sgd(0.1)
    >>> epoch = make_epoch(model, loss, optimizer)
    >>> state = records.start(model, optimizer, (1,)).state
    >>> x, order = jnp.linspace(-1, 1, 5)[:, None], data.epoch_order(5, batch_size=2)
    >>> state, metrics = epoch(state, x, 3 * x + 2, order)
    >>> int(state.step), metrics.count.tolist()
    (3, [2, 2, 1])
    """
    model, optimizer, opened, kept, closed = reducing(open_for(loss, model), optimizer, placement)
    step = one_step(model, placement.loss(loss), optimizer, transform, augmentation)

    @placement.jit
    def epoch(
        state: State,
        x: Any,
        target: Array,
        order: Array,
        key: PRNGKey | None = None,
        bounds: tuple[int, int] | None = None,
    ) -> tuple[State, Metrics]:
        def body(k: Array, carry: tuple[State, Metrics]) -> tuple[State, Metrics]:
            read = placement.taken((x, target), places_of(order[k])[0])
            where = placement.everywhere(places_of(whole[k])[1])
            state, metrics = step(carry[0], *read, where, key)
            columns = jax.tree.map(lambda column, m: column.at[k].set(m), carry[1], metrics)
            return kept(state), columns

        whole = placement.everywhere(order)  # all know how many rows count, and need not ask
        first = places_of(order[0])[0]
        read = placement.taken((x, target), first)
        _, shapes = jax.eval_shape(step, opened(state), *read, first == 0, key)
        zeros = jax.tree.map(lambda m: jnp.zeros((len(order), *m.shape), m.dtype), shapes)
        # Hidden from the compiler, which makes another program of bounds that it knows.
        begin, end = jax.lax.optimization_barrier(bounds or (0, len(order)))
        state, metrics = jax.lax.fori_loop(begin, end, body, (opened(state), zeros))
        return placement.kept(closed(state)), placement.everywhere(metrics)

    return epoch


def fit(
    model: Layer,
    loss: Loss,
    optimizer: Any,
    train: Dataset,
    val: Dataset | None = None,
    *,
    epochs: int,
    batch_size: int | None = None,
    every_steps: int | None = None,
    seed: int = 0,
    workers: int = 0,
    augmentation: Augmentation = augment(),
    resume: Record | None = None,
    mesh: Mesh | Here | None = None,
) -> Iterator[Record]:
    """Train, and yield a `Record` after each epoch, up to epoch number `epochs`.

    Without `batch_size` the batch is all of `train`. A dataset in memory is put on the device once
    and an epoch is one compiled loop; any other is read batch by batch, by `workers` processes if
    there are any. `every_steps=k` also yields a record after every k steps within an epoch. The
    order of samples is a function of (seed, epoch), so that training resumes from any record bit
    for bit; within an epoch, by the same seed, data and batch size alone. The best weights are
    those of the lowest validation loss, or without `val` the latest.

    A resumed run keeps the learning rate of its state, which `fnet.optimizers.set_learning_rate`
    may have changed, unless `optimizer` has another than that which the run began with: then it
    has the optimizer's. An optimizer whose update takes more than (grads, state, params) is given
    value=, grad= and value_fn= too, as those of optax want them: the loss of the batch with its
    penalty, its gradient, and that loss as a function of the parameters.

    A last batch that is too small is filled with rows of the epoch's first batch. They count
    neither in loss and metrics nor in the gradient; only to a layer that mixes the rows of a batch
    are they rows as any other, and so they are in the mean, variance and running statistics of
    `batch_norm`.

    `augmentation` changes the images of `train` at random, on the device, before their transform:
    `augment(flip(), crop(4))`. What it draws follows from seed and step. Validation is without it.

    `mesh` is that of several devices, `fnet.devices.mesh(4)`: each batch is divided among them, and
    gradients are added once a step. Losses and weights are those of one device up to rounding, and
    noise is the same. They must divide `batch_size`; without one, rows that count for nothing are
    added. A `fnet.devices.placement` of the mesh says more: divided parameters, for one. A run may
    be resumed on other devices.

    Classes of `val` are matched with those of `train` by name. Raises ConfigurationError or
    DataError where model, loss and data do not fit each other: a target that the loss does not
    take, a transform that draws at random, a loss that counts rows which `where` does not mark, an
    empty set, a class that `train` has not. Raises TrainingError in place of a record that is not
    finite, with the step, the array and the likely cause.

    >>> from fnet import data, losses, models, optimizers
    >>> x = jnp.linspace(-1, 1, 60)[:, None]
    >>> train = data.memory({"features": x, "label": jnp.arange(60) // 30})
    >>> model, loss, optimizer = models.logistic_regression(), losses.bce(), optimizers.adam(0.1)
    >>> for record in fit(model, loss, optimizer, train, epochs=20, batch_size=8):
    ...     pass
    >>> record.epoch, record.metrics["train_accuracy"] > 0.95
    (20, True)
    """
    train, val = exact(train), None if val is None else exact(val)
    check_fit(model, loss, optimizer, train, resume)
    check_augmentation(augmentation, model, loss, train)
    val = check_validation(model, loss, train, val)
    require_whole("fit: epochs", epochs, least=0)
    require_whole("fit: batch_size", len(train) if batch_size is None else batch_size, least=1)
    require_whole("fit: every_steps", 1 if every_steps is None else every_steps, least=1)
    placement = placement_of(mesh)
    size = placement.batch("fit: batch_size", batch_size, len(train))
    held, spread = on_devices(train, placement)
    held_val = None if val is None else on_devices(val, placement)
    run = make_epoch(model, loss, optimizer, train.transform, augmentation, spread)
    training = Training(model, loss, optimizer, train, make_step, keys(seed)[1], augmentation)
    check = functools.partial(check_targets, loss)
    within = every_steps is not None or (resume is not None and len(resume.seen.loss) > 0)
    course = course_of(train, size, seed) if within else None

    def one_epoch(record: Record, pool: Workers) -> Iterator[Record]:
        shuffle = batch_size is not None  # a batch of all samples needs no order
        order = epoch_order(len(train), size, shuffle=shuffle, seed=seed, epoch=record.epoch + 1)
        check_seen(record, order, course)
        state, parts = record.state, []
        done = len(record.seen.loss)
        for samples, bounds, pause in pieces(held, order, done, every_steps, pool, check, spread):
            state, metrics = run(state, *samples, training.key, placement.sent(bounds))
            parts.append((metrics, slice(*bounds)))
            if pause:
                before, record, parts = record, advanced(record, state, parts), []
                record = record._replace(course=course)
                require_finite(training, before, record, order)
                yield record if len(record.seen.loss) < len(order) else closed(record, pool)

    def closed(record: Record, pool: Workers) -> Record:
        metrics = {f"train_{name}": v for name, v in over_samples(loss, *record.seen).items()}
        if val is not None and held_val is not None:
            values = measured(model, loss, record.state.params, val, held_val, workers=pool)
            metrics |= {f"val_{name}": value for name, value in values.items()}
        return require_finite_validation(record, ended(record, metrics))

    def records(record: Record) -> Iterator[Record]:
        with Workers(workers) as pool:
            while record.epoch < epochs:
                for latest in one_epoch(record, pool):
                    yield latest
                record = latest

    if resume is None:
        begin = start(model, optimizer, example_shape(train), seed, spread)
    else:
        begin = with_rate_of(optimizer, resume)
    state = placement.state(begin.state)
    return records(begin._replace(state=state, classes=tuple(train.classes)))
