"""Help, and the message if a required package is missing."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from fnet.cli import main

COMMANDS = ["train", "evaluate", "predict", "overfit", "check", "bench", "summary", "data"]
COMMANDS += ["launch", "sweep", "runs", "data make", "data stats", "data grid", "data download"]


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_ends_with_examples(name, capsys):
    with pytest.raises(SystemExit) as end:
        main([*name.split(), "--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: fnet {name}".strip())
    examples = out.split("examples:\n")[1].splitlines()
    assert any(line.startswith(f"  fnet {name}".rstrip()) for line in examples)


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    for name in COMMANDS[:11]:
        assert f"\n    {name} " in out


def test_no_word_is_a_question_what_there_is(capsys):
    assert main([]) == 0
    alone = capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--help"])
    assert alone == capsys.readouterr().out


def test_the_script_is_the_module(shell):
    script = Path(sys.executable).with_name("fnet")
    result = subprocess.run(
        [script, "--help"], env=shell.environment, capture_output=True, text=True, check=True
    )
    module = shell.process("--help")
    assert module.status == 0
    assert module.out == result.stdout


@pytest.mark.parametrize(
    ("absent", "words"),
    [({"rich"}, "rich missing"), ({"rich", "matplotlib"}, "matplotlib and rich missing")],
)
def test_without_the_packages_of_the_extra(monkeypatch, capsys, absent, words):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else True)
    assert main(["train"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"fnet: {words}: pip install 'fnet[cli]'\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "--lr", "0.1"], "--lr 0.1; did you mean --learning-rate?"),
        (["train", "--batch_size=4"], "did you mean --batch-size?"),
        (["sweep", "--depths", "3"], "did you mean --depth?"),
        (["train", "."], "did you mean --data .?"),
        (["evaluate", "run", "--gibberish"], "--gibberish; see"),
    ],
)
def test_a_guessed_flag_is_answered(words, said, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert said in capsys.readouterr().err
