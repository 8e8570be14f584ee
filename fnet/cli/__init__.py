"""The command line: `fnet train`, `evaluate`, `predict`, `overfit`, `check`, `bench`, and more."""

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from fnet.cli.guesses import meant
from fnet.errors import FnetError, GradientMismatch

EPILOG = """\
examples:
  fnet train                          the embedded set of shapes: data, training, pictures
  fnet train --data photos/           your own images: photos/<class>/*.png
  fnet train --data book.txt          a text, which fnet generate continues
  fnet evaluate runs/shapes-cnn-1     accuracy and confusion matrix of a run
  fnet check                          every hand-written gradient against autodiff
  fnet bench                          their speed against autodiff's, on this machine
  fnet runs                           compare the runs in runs/
  eval "$(fnet --print-completion bash)"   tab completion in this shell

'fnet COMMAND --help' describes a command, with examples.
"""


def _versions() -> str:
    """The versions of fnet and of what it runs on."""
    import platform

    import jax

    from fnet import __version__

    return f"fnet {__version__} (jax {jax.__version__}, Python {platform.python_version()})"


class Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line, as do its subcommands."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse unknown arguments here, where the error can name the command."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            known = [option for action in self._actions for option in action.option_strings]
            self.error(f"unrecognized arguments: {' '.join(unknown)}{meant(unknown[0], known)}")
        return parsed, unknown


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; an error the user can fix is one line, with exit status 2."""
    needed = ("filelock", "matplotlib", "rich", "shtab")
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        print(f"fnet: {' and '.join(missing)} missing: pip install 'fnet[cli]'", file=sys.stderr)
        return 2
    import jax

    from fnet.cli import (
        bench,
        check,
        data,
        export,
        generate,
        inspect,
        launch,
        listing,
        overfit,
        summary,
        sweep,
    )
    from fnet.cli import train as training
    from fnet.cli.completion import add_completion

    parser = Parser(
        prog="fnet",
        description="Train networks whose backward passes are written by hand and proved.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in (
        training,
        launch,
        sweep,
        listing,
        inspect,
        export,
        generate,
        overfit,
        check,
        bench,
        summary,
        data,
    ):
        module.add(commands)
    add_completion(parser)
    parser.add_argument("--version", action="version", version=_versions())
    words = sys.argv[1:] if argv is None else argv
    if not words:
        parser.print_help()
        return 0
    arguments = vars(parser.parse_args(words))
    try:
        return int(arguments.pop("run")(arguments))
    except GradientMismatch as error:
        print(f"fnet: {error}", file=sys.stderr)
        return 1
    except FnetError as error:
        print(f"fnet: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"fnet: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
        return 2
    except (MemoryError, jax.errors.JaxRuntimeError) as error:
        if isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" not in str(error):
            raise
        print("fnet: out of memory: choose a smaller --hidden, --size or data set", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("fnet: interrupted", file=sys.stderr)
        return 130
