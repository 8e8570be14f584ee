"""Every registered example as a careful code base runs it, under JAX's strictest settings.

JAX may add no axis of its own accord; dtypes are promoted by nobody, in this as in every test; and
what is returned has the dtype of what was given, and no weak type. What a step hands on to the next
has the types that it came with, else that would be compiled again. All but solvers and loops is
only traced.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import data, losses, optimizers, registry, serial, solvers, training
from fnet.core.examples import drawn, shapes_of
from fnet.core.trees import cast, is_floating, is_shape
from fnet.core.values import read
from fnet.data import augmentation
from fnet.layers import affine, batch_norm, dropout, max_pool, relu
from fnet.optimizers import apply_updates, schedules

MODELS = {**registry.EXAMPLES["model"], **registry.LARGE}
KEY = jax.random.key(0)
ROWS = 5


@pytest.fixture(autouse=True)
def strict():
    with jax.numpy_rank_promotion("raise"):
        yield


def typed(tree):
    """Shape, dtype and weakness of each array."""
    return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype, leaf.weak_type), tree)


def require(tree, dtype):
    """Nothing is weak, and numbers have this dtype."""
    for leaf in jax.tree.leaves(tree):
        assert not leaf.weak_type
        assert leaf.dtype == dtype or not is_floating(leaf)


def given(takes, dtype):
    return cast(jax.tree.map(jnp.asarray, drawn(takes, ROWS)), dtype)


@pytest.mark.parametrize(("dtype", "key"), [("float32", KEY), ("bfloat16", None)])
@pytest.mark.parametrize("text", MODELS)
def test_a_layer(text, dtype, key):
    layer, takes = read(text, registry.VOCABULARY["model"]), MODELS[text]

    def begin(key):
        return layer.init(key, shapes_of(takes))[0]

    def run(params, x, dy):
        y, cache = layer.forward(params, x, key)
        optional = {
            "observed": layer.observe and layer.observe(params, cache),
            "again": layer.recipe and layer.recipe.output(layer.recipe.source(cache)),
            "cost": layer.penalty and layer.penalty.value_and_grad(params),
        }
        return y, layer.backward(params, cache, dy), optional

    require(jax.eval_shape(begin, KEY), float)
    params = jax.eval_shape(lambda key: cast(begin(key), dtype), KEY)
    x = given(takes, dtype)
    y = jax.eval_shape(lambda params, x: layer.forward(params, x)[0], params, x)
    dy = jax.tree.map(lambda leaf: leaf if is_floating(leaf) else None, y)
    found = jax.eval_shape(run, params, x, dy)
    require(found, dtype)
    if layer.observe is not None:
        assert typed(found[2]["observed"]) == typed(params)


@pytest.mark.parametrize(
    "text", [text for text, takes in MODELS.items() if is_shape(takes) and len(takes) > 1]
)
def test_a_stream(text):
    layer, takes = read(text, registry.VOCABULARY["model"]), MODELS[text]
    if layer.stream is None:
        return

    def two(params, x):
        _, cache = layer.forward(params, x[:, :-1])
        before = layer.stream.resume(params, cache, x.shape[1] - 1, x.shape[1])
        return before, *layer.stream.step(params, before, x[:, -1:])

    params = jax.eval_shape(lambda key: cast(layer.init(key, takes)[0], "float32"), KEY)
    before, y, after = jax.eval_shape(two, params, given(takes, "float32"))
    require((before, y), "float32")
    assert typed(before) == typed(after)


WHOLE = "linear_cross_entropy() of (x, w, b)"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("text", [*registry.EXAMPLES["loss"], WHOLE])
def test_a_loss(text, dtype):
    loss = read(text.split(" of ")[0], registry.VOCABULARY["loss"])
    takes = registry.EXAMPLES["loss"][text.split(" of ")[0]]
    y, target = (given(each, dtype) for each in takes)
    y = (y, jnp.ones((5, 5), dtype), jnp.ones(5, dtype)) if text == WHOLE else y

    def run(y, target, where):
        value = loss.value_and_grad(y, target, where), loss.value_and_grad(y, target)
        dy = jax.grad(lambda y: loss.apply(y, target, where).sum())(y)
        functions = [loss.probabilities, loss.predict, loss.estimate]
        more = [function(y) for function in functions if function and text != WHOLE]
        return value, dy, more, loss.ignored and loss.ignored(target)

    where = jnp.arange(ROWS) % 2 == 0
    require(jax.eval_shape(run, y, target, where), dtype)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("text", registry.EXAMPLES["optimizer"])
def test_a_step(text, dtype):
    """Of an optimizer alone, and in training."""
    optimizer = read(text, registry.VOCABULARY["optimizer"])
    params = {
        "w": jnp.ones((3, 2), dtype),
        "b": jnp.ones(3, dtype),
        "k": jnp.ones((2, 3, 5), dtype),
    }

    def update(state, params):
        updates, after = optimizer.update(params, state, params, value=jnp.ones(()))
        return apply_updates(params, updates), after

    state = optimizer.init(params)
    moved, after = jax.eval_shape(update, state, params)
    require(moved, dtype)
    assert typed(after) == typed(jax.eval_shape(lambda: state))

    model = serial(affine(5, l2=0.1), batch_norm(), relu(), dropout(0.2), affine(2))
    step = training.make_step(model, losses.cross_entropy(), optimizer)
    begin = training.start(model, optimizer, (3,)).state
    x, labels = jnp.ones((ROWS, 3)), jnp.zeros(ROWS, jnp.int32)
    after, metrics = jax.eval_shape(step, begin, x, labels, key=KEY)
    assert not any(leaf.weak_type for leaf in metrics)
    assert typed(after) == typed(begin)


def test_schedules():
    for text in schedules.EXAMPLES:
        schedule = read(text, registry.VOCABULARY["optimizer"])
        require(jax.eval_shape(schedule, jnp.arange(11)), float)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "bfloat16"])
def test_augmentations(dtype):
    every = augmentation.augment(
        *(augmentation.flip(vertical=True), augmentation.crop(2), augmentation.cutout(3)),
        *(augmentation.brightness(0.2), augmentation.contrast(0.3), augmentation.mixup()),
    )
    x, labels, y = jnp.ones((ROWS, 8, 7, 3), dtype), jnp.arange(ROWS) % 3, jnp.ones((ROWS, 3))
    images, shares = jax.eval_shape(every, KEY, x, labels, y)
    require(images, dtype)
    require(shares, float)


def valley(x):
    """The residuals of Rosenbrock's function."""
    return jnp.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def height(x):
    return (valley(x) ** 2).sum()


