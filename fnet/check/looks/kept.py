"""Programs that are kept from one examination to the next, by all that they compute.

A function is no name for what it computes: it calls others, and reads data, that may be others
tomorrow, in a notebook above all. So it is traced anew, and compiled where its trace is new.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax

from fnet.check.looks.programs import compiled, rebuilt
from fnet.check.subjects.subject import Subject
from fnet.check.truth.arguments import Layout, Same, in_numpy, signature

MOST = 64
Programs = dict[str, Callable[..., Any]]
_programs: dict[Any, Programs] = {}  # the first is the one that was needed least lately


class Trace(NamedTuple):
    """What a function does, in words and with the data that it has with it; and what it gives."""

    closed: Any  # None where JAX cannot trace it
    given: Any
    told: tuple[str, str]


def traces(subject: Subject, form: Layout, inputs: Any, dout: Any) -> dict[str, Trace]:
    """Of the subject's functions, "plain" and "out", and "route " with the name of each."""
    traced: dict[str, Callable[..., Any]] = {}
    plain = subject.plain
    if plain is not None and not (subject.traceable and plain is subject.forward):
        traced["plain"] = lambda inputs, dout: plain(*rebuilt(form, inputs))
    if subject.traceable:
        traced["out"] = lambda inputs, dout: subject.forward(*rebuilt(form, inputs))
        for name, route in subject.routes.items():
            traced[f"route {name}"] = lambda inputs, dout, by=route: by(
                dout, *rebuilt(form, inputs)
            )
    return {name: _trace(function, inputs, dout) for name, function in traced.items()}


def kept(subject: Subject, form: Layout, traced: dict[str, Trace]) -> Programs:
    """The programs of this subject, for arguments of this layout."""
    arguments = form.rebuild([form.leaves[place] for place in form.places])
    told = [(name, *trace.told) for name, trace in traced.items()]
    key = tuple(map(Same, subject.of)), signature(arguments), tuple(told)
    found = _programs.pop(key, None) or compiled(subject, form)
    _programs[key] = found
    while len(_programs) > MOST:
        del _programs[next(iter(_programs))]
    return found


def _trace(function: Callable[..., Any], inputs: Any, dout: Any) -> Trace:
    try:
        closed, given = jax.make_jaxpr(function, return_shape=True)(inputs, dout)
    except Exception as error:  # of whatever kind: it is raised again where it is run
        return Trace(None, None, (str(type(error)), ""))
    digest = hashlib.sha256()
    for const in _consts(closed):
        digest.update(in_numpy(const).tobytes())
    return Trace(closed, given, (str(closed), digest.hexdigest()))


def _consts(closed: Any) -> Iterator[Any]:
    yield from getattr(closed, "consts", ())
    for eqn in getattr(closed, "jaxpr", closed).eqns:
        for value in eqn.params.values():
            for inner in value if isinstance(value, tuple) else (value,):
                if hasattr(inner, "eqns") or hasattr(inner, "jaxpr"):
                    yield from _consts(inner)
