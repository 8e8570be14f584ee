"""The layers, each with its formulas and its own backward pass.

Each is registered by an example in `EXAMPLES`: its call, and the shape that it takes.

>>> import jax
>>> params, out_shape = affine(10).init(jax.random.key(0), (32, 32, 3))
>>> params.w.shape, out_shape
((10, 3072), (10,))
"""

from fnet.layers.activations import gelu, leaky_relu, relu, sigmoid, tanh
from fnet.layers.affine import Affine as Affine
from fnet.layers.affine import affine
from fnet.layers.dropout import drop_path, dropout, gaussian_noise, spatial_dropout
from fnet.layers.exponential import celu, elu, selu
from fnet.layers.gates import Glu as Glu
from fnet.layers.gates import geglu, glu, swiglu
from fnet.layers.hard import hard_sigmoid, hard_swish, hard_tanh, relu6, relu_squared
from fnet.layers.prelu import Prelu as Prelu
from fnet.layers.prelu import prelu
from fnet.layers.reshape import flatten, squeeze
from fnet.layers.smooth import log_sigmoid, mish, silu, softplus, softsign
from fnet.layers.softmax import log_softmax, softmax

__all__ = [
    "affine",
    "celu",
    "drop_path",
    "dropout",
    "elu",
    "flatten",
    "gaussian_noise",
    "geglu",
    "gelu",
    "glu",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "relu_squared",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "spatial_dropout",
    "squeeze",
    "swiglu",
    "tanh",
]

EXAMPLES = {  # sizes are distinct primes, so that a misplaced axis shows
    "affine(3)": (7,),
    "affine(2, l2=0.3)": (3, 7),
    "relu()": (3, 7),
    "leaky_relu()": (3, 7),
    "prelu()": (3, 7),
    "relu6()": (3, 7),
    "relu_squared()": (3, 7),
    "gelu()": (3, 7),
    "gelu(approximate=True)": (3, 7),
    "silu()": (3, 7),
    "mish()": (3, 7),
    "elu()": (3, 7),
    "celu(a=0.5)": (3, 7),
    "selu()": (3, 7),
    "softplus()": (3, 7),
    "softsign()": (3, 7),
    "sigmoid()": (3, 7),
    "log_sigmoid()": (3, 7),
    "hard_sigmoid()": (3, 7),
    "hard_swish()": (3, 7),
    "tanh()": (3, 7),
    "hard_tanh()": (3, 7),
    "softmax()": (3, 7),
    "softmax(axis=1)": (3, 7),
    "log_softmax()": (3, 7),
    "glu(3)": (2, 7),
    "swiglu(3)": (7,),
    "geglu(3)": (7,),
    "dropout(0.3)": (3, 7),
    "spatial_dropout(0.3)": (3, 7),
    "drop_path(0.3)": (3, 7),
    "gaussian_noise(0.1)": (3, 7),
    "flatten()": (2, 3, 7),
    "squeeze()": (7, 1),
}

LARGE = {  # of a size that is worth timing
    "affine(100)": (3072,),
    "relu()": (1000,),
    "leaky_relu()": (1000,),
    "gelu()": (1000,),
    "sigmoid()": (1000,),
    "tanh()": (1000,),
    "prelu()": (1000,),
    "relu6()": (1000,),
    "relu_squared()": (1000,),
    "silu()": (1000,),
    "mish()": (1000,),
    "elu()": (1000,),
    "celu()": (1000,),
    "selu()": (1000,),
    "softplus()": (1000,),
    "softsign()": (1000,),
    "log_sigmoid()": (1000,),
    "hard_sigmoid()": (1000,),
    "hard_swish()": (1000,),
    "hard_tanh()": (1000,),
    "softmax()": (1000,),
    "log_softmax()": (1000,),
    "glu(256)": (256,),
    "swiglu(256)": (256,),
    "geglu(256)": (256,),
    "dropout(0.3)": (1000,),
    "spatial_dropout(0.3)": (1000,),
    "drop_path(0.3)": (1000,),
    "gaussian_noise(0.1)": (1000,),
    "flatten()": (32, 32, 3),
    "squeeze()": (1000, 1),
}
