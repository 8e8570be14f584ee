"""Completion by the tab key: `eval "$(fnet --print-completion bash)"`."""

import argparse

import shtab

# What the words of an argument are, by the name that its help gives them.
FILES = {"PATH": shtab.FILE, "IMAGE": shtab.FILE, "FOLDER": shtab.DIRECTORY, "RUN": shtab.DIRECTORY}


def add_completion(parser: argparse.ArgumentParser) -> None:
    """The argument --print-completion SHELL, of a parser that has all of its commands."""
    _complete_files(parser)
    words = "what a shell needs to complete fnet's words: see below"
    shtab.add_argument_to(parser, "--print-completion", help=words)
    parser._actions[-1].default = argparse.SUPPRESS  # it is no setting of a command


def _complete_files(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _complete_files(command)
        elif action.metavar in FILES:
            action.complete = FILES[action.metavar]  # type: ignore[attr-defined]