A, B, X = (jnp.asarray(array, "float32") for array in ([[4, 1], [1, 3]], [1, 2], [0, 0]))
MORE = jnp.asarray(np.random.default_rng(0).normal(size=(7, 3)), "float32")
LINEAR = "lu", "qr", "cholesky", "cg", "pcg", "jacobi", "gauss_seidel"
LINES = {"l1": 0.1}, {"l2": 0.1, "loss": "logistic"}


def solved():
    """The arrays that each solver finds."""
    for text in solvers.EXAMPLES:
        solver = read(text, registry.VOCABULARY["optimizer"])
        yield solvers.solve(solver, solvers.least_squares(valley), X, max_steps=2).params
        if "gauss" not in text and "levenberg" not in text:
            yield solvers.solve(solver, height, X, max_steps=2).params
    for name in LINEAR:
        yield solvers.linear_solve(getattr(solvers, name)(), A, B).x
    for settings in LINES:
        method = solvers.coordinate_descent(**settings)
        yield solvers.fit_linear(method, MORE, (MORE[:, 0] > 0).astype("float32")).w
        yield solvers.fit_linear(method, MORE.T[:, :5], jnp.ones(3, "float32")).w
    near, far = solvers.squares(MORE, MORE[:, 0]), solvers.l1_norm(0.5)
    yield solvers.split_solve(solvers.admm(), near, far, jnp.zeros(3, "float32")).x
    near, rise = solvers.squared_distance(MORE[0]), solvers.l1_norm(0.3)
    yield solvers.split_solve(solvers.primal_dual(), rise, near, MORE[0], jnp.diff).x
    each = solvers.separable(solvers.squared_distance, MORE)
    yield solvers.split_solve(solvers.admm(), each, solvers.consensus(), jnp.zeros_like(MORE)).x
    yield solvers.augmented_lagrangian(height, X, equal=lambda x: x.sum() - 1).params
    yield solvers.augmented_lagrangian(height, X, least=lambda x: 1 - x).params
    for sampler in (solvers.metropolis_hastings(1.0), solvers.langevin(0.1), solvers.hmc(0.1)):
        yield solvers.sample(sampler, lambda x: -height(x), A, KEY, steps=2, warm_up=1).x
    for explorer in (solvers.genetic(), solvers.annealing(1.0)):
        yield solvers.explore(explorer, height, A, KEY, steps=2).x


def test_solvers():
    for found in solved():
        assert found.dtype == jnp.float32


def table():
    x = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    return data.memory({"x": x, "label": (x[:, 0] > 0).astype(np.int32)})


@pytest.mark.parametrize("way", ["fit", "descend", "a solver", "sweep"])
def test_a_loop_transfers_nothing_in_silence(way):
    """Once it runs: JAX's own first keys and zeros are transfers that it forbids."""
    rows, adam = table(), optimizers.adam(0.1)
    given = serial(affine(5), relu(), affine(2)), losses.cross_entropy()
    batches, every = {"epochs": 3, "batch_size": 8}, {"epochs": 3, "every": 1}
    records = {
        "fit": lambda: training.fit(*given, adam, rows, rows, **batches),
        "descend": lambda: training.descend(*given, adam, rows, **every),
        "a solver": lambda: training.descend(*given, solvers.lbfgs(), rows, rows, **every),
        "sweep": lambda: training.sweep(
            *given, adam, rows, rows, learning_rates=(0.1, 0.01), **batches
        ),
    }[way]()
    next(records)
    next(records)
    with jax.transfer_guard("disallow"):
        next(records)


def test_a_window_over_padding_is_ordinary_to_a_debugger():
    with jax.debug_infs(True):
        max_pool(3, stride=2, padding=1).forward((), jnp.ones((1, 5, 5, 1)))
