"""Tab completion: `eval "$(fnet --print-completion bash)"`."""

import argparse

import shtab

# How to complete an argument, by its metavar.
FILES = {"PATH": shtab.FILE, "IMAGE": shtab.FILE, "FOLDER": shtab.DIRECTORY, "RUN": shtab.DIRECTORY}


def add_completion(parser: argparse.ArgumentParser) -> None:
    """Add --print-completion SHELL to a parser that already has all its commands."""
    _complete_files(parser)
    words = "print the script that completes fnet's arguments in a shell: see below"
    shtab.add_argument_to(parser, "--print-completion", help=words)
    parser._actions[-1].default = argparse.SUPPRESS  # not a setting of any command


def _complete_files(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _complete_files(command)
        elif action.metavar in FILES:
            action.complete = FILES[action.metavar]  # type: ignore[attr-defined]
