"""`fnet generate`: a text continued by a trained run."""

import time
from pathlib import Path
from typing import Any

from fnet.cli.arguments import Settings, command
from fnet.cli.run import read_run
from fnet.cli.text import is_text
from fnet.cli.values import above
from fnet.cli.voice import add_voice, take_voice
from fnet.data import Vocabulary
from fnet.errors import ConfigurationError
from fnet.models import generate

EXAMPLES = """
fnet generate runs/book-transformer-1 --prompt "It was"
fnet generate runs/book-lstm-1 --prompt "It was" --tokens 500 --temperature 0.7 --top-k 20
fnet generate runs/language-transformer-1 --prompt "({"    the formal language
"""
TOKENS = 200


def add(commands: Any) -> None:
    """Register the command."""
    summary = "continue a text with a run that was trained on one"
    parser = command(commands, "generate", run, summary, EXAMPLES)
    parser.add_argument("run_folder", metavar="RUN", help="the folder of a run")
    parser.add_argument(
        "--prompt",
        metavar="TEXT",
        help="how it begins (default: a new line, or the first character that the run knows)",
    )
    parser.add_argument(
        "--tokens", type=above(0, int), metavar="N", help=f"how many follow (default {TOKENS})"
    )
    parser.add_argument(
        "--temperature",
        type=above(-1e-300, float),
        metavar="T",
        help="below 1 what is probable becomes more so; 0 takes the most probable (default 1)",
    )
    parser.add_argument(
        "--top-k", type=above(0, int), metavar="K", help="draw from the K most probable ones alone"
    )
    parser.add_argument("--seed", type=above(-1, int), metavar="N", help="(default 0)")
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help="compute everything anew for each token: the same text, more slowly",
    )
    add_voice(parser)


def run(given: Settings) -> int:
    """Run the command."""
    folder, voice = Path(given["run_folder"]), take_voice(given)
    settings, checkpoint = read_run(folder)
    if not is_text(settings):
        raise ConfigurationError(
            f"{folder} was not trained on a text, but as --model {settings['model']}; train one: "
            "fnet train --data book.txt"
        )
    words = Vocabulary.of(checkpoint.classes)
    prompt = given.get("prompt") or ("\n" if "\n" in words.classes else words.decode([0]))
    begin, params = words.encode(prompt)[None], checkpoint.record.best.params
    started = time.perf_counter()
    ids = generate(
        checkpoint.model,
        params,
        begin,
        given.get("tokens", TOKENS),
        temperature=given.get("temperature", 1.0),
        top_k=given.get("top_k"),
        seed=given.get("seed", 0),
        cached=not given.get("no_cache", False),
    )[0]
    rest = words.decode(ids[begin.shape[1] :])
    facts = {"prompt": prompt, "text": rest, "seconds": time.perf_counter() - started}
    voice.tell("end", [prompt + rest], facts, last=True)
    return 0
