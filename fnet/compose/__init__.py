"""Layers made from layers.

`serial` makes a chain; `residual`, `parallel`, `fan_out`, `first`, `each`, `repeat`, `recurrent`
and `bidirectional` make any other network of data flow. `remat` trades time for memory; `frozen`,
`tied`, `low_rank`, `weight_norm`, `weight_standardization` and `mixed_precision` change what the
parameters of a layer are.

>>> from fnet.layers import affine, relu
>>> serial(affine(3), residual(affine(3), relu()))
serial(affine(3), residual(affine(3), relu()))
"""

from fnet.compose.adapters import Frozen, LowRank, WeightNorm, frozen, low_rank, tied, weight_norm
from fnet.compose.mixed_precision import mixed_precision
from fnet.compose.parallel import each, fan_out, first, parallel
from fnet.compose.recurrent import bidirectional, recurrent
from fnet.compose.remat import remat
from fnet.compose.reparametrized import Reparametrization, reparametrized
from fnet.compose.repeat import repeat
from fnet.compose.residual import Residual, residual
from fnet.compose.serial import serial
from fnet.compose.standardized import weight_standardization
from fnet.core.examples import ints

__all__ = [
    "Frozen",
    "LowRank",
    "Reparametrization",
    "Residual",
    "WeightNorm",
    "bidirectional",
    "each",
    "fan_out",
    "first",
    "frozen",
    "low_rank",
    "mixed_precision",
    "parallel",
    "recurrent",
    "remat",
    "reparametrized",
    "repeat",
    "residual",
    "serial",
    "tied",
    "weight_norm",
    "weight_standardization",
]

CELL = "serial(parallel(affine(3), affine(3), join='add'), tanh())"  # an Elman network

EXAMPLES = {
    "serial(affine(3), relu())": (7,),
    "residual(affine(7), tanh())": (7,),
    "residual(affine(3), shortcut=affine(3))": (7,),
    "parallel(affine(3), tanh())": ((7,), (5,)),
    "parallel(affine(3), affine(3), join='add')": ((7,), (5,)),
    "fan_out(affine(3), tanh(), join='concatenate')": (7,),
    "first(affine(3))": ((7,), (5,)),
    "each(affine(3, l2=0.1))": ((7,), (7,)),
    "repeat(serial(affine(7), tanh()), 3)": (7,),
    "repeat(serial(affine(7), gelu()), 3, tied=True)": (7,),
    f"recurrent({CELL})": (5, 2),
    f"recurrent({CELL}, reverse=True, last=True)": (5, 2),
    f"recurrent({CELL}, reverse=False)": ((5, 2), ints(below=6)),
    f"bidirectional({CELL})": (5, 2),
    "remat(serial(affine(3), tanh()))": (7,),
    "frozen(serial(affine(3), tanh(), affine(2)), '[0].w')": (7,),
    "tied(serial(affine(3), tanh(), affine(7)), '[2].w', '[0].w', transpose=True)": (7,),
    "low_rank(affine(3), 2)": (7,),
    "weight_norm(affine(3))": (7,),
    "weight_standardization(affine(3))": (7,),
    "mixed_precision(affine(3))": (7,),
}

_BLOCK = "serial(affine(256), tanh())"

LARGE = {
    "serial(affine(256), relu(), affine(256))": (256,),
    "residual(affine(256), tanh())": (256,),
    "parallel(affine(256), affine(256), join='add')": ((256,), (256,)),
    "fan_out(affine(256), affine(256), join='concatenate')": (256,),
    f"first({_BLOCK})": ((256,), (5,)),
    f"each({_BLOCK})": ((256,), (256,)),
    f"repeat({_BLOCK}, 12)": (256,),
    f"recurrent({CELL.replace('3', '128')})": (64, 128),
    f"bidirectional({CELL.replace('3', '128')})": (64, 128),
    f"remat({_BLOCK})": (256,),
    f"frozen({_BLOCK}, '[0].w')": (256,),
    "tied(serial(affine(128), tanh(), affine(256)), '[2].w', '[0].w', transpose=True)": (256,),
    "low_rank(affine(256), 8)": (256,),
    "weight_norm(affine(256))": (256,),
    "weight_standardization(affine(256))": (256,),
    "mixed_precision(affine(256))": (256,),
}
