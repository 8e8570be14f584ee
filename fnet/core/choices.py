"""Words to choose from."""

from typing import Any

from fnet.errors import ConfigurationError


def require_choice(what: str, given: Any, *choices: str) -> None:
    """Raise ConfigurationError unless it is one of these words.

    >>> require_choice("lars: ratio_to", "norms", "norms", "update")
    """
    if given not in choices:
        raise ConfigurationError(
            f"{what} is {given!r}; it must be one of {', '.join(map(repr, choices))}"
        )
