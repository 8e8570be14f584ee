"""Mistakes in the other layers of fnet, and in chains of them."""

import jax
import jax.numpy as jnp

from fnet import serial
from fnet.core import Layer, layer, penalty
from fnet.layers import Affine, affine, flatten, relu, squeeze, tanh
from tests.mutants.of_activations import activation_with
from tests.mutants.planted import Mutant, mutant


def affine_with(width=5, **rules) -> Layer:
    """affine(width) with these rules(x, w, dy) for its dw, db and dx."""
    right = affine(width)

    def backward(params, x, dy):
        (dw, db), dx = right.backward(params, x, dy)
        found = {"dw": dw, "db": db, "dx": dx}
        found |= {name: rule(x, params.w, dy) for name, rule in rules.items()}
        return Affine(found["dw"], found["db"]), found["dx"]

    return layer(right.init, right.forward, backward)


def dw(x, w, dy):
    return dy.T @ x


def penalised_with(rule) -> Layer:
    def value_and_grad(params):
        return 0.3 * jnp.sum(params.w**2), Affine(*rule(params.w, params.b))

    right = affine(5)
    return layer(right.init, right.forward, right.backward, penalty(value_and_grad))


def reshape_with(right: Layer, change) -> Layer:
    def backward(params, empty, dy):
        return (), change(right.backward(params, empty, dy)[1])

    return layer(right.init, right.forward, backward)


def of_affine(name, kinds, width=5, **rules) -> Mutant:
    return mutant(f"affine: {name}", kinds, lambda: affine_with(width, **rules), (7,))


def of_penalty(name, kinds, rule) -> Mutant:
    return mutant(f"affine's penalty: {name}", kinds, lambda: penalised_with(rule), (7,))


def of_reshape(right, name, kinds, change) -> Mutant:
    title, shape = repr(right).split("(")[0], (7, 1) if right is squeeze() else (2, 3)
    return mutant(f"{title}: {name}", kinds, lambda: reshape_with(right, change), shape)


AFFINE = (
    of_affine("sign of dw", "sign", dw=lambda x, w, dy: -dw(x, w, dy)),
    of_affine("dw twice", "factor", dw=lambda x, w, dy: 2 * dw(x, w, dy)),
    of_affine("half of dx", "factor", dx=lambda x, w, dy: dy @ w / 2),
    of_affine("dw is a mean", "mean or sum", dw=lambda x, w, dy: dw(x, w, dy) / len(x)),
    of_affine("db is a mean", "mean or sum", db=lambda x, w, dy: dy.mean(0)),
    of_affine("dx divided by N", "mean or sum", dx=lambda x, w, dy: dy @ w / len(x)),
    of_affine("dx times N", "mean or sum", dx=lambda x, w, dy: dy @ w * len(x)),
    of_affine("db not summed", "not summed", db=lambda x, w, dy: dy),
    of_affine("db over the outputs", "wrong axis/shape", db=lambda x, w, dy: dy.sum(1)),
    of_affine("db over the outputs, N = M", "wrong axis", 3, db=lambda x, w, dy: dy.sum(1)),
    of_affine("dw transposed", "transposed", dw=lambda x, w, dy: x.T @ dy),
    of_affine("dw transposed, M = D", "transposed", 7, dw=lambda x, w, dy: x.T @ dy),
    of_affine("dx by wᵀ, M = D", "input transposed/transposed", 7, dx=lambda x, w, dy: dy @ w.T),
    of_affine("dw ignores dy", "upstream ignored", dw=lambda x, w, dy: dw(x, w, jnp.ones_like(dy))),
    of_affine("db counts examples", "upstream ignored", db=lambda x, w, dy: 0 * dy[0] + len(dy)),
    of_affine("db is zeros", "zeros", db=lambda x, w, dy: jnp.zeros_like(dy[0])),
    of_affine("dx is NaN", "not finite", dx=lambda x, w, dy: dy @ w * jnp.nan),
    of_affine("dw of the first example", "not summed", dw=lambda x, w, dy: dw(x[:1], w, dy[:1])),
    of_affine("db without the last", "not summed", db=lambda x, w, dy: dy[:-1].sum(0)),
    of_affine("db off by one", "shifted", db=lambda x, w, dy: jnp.roll(dy.sum(0), 1)),
    of_affine("dx off by one", "shifted", dx=lambda x, w, dy: jnp.roll(dy @ w, 1, axis=1)),
    of_affine(
        "one entry of dw", "one entry", dw=lambda x, w, dy: dw(x, w, dy).at[3, 4].multiply(-1)
    ),
    of_affine("one row of dw", "one row", dw=lambda x, w, dy: dw(x, w, dy).at[2].set(0)),
    of_affine("dw of 1 for x", "factor missing", dw=lambda x, w, dy: dw(x * 0 + 1, w, dy)),
    of_affine("dw of x²", "squared", dw=lambda x, w, dy: dw(x**2, w, dy)),
    of_affine("dx of −w", "sign", dx=lambda x, w, dy: dy @ -w),
    of_penalty("2 forgotten", "factor", lambda w, b: (0.3 * w, 0 * b)),
    of_penalty("strength forgotten", "factor", lambda w, b: (2 * w, 0 * b)),
    of_penalty("sign", "sign", lambda w, b: (-0.6 * w, 0 * b)),
    of_penalty("of the bias too", "not zero", lambda w, b: (0.6 * w, 0.6 * b)),
    of_penalty("zeros", "zeros", lambda w, b: (0 * w, 0 * b)),
)

