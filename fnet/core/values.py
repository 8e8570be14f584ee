"""Values made from configuration alone: equal configurations are the same value, a value prints as
it was written, and what it prints can be read back without running any code."""

import ast
import dataclasses
import functools
import inspect
import pickle
import types
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

import jax

from fnet.errors import ConfigurationError, nearest

P = ParamSpec("P")
T = TypeVar("T", bound="Value")

_constructors: set[Callable[..., Any]] = set()  # all that `read` will ever call

_VARIOUS = inspect.Parameter.VAR_POSITIONAL  # *args

USES = {
    "Layer": "it keeps no parameters: params, _ = model.init(key, shape); model.apply(params, x)",
    "Loss": "loss.apply(y, target), or loss.value_and_grad(y, target)",
    "Optimizer": "updates, state = optimizer.update(grads, state, params)",
}
USE = ". What it makes takes arrays: mse().apply(y, target), affine(3).apply(params, x)"

REMEMBERED = 4096  # values each constructor keeps; forgetting one only costs a new trace


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Value:
    """The parent of what a `constructor` builds; `written` is the call that builds it again.

    `spelled` is that call with every argument, defaults included, so that it still builds the same
    value after a default has changed.

    A value is pickled as its call: another process unpickles what the same call makes there.

    >>> from fnet.layers import affine
    >>> affine(100, l2=0.1).written
    'affine(100, l2=0.1)'
    """

    written: str = dataclasses.field(default="", kw_only=True)
    spelled: str = dataclasses.field(default="", kw_only=True)
    made: tuple[Any, ...] = dataclasses.field(default=(), kw_only=True)  # constructor, arguments

    def __repr__(self) -> str:
        return self.written or f"<{type(self).__name__} of no constructor>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Raise ConfigurationError: a value is not a function, unless its kind says so."""
        use = USES.get(type(self).__name__, "it has no call")
        raise ConfigurationError(f"{self.written or type(self).__name__} is not called: {use}")

    def __reduce__(self) -> Any:
        if not self.written:
            raise pickle.PicklingError(f"{self} cannot be pickled: decorate what makes it")
        # A named constant, which no constructor made, stands beside its class: he_normal.
        return (_make, self.made) if self.made else self.written


