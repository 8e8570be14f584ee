"""`fnet export`: the best weights of a run for other libraries."""

import importlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnet.checkpoint import Checkpoint
from fnet.cli.arguments import Settings, command
from fnet.cli.run import CONFIG, read_run
from fnet.cli.voice import add_voice, take_voice
from fnet.data import Transform, compose
from fnet.data.schema import read_schema
from fnet.errors import ConfigurationError
from fnet.files.writing import replacing
from fnet.interop import save_safetensors, to_onnx, to_torch

EXAMPLES = """
fnet export runs/shapes-cnn-1 --to safetensors        PyTorch's names and layout
fnet export runs/shapes-cnn-1 --to torch              a state_dict, written by PyTorch
fnet export runs/shapes-cnn-1 --to onnx --out m.onnx  the whole model, transform included
"""
SHOWN = 5  # inputs that are named
SUFFIXES = {"safetensors": ".safetensors", "torch": ".pt", "onnx": ".onnx"}


def add(commands: Any) -> None:
    """Register the command."""
    summary = "write the best weights of a run for PyTorch, or the model for ONNX"
    parser = command(commands, "export", run, summary, EXAMPLES)
    parser.add_argument("run_folder", metavar="RUN", help="the folder of a run")
    parser.add_argument("--to", choices=tuple(SUFFIXES), required=True, help="the format")
    parser.add_argument("--out", metavar="FILE", help="(default RUN/model with its suffix)")
    add_voice(parser)


def run(given: Settings) -> int:
    """Run the command."""
    voice, folder, kind = take_voice(given), Path(given["run_folder"]), given["to"]
    settings, checkpoint = read_run(folder)
    path = Path(given.get("out", folder / f"model{SUFFIXES[kind]}"))
    if path.is_dir():
        raise ConfigurationError(f"--out {path}: it is a folder; name a file in it")
    about = WRITERS[kind](checkpoint, path)
    best = checkpoint.record.best.epoch
    words = [
        f"model      {checkpoint.model}, with the weights of epoch {best}",
        f"written    {path}: {about}",
    ]
    facts = {"file": str(path), "format": kind, "epoch": best}
    if names := _inputs(settings):
        shown = ", ".join(names[:SHOWN]) + ", ..." * (len(names) > SHOWN)
        made = f"as `schema` in {folder / CONFIG} makes them of a row"
        words.append(f"inputs     {len(names)}, {made}: {shown}")
        facts["inputs"] = names
    voice.tell("end", words, facts, last=True)
    return 0


def _inputs(settings: Settings) -> list[str]:
    """The names of the inputs that a run's schema makes of the columns of a table, if it has one.

    They are no cells: numbers are scaled, and each word has a column of 0 and 1.
    """
    schema = settings.get("schema") or {}
    return list(read_schema(schema).names) if "columns" in schema else []


def _arrays(checkpoint: Checkpoint) -> dict[str, Any]:
    return to_torch(checkpoint.model, checkpoint.shape, checkpoint.record.best.params)


def _safetensors(checkpoint: Checkpoint, path: Path) -> str:
    arrays = _arrays(checkpoint)
    save_safetensors(path, arrays)
    return _described(checkpoint, arrays)


def _torch(checkpoint: Checkpoint, path: Path) -> str:
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        raise ConfigurationError(
            "--to torch needs PyTorch, which is not installed; --to safetensors writes the same "
            "arrays without it"
        ) from None
    arrays, buffer = _arrays(checkpoint), io.BytesIO()
    torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, buffer)
    with replacing(path) as file:
        file.write(buffer.getvalue())
    return _described(checkpoint, arrays)


def _onnx(checkpoint: Checkpoint, path: Path) -> str:
    model, loss, _, shape, record, *_ = checkpoint
    params, transform = record.best.params, checkpoint.transform
    written = to_onnx(model, shape, params, transform=transform, loss=loss)
    with replacing(path) as file:
        file.write(written)
    inputs = ", ".join(map(str, ("N", *shape)))
    return f"`input` ({inputs}){_then(' as it was before', transform)}, to `output`" + (
        " and `probabilities`" if checkpoint.classes else ""
    )


def _described(checkpoint: Checkpoint, arrays: dict[str, Any]) -> str:
    after = _then(", of inputs after", checkpoint.transform)
    return f"{len(arrays)} arrays, named and laid out as in PyTorch{after}"


def _then(words: str, transform: Transform) -> str:
    """The words and the transform; nothing where there is none."""
    return "" if transform is compose() else f"{words} {transform}"


WRITERS: dict[str, Callable[[Checkpoint, Path], str]] = {
    "safetensors": _safetensors,
    "torch": _torch,
    "onnx": _onnx,
}