RESHAPES = (
    of_reshape(
        flatten(),
        "read in the other order",
        "transposed",
        lambda dx: dx.reshape(len(dx), 3, 2).swapaxes(1, 2),
    ),
    of_reshape(flatten(), "back to front", "shifted", lambda dx: dx[:, :, ::-1]),
    of_reshape(flatten(), "zeros", "zeros", jnp.zeros_like),
    of_reshape(flatten(), "divided by N", "mean or sum", lambda dx: dx / len(dx)),
    of_reshape(flatten(), "dy ignored", "upstream ignored", jnp.ones_like),
    of_reshape(squeeze(), "sign", "sign", lambda dx: -dx),
    of_reshape(squeeze(), "twice", "factor", lambda dx: 2 * dx),
    of_reshape(squeeze(), "first example alone", "not summed", lambda dx: dx.at[1:].set(0)),
    of_reshape(squeeze(), "off by one", "shifted", lambda dx: jnp.roll(dx, 1, axis=1)),
)


def chain_with(change) -> Layer:
    """serial(affine(4), tanh(), affine(4)); change(parameters' gradients, dx)."""
    right = serial(affine(4), tanh(), affine(4))

    def backward(params, cache, dy):
        return change(*right.backward(params, cache, dy))

    return layer(right.init, right.forward, backward)


def of_chain(name, kinds, change) -> Mutant:
    return mutant(f"serial: {name}", kinds, lambda: chain_with(change), (4,))


def first(dparams, **changed):
    return (dparams[0]._replace(**changed), *dparams[1:])


CHAINS = (
    of_chain("sign of the first dw", "sign", lambda p, dx: (first(p, w=-p[0].w), dx)),
    of_chain("first db is a mean", "mean or sum", lambda p, dx: (first(p, b=p[0].b / 3), dx)),
    of_chain("two layers swapped", "swapped", lambda p, dx: ((p[2], p[1], p[0]), dx)),
    of_chain(
        "last dw transposed", "transposed", lambda p, dx: ((*p[:2], p[2]._replace(w=p[2].w.T)), dx)
    ),
    of_chain(
        "first layer forgotten",
        "zeros",
        lambda p, dx: (jax.tree.map(jnp.zeros_like, p[:1]) + tuple(p[1:]), dx),
    ),
    of_chain("dx halved", "factor", lambda p, dx: (p, dx / 2)),
    mutant(
        "serial: tanh skipped on the way back",
        "derivative missing/factor missing",
        lambda: serial(affine(4), activation_with(tanh(), lambda x, y, dy: dy), affine(3)),
        (7,),
    ),
    mutant(
        "serial: mask inverted inside",
        "mask inverted",
        lambda: serial(
            affine(4), activation_with(relu(), lambda x, y, dy: jnp.where(y > 0, 0, dy)), affine(3)
        ),
        (7,),
    ),
)

LAYERS = AFFINE + RESHAPES + CHAINS
