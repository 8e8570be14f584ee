"""Functions named in the shell, and their arguments: module:function, file.py:forward,backward."""

import copy
import importlib
import importlib.util
import inspect
import sys
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fnet
from fnet.check import Pair, ValueAndGrad
from fnet.check.subjects.objects import has_methods
from fnet.check.truth.arguments import copied
from fnet.core import Layer
from fnet.core.values import Value, is_constructor
from fnet.errors import ConfigurationError, nearest

LIBRARIES = (  # folders of code that is not one's own
    str(Path(fnet.__file__).parent),
    *(sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib")),
    "<",  # code of no file
)
ARGUMENTS = "arguments"  # what a file of arguments defines


class Named(NamedTuple):
    """What is named: a layer's constructor call is left to the caller, as `words`."""

    subjects: tuple[Any, ...]
    module: Any
    words: str


def named(name: str) -> Named:
    """What module:words names."""
    place, _, words = name.rpartition(":")
    module = module_of(place)
    if "(" in words:
        return Named((), module, words)
    found = []
    for part in map(str.strip, words.split(",")):
        if not hasattr(module, part):
            near = nearest(part, [word for word in vars(module) if not word.startswith("_")])
            raise ConfigurationError(
                f"{name}: there is no {part or 'function named'} in {place}{near}"
            )
        found.append(getattr(module, part))
    if len(found) > 2:
        raise ConfigurationError(f"{name}: give a function, or forward,backward:\n{lines(name)}")
    if is_constructor(found[0]):
        raise ConfigurationError(f"{name} makes a layer or a loss; call it: '{name}()'")
    for each in found:
        known = _is_function(each) or isinstance(each, Pair | ValueAndGrad | Layer)
        if not (known or has_methods(each)):
            raise ConfigurationError(
                f"{name} is of type {type(each).__name__}; name a function, a Pair or a "
                f"layer:\n{lines(name)}"
            )
    return Named(tuple(found), module, words)


def given(
    name: str, subject: Any, shapes: list[list[int]] | None, file: str | None, seed: int
) -> tuple[Any, ...]:
    """The arguments: those of a file, or normal numbers of these shapes."""
    function = _called(subject)
    if file is not None:
        return _of_file(name, function, file)
    rng = np.random.default_rng(seed)
    arguments = tuple(rng.normal(size=shape) for shape in shapes or ())
    try:
        function(*copied(arguments))
    except Exception as error:
        words = ", ".join(str(tuple(shape)) for shape in shapes or ())
        raise ConfigurationError(
            f"{name}: at arrays of {words or 'no shape'}: {told(error):.300}; give a --shape for "
            f"each of its arguments, or a file of --arguments:\n{lines(name)}"
        ) from None
    return arguments


def _called(subject: Any) -> Callable[..., Any]:
    """The function that takes the arguments."""
    if isinstance(subject, Pair | ValueAndGrad):
        return subject[0]
    subject = copy.deepcopy(subject) if has_methods(subject) else subject  # it may keep things
    function: Callable[..., Any] = subject if _is_function(subject) else subject.forward
    return function


def _is_function(each: Any) -> bool:
    return callable(each) and not isinstance(each, Value)  # a layer's call says how to use it


def _of_file(name: str, function: Callable[..., Any], file: str) -> tuple[Any, ...]:
    """What `arguments` of a file is, or returns: a tuple, or a dict by the names of parameters."""
    found = getattr(module_of(file), ARGUMENTS, None)
    found = found() if callable(found) else found
    if isinstance(found, list | tuple):
        return tuple(found)
    if not isinstance(found, dict):
        kind = f"is of type {type(found).__name__}" if found is not None else "is not there"
        raise ConfigurationError(
            f"{file}: `{ARGUMENTS}` {kind}; it must be a tuple, a dict by the names of the "
            f"parameters, or a function that returns one:\n{FILE}"
        )
    try:
        bound = inspect.signature(function).bind(**found)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{name}: {file}: {error}:\n{FILE}") from None
    return (*bound.args, *bound.kwargs.values())


FILE = """\
  import numpy as np
  rng = np.random.default_rng(0)
  arguments = {"x": rng.normal(size=(8, 5)), "labels": np.array([0, 2, 1]), "settings": {"p": 0.5}}\
"""


def lines(name: str) -> str:
    """Three lines that would do."""
    place = name.rpartition(":")[0]
    return (
        f"  fnet check {place}:forward,backward --shape 8 5 --shape 5 3\n"
        f"  fnet check {place}:f,derivative --shape 8\n"
        f"  fnet check {place}:forward,backward --arguments inputs.py  # arguments = (x, w)"
    )


def told(error: BaseException) -> str:
    """What an error says, after the last line that is no library's."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(LIBRARIES)]
    place = f"{own[-1].filename}, line {own[-1].lineno}, `{own[-1].line}`: " if own else ""
    return f"{place}{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def module_of(place: str) -> Any:
    """The module of this name, or in this file; the folder we are in is looked at first."""
    if not place:
        raise ConfigurationError("name a module or a file before the colon: course.py:forward")
    if place.endswith(".py") and not Path(place).is_file():
        raise ConfigurationError(f"there is no file {place}")
    sys.path.insert(0, str(Path.cwd()))
    try:
        if not place.endswith(".py"):
            return importlib.import_module(place)
        spec = importlib.util.spec_from_file_location(Path(place).stem, place)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    except SyntaxError as error:
        raise ConfigurationError(f"{error.filename}, line {error.lineno}: {error.msg}") from None
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"{place}: {error}") from None
    except (Exception, SystemExit) as error:
        raise ConfigurationError(f"{place}: {told(error)}") from None
    finally:
        sys.path.pop(0)
