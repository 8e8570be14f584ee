"""The functions of `jax.nn`, and the layers and losses of fnet."""

import functools

import jax

from fnet import losses, registry
from fnet.core.examples import drawn, is_input, shapes_of
from fnet.core.trees import is_shape
from fnet.errors import FnetError
from tests.cases import CASES
from tests.correct.entries import DIMS, Entry, array, positive, real, sizes

EACH = """relu relu6 gelu silu sigmoid elu selu celu softplus hard_sigmoid hard_silu hard_tanh
    leaky_relu soft_sign squareplus mish log_sigmoid sparse_plus sparse_sigmoid tanh identity"""
ROWS = "softmax log_softmax logsumexp logmeanexp standardize"


DRAWN = ("l1", "mse", "bce", "bce_with_logits", "cross_entropy")  # of any shape


def named(name, function, **options):
    """The function with these options, called after them."""
    partial = functools.partial(function, **options)
    told = ", ".join(f"{key}={value}" for key, value in options.items())
    return f"jax.nn.{name}({told})", partial


def attention(q, k, v):
    with jax.numpy_dtype_promotion("standard"):  # it promotes float64 with float32
        return jax.nn.dot_product_attention(q, k, v)


def even(rng):
    n, m = sizes(rng, 2)
    return (real(rng, (n, 2 * m)),)


def heads(rng):
    batch, time, number, width = sizes(rng, 4)
    return tuple(real(rng, (batch, time, number, width), high=1.0) for _ in range(3))


def of_case(case):
    """Shapes like those of the row, equal sizes equal; an axis of one stays. The row's own where
    the layer takes no other."""

    def draw(rng):
        others = {1: 1}

        def resized(part):
            shape = tuple(
                others.setdefault(size, int(rng.choice(DIMS))) for size in shapes_of(part)
            )
            return shape if is_shape(part) else part._replace(shape=shape)

        takes = jax.tree.map(resized, case.takes, is_leaf=is_input)
        try:
            case.layer.init(jax.random.key(0), shapes_of(takes))
        except FnetError:
            takes = case.takes
        return (takes,)

    return draw


def of_loss(name):
    def draw(rng):
        n, c = sizes(rng, 2)
        if name == "cross_entropy":
            return real(rng, (n, c)), rng.integers(c, size=n)
        if name == "bce":
            return rng.uniform(0.01, 0.99, (n, c)), rng.uniform(size=(n, c))
        y = real(rng, (n, c))
        return y, rng.uniform(size=(n, c)) if name == "bce_with_logits" else real(rng, (n, c))

    return draw


def of_example(takes):
    """Numbers of the shapes of an example, any of them."""
    return lambda rng: drawn(takes, 3, int(rng.integers(2**31)))


ENTRIES = [
    *(Entry(f"jax.nn.{name}", getattr(jax.nn, name), array()) for name in EACH.split()),
    *(Entry(f"jax.nn.{name}", getattr(jax.nn, name), array(1)) for name in ROWS.split()),
    Entry(*named("gelu", jax.nn.gelu, approximate=False), array()),
    Entry(*named("softmax", jax.nn.softmax, axis=0), array(1)),
    Entry("jax.nn.log1mexp", jax.nn.log1mexp, array(draw=positive)),
    Entry("jax.nn.glu", jax.nn.glu, even),
    Entry("jax.nn.dot_product_attention", attention, heads),
    *(Entry(f"fnet.{case.layer} {case.shape}", case.layer, of_case(case)) for case in CASES),
    *(
        Entry(f"fnet.{loss!r}", loss, of_loss(name))
        for name in DRAWN
        for loss in (getattr(losses, name)(reduction) for reduction in losses.REDUCTIONS)
    ),
    *(
        Entry(f"fnet.{loss!r}", loss, of_example(takes))
        for loss, takes in registry.examples("loss")
        if repr(loss).split("(")[0] not in DRAWN or "=" in repr(loss)
    ),
]


def covered():
    """The names of `jax.nn` that have an entry."""
    return {
        entry.name.removeprefix("jax.nn.").split("(")[0]
        for entry in ENTRIES
        if entry.name.startswith("jax.nn.")
    }


def differentiable():
    """The names of `jax.nn` that ought to have one; swish and the like are second names."""
    first = {}
    for name in sorted(set(dir(jax.nn)) - set(NOT_DIFFERENTIATED)):
        function = getattr(jax.nn, name)
        if not name.startswith("_") and callable(function):
            first.setdefault(id(function), name)
    return {getattr(jax.nn, name) for name in first.values()}


NOT_DIFFERENTIATED = {
    "get_scaled_dot_general_config": "a configuration",
    "one_hot": "of integers",
    "scaled_dot_general": "of quantised numbers",
    "scaled_matmul": "of quantised numbers",
}
