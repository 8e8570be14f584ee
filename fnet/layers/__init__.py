"""The layers, each with its formulas and its own backward pass.

Each is registered by an example in `EXAMPLES`: its call, and the shape that it takes.

>>> import jax
>>> params, out_shape = affine(10).init(jax.random.key(0), (32, 32, 3))
>>> params.w.shape, out_shape
((10, 3072), (10,))
"""

from typing import TYPE_CHECKING

from fnet.core.examples import ints
from fnet.core.guessed import answering, written
from fnet.layers.activations import gelu, leaky_relu, relu, sigmoid, tanh
from fnet.layers.affine import Affine as Affine
from fnet.layers.affine import affine
from fnet.layers.attention import attention, cross_attention
from fnet.layers.batch_norm import BatchNorm as BatchNorm
from fnet.layers.batch_norm import Running as Running
from fnet.layers.batch_norm import batch_norm
from fnet.layers.cells import Gru as Gru
from fnet.layers.cells import Lstm as Lstm
from fnet.layers.cells import Rnn as Rnn
from fnet.layers.convolution import conv
from fnet.layers.convolution_transpose import conv_transpose
from fnet.layers.depthwise import Separable as Separable
from fnet.layers.depthwise import depthwise_conv, separable_conv
from fnet.layers.dropout import drop_path, dropout, gaussian_noise, spatial_dropout
from fnet.layers.embedding import Embedding as Embedding
from fnet.layers.embedding import embedding
from fnet.layers.excitation import Excitation as Excitation
from fnet.layers.excitation import squeeze_excitation
from fnet.layers.exponential import celu, elu, selu
from fnet.layers.gates import Glu as Glu
from fnet.layers.gates import geglu, glu, swiglu
from fnet.layers.hard import hard_sigmoid, hard_swish, hard_tanh, relu6, relu_squared
from fnet.layers.heads import Attention as Attention
from fnet.layers.kernels import Conv as Conv
from fnet.layers.large import LARGE as LARGE
from fnet.layers.norms import Norm as Norm
from fnet.layers.norms import group_norm, instance_norm, layer_norm, rms_norm
from fnet.layers.pooling import avg_pool, global_avg_pool, global_max_pool, max_pool
from fnet.layers.positions import Positions as Positions
from fnet.layers.positions import learned_positions, positional_encoding, rope
from fnet.layers.prelu import Prelu as Prelu
from fnet.layers.prelu import prelu
from fnet.layers.recurrences import gru, gru_cell, lstm, lstm_cell, rnn, rnn_cell
from fnet.layers.reshape import flatten, squeeze
from fnet.layers.smooth import log_sigmoid, mish, silu, softplus, softsign
from fnet.layers.softmax import log_softmax, softmax

__all__ = [
    "affine",
    "attention",
    "avg_pool",
    "batch_norm",
    "celu",
    "conv",
    "conv_transpose",
    "cross_attention",
    "depthwise_conv",
    "drop_path",
    "dropout",
    "elu",
    "embedding",
    "flatten",
    "gaussian_noise",
    "geglu",
    "gelu",
    "global_avg_pool",
    "global_max_pool",
    "glu",
    "group_norm",
    "gru",
    "gru_cell",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "instance_norm",
    "layer_norm",
    "leaky_relu",
    "learned_positions",
    "log_sigmoid",
    "log_softmax",
    "lstm",
    "lstm_cell",
    "max_pool",
    "mish",
    "positional_encoding",
    "prelu",
    "relu",
    "relu6",
    "relu_squared",
    "rms_norm",
    "rnn",
    "rnn_cell",
    "rope",
    "selu",
    "separable_conv",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "spatial_dropout",
    "squeeze",
    "squeeze_excitation",
    "swiglu",
    "tanh",
]

EXAMPLES = {  # sizes are distinct primes, so that a misplaced axis shows
    "affine(3)": (7,),
    "affine(2, l2=0.3)": (3, 7),
    "affine(3, bias=False, axes=1)": (5, 7),
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
    "conv(3, (2, 3), stride=2)": (5, 7, 2),
    "conv(2, padding='causal', dilation=2, bias=False, l2=0.3)": (7, 3),
    "conv_transpose(3, stride=2)": (5, 2),
    "depthwise_conv(2)": (3, 5, 2),
    "separable_conv(3, padding='valid')": (7, 2),
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
    "max_pool()": (5, 7, 3),
    "max_pool(3, stride=2, padding=1)": (5, 7, 3),
    "max_pool((3, 2), stride=(1, 2), padding='same', ceil=True)": (5, 7, 3),
    "avg_pool()": (7, 3),
    "avg_pool(3, stride=2, padding='same')": (5, 7, 3),
    "avg_pool(2, padding=((0, 1), (1, 0)), count_padding=True, ceil=True)": (5, 7, 3),
    "global_avg_pool()": (5, 7, 3),
    "global_max_pool()": (5, 7, 3),
    "squeeze_excitation(2)": (5, 3, 7),
    "layer_norm()": (3, 7),
    "layer_norm((-2, -1), scale=False)": (2, 3, 7),
    "rms_norm()": (3, 7),
    "group_norm(1)": (5, 7, 3),
    "instance_norm()": (5, 7, 3),
    "embedding(11, 3)": ints(5, below=11),
    "embedding(11, 3, padding=2)": ints(5, below=11),
    "positional_encoding()": (5, 3),
    "learned_positions(7)": (5, 3),
    "rope()": (5, 3, 2),
    "rope(base=100.0, pairs=True)": (5, 2),
    "attention(2, width=6)": ((5, 3), ints(below=6)),
    "attention(1, causal=True, bias=False)": (5, 3),
    "attention(4, kv_heads=2, width=8, causal=True, window=3, rope=rope(), softcap=2.0)": (7, 3),
    "attention(3, window=2, dropout=0.3)": (5, 3),
    "cross_attention(2, width=4)": ((5, 3), (7, 2)),
    "cross_attention(2, width=4, dropout=0.3)": ((5, 3), (7, 2), ints(below=8)),
    "rnn(3)": (5, 2),
    "rnn(3, activation='relu', reverse=True, last=True)": (5, 2),
    "lstm(3)": (5, 2),
    "lstm(3, projection=2, reverse=True)": ((5, 7), ints(below=6)),
    "lstm(3, last=True, initial='given')": ((5, 2), ((3,), (3,))),
    "lstm(3, initial='learned')": (5, 2),
    "gru(3)": (5, 2),
    "gru(3, reset_after=False, initial='given')": ((5, 2), (3,), ints(below=6)),
    "rnn_cell(3)": ((3,), (2,)),
    "lstm_cell(5, projection=3)": (((3,), (5,)), (2,)),
    "gru_cell(3)": ((3,), (2,)),
    "batch_norm()": (3, 7),
    "batch_norm(scale=False, bias=False)": (7,),
}

if not TYPE_CHECKING:
    __getattr__ = answering("fnet.layers", written(layers=__all__))