def constructor(build: Callable[P, T]) -> Callable[P, T]:
    """Memoise `build`, and make its values print as they were written.

    Arguments are configuration: numbers, strings, tuples, None and other values. NumPy arrays and
    lists become tuples of plain numbers. A JAX array, which may be traced, and anything unhashable
    raise `ConfigurationError`.

    >>> from fnet.layers import affine
    >>> affine(100, l2=0.0) is affine(width=100)
    True
    """
    signature = inspect.signature(build)
    name = build.__name__

    @functools.lru_cache(maxsize=REMEMBERED, typed=True)  # typed: 1, 1.0 and True differ
    def remembered(*args: Any, **kwargs: Any) -> T:
        value = build(*args, **kwargs)
        if value.written:  # made by another constructor, which keeps it
            value = dataclasses.replace(value)
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        # In place, so that the value's own functions see its name.
        object.__setattr__(value, "written", _write(name, bound))
        object.__setattr__(value, "spelled", _spell(name, bound))
        object.__setattr__(value, "made", (construct, args, kwargs))
        return value

    @functools.wraps(build)
    def construct(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            hint = (
                USE if any(hasattr(given, "dtype") for given in (*args, *kwargs.values())) else ""
            )
            raise ConfigurationError(f"{name}: {error}; it takes {name}{signature}{hint}") from None
        bound.apply_defaults()
        for key, value in bound.arguments.items():
            if isinstance(value, jax.Array):  # it is computed, and may be traced
                raise ConfigurationError(
                    f"{name}: {key} is a JAX array, and arguments are configuration: give a plain "
                    f"number or a NumPy array{USE}"
                )
        keywords = {key: _plain(value) for key, value in bound.kwargs.items()}
        try:
            return remembered(*_plain(bound.args), **keywords)
        except TypeError as error:
            if "unhashable" not in str(error):
                raise
            raise ConfigurationError(
                f"{name}: {error}; its arguments are configuration: numbers, strings, tuples, "
                "and values such as layers"
            ) from None

    _constructors.add(construct)
    return construct


def read(text: str, vocabulary: Mapping[str, Any]) -> Any:
    """The value that prints as `text`, of constants, and constructors and values of `vocabulary`.

    Nothing else can be called, looked up or computed, so the text may come from a stranger.
    Raises `ConfigurationError` naming what it does not know.

    >>> from fnet import layers
    >>> read("leaky_relu(a=0.2)", vars(layers)) is layers.leaky_relu(0.2)
    True
    """

    names = sorted(name for name, known in vocabulary.items() if is_constructor(known))

    def value(node: ast.expr) -> Any:
        match node:
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
                known: Any = vocabulary.get(name)
                if not is_constructor(known):
                    raise ConfigurationError(
                        f"unknown constructor {name!r} in {text!r}{nearest(name, names)}"
                        f"; known are {', '.join(names)}"
                    )
                return known(*map(value, args), **{k.arg or "": value(k.value) for k in keywords})
            case ast.Name(id=name) if isinstance(vocabulary.get(name), Value):
                return vocabulary[name]
            case ast.Tuple(elts=elements):
                return tuple(map(value, elements))
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return -number
            case ast.Constant(value=constant):
                return constant
        raise ConfigurationError(f"cannot read {ast.unparse(node)!r} in {text!r}")

    try:
        return value(ast.parse(text, mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ConfigurationError(f"cannot read {text!r}: {error}") from None


def is_constructor(known: Any) -> bool:
    """Whether this is a function that `constructor` decorates.

    >>> from fnet.layers import relu
    >>> is_constructor(relu), is_constructor(relu())
    (True, False)
    """
    return isinstance(known, types.FunctionType) and known in _constructors


def _make(construct: Callable[..., T], args: Any, kwargs: Any) -> T:
    return construct(*args, **kwargs)


def _plain(value: Any) -> Any:
    """The same configuration in plain Python: no arrays, no lists, no NumPy numbers."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):  # optax's optimizers
        return tuple(map(_plain, value))
    return value


def _write(name: str, bound: inspect.BoundArguments) -> str:
    """`name(...)` with required arguments by position, others by name unless at their default."""
    words: list[str] = []
    for key, parameter in bound.signature.parameters.items():
        value = bound.arguments[key]
        if parameter.kind is parameter.VAR_POSITIONAL:
            words += map(repr, value)
        elif parameter.default is parameter.empty:
            words.append(repr(value))
        elif value != parameter.default:
            words.append(f"{key}={value!r}")
    return f"{name}({', '.join(words)})"


def _spell(name: str, bound: inspect.BoundArguments) -> str:
    """`name(...)` with every argument, nested ones included; by name where Python allows it."""
    words: list[str] = []
    parameters = bound.signature.parameters
    kinds = [parameter.kind for parameter in parameters.values()]
    many = kinds.index(_VARIOUS) if _VARIOUS in kinds else 0
    for place, (key, value) in enumerate(bound.arguments.items()):
        if place < many:  # before *args a name is not allowed
            words.append(_spelling(value))
        elif kinds[place] is _VARIOUS:
            words += map(_spelling, value)
        else:
            words.append(f"{key}={_spelling(value)}")
    return f"{name}({', '.join(words)})"


def _spelling(value: Any) -> str:
    if isinstance(value, Value):
        return value.spelled or repr(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(_spelling, value))}{',' if len(value) == 1 else ''})"
    return repr(value)


def made_of(value: Any) -> tuple[Any, ...]:
    """Its constructor, arguments and keywords; None and none of what no constructor made.

    >>> made_of(3)
    (None, (), {})
    """
    made: tuple[Any, ...] = getattr(value, "made", ())
    return made or (None, (), {})
