"""What is public: the modules that have a page, and the names on it."""

import importlib
import inspect
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

from fnet.core.values import Value

# Where names are given, the others of the module are for fnet's own modules.
PAGES: dict[str, tuple[str, ...]] = {
    "fnet": (),
    "fnet.check": (),
    "fnet.check.plugin": (),
    "fnet.check.strategies": (),
    "fnet.checkpoint": (),
    "fnet.compose": (),
    "fnet.core.values": (),
    "fnet.core": ("Layer", "Loss", "Optimizer", "Penalty", "layer", "loss", "penalty"),
    "fnet.data": (),
    "fnet.errors": (),
    "fnet.initializers": (),
    "fnet.layers": (),
    "fnet.losses": (),
    "fnet.models": (),
    "fnet.optimizers": (),
    "fnet.plots": (),
    "fnet.summary": (),
    "fnet.training": (),
}


class Name(NamedTuple):
    """A public name and what it stands for; a page itself is the name ""."""

    page: str
    name: str
    value: Any

    @property
    def full(self) -> str:
        return f"{self.page}.{self.name}".rstrip(".")

    @property
    def docstring(self) -> str:
        """What was written for this very thing, and not what Python says of a class by itself."""
        own = vars(self.value).get("__doc__") if inspect.isclass(self.value) else self.value.__doc__
        return "" if (own or "").startswith(f"{self.name}(") else inspect.cleandoc(own or "")

    @property
    def file(self) -> Path:
        """Where it is written."""
        page = sys.modules[self.page]  # what hypothesis decorates says it is of no module
        module = sys.modules.get(getattr(self.value, "__module__", ""), page)
        return Path(str(module.__file__))

    @property
    def place(self) -> str:
        """The file and the line, for a message."""
        head = re.compile(rf"(def|class) {self.name}\b")
        lines = enumerate(self.file.read_text("utf-8").splitlines(), start=1)
        line = next((number for number, text in lines if head.match(text)), 1)
        return f"{self.file}:{line}: {self.full}"


def public() -> list[Name]:
    """The pages, and on each its functions and classes: those of `__all__`, and all of its own."""
    found = []
    for page, names in PAGES.items():
        module = importlib.import_module(page)
        found.append(Name(page, "", module))
        own = [name for name, value in vars(module).items() if _is_own(value, page, name)]
        listed = dict.fromkeys([*getattr(module, "__all__", ()), *(names or own)])
        values = ((name, inspect.unwrap(getattr(module, name))) for name in listed)
        found += [Name(page, name, value) for name, value in values if _is_told(value)]
    return found


def variables(page: str) -> list[str]:
    """The values that stand on a page beside its functions, as `he_normal`."""
    module = importlib.import_module(page)
    return [name for name, value in vars(module).items() if isinstance(value, Value)]


def _is_own(value: Any, page: str, name: str) -> bool:
    here = getattr(value, "__module__", "") == page and not name.startswith("_")
    return here and _is_told(inspect.unwrap(value))


def _is_told(value: Any) -> bool:
    return inspect.isclass(value) or inspect.isroutine(value)
