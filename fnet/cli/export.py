"""`fnet export`: the best weights of a run for other libraries."""

import importlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnet.checkpoint import Checkpoint
from fnet.cli.arguments import Settings, command
from fnet.cli.run import CONFIG, read_run
from fnet.cli.text import is_text
from fnet.cli.voice import add_voice, take_voice
from fnet.data import Transform, Vocabulary, compose
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
    names, of_what = _inputs(settings, checkpoint, folder / CONFIG)
    lists = {"classes": list(checkpoint.classes), "words": _words(settings)}
    metadata = {name: json.dumps(each) for name, each in lists.items() if each}
    about = WRITERS[kind](checkpoint, path, metadata)
    best = checkpoint.record.best.epoch
    words = [
        f"model      {checkpoint.model}, with the weights of epoch {best}",
        f"written    {path}: {about}",
        *([f"inputs     {of_what}"] if of_what else []),
    ]
    facts = {"file": str(path), "format": kind, "epoch": best}
    facts |= {"inputs": names} if names else {}
    voice.tell("end", words, facts, last=True)
    return 0


def _inputs(settings: Settings, checkpoint: Checkpoint, where: Path) -> tuple[list[str], str]:
    """The names of a table's inputs, if there are any, and what inputs are, if that must be said.

    The schema makes inputs of the columns of a table, which are no cells: numbers are scaled, and
    each word has a column of 0 and 1. Of texts they are places in a list.
    """
    if is_text(settings):
        kind = Vocabulary.of(checkpoint.classes).kind
        return [], f"ids of {kind}: places among `classes` in {where}, from 0"
    if _words(settings):
        return [], f"ids of words: places among the `words` in {where}, from 1; 0 is no word"
    schema = settings.get("schema") or {}
    if "columns" not in schema:
        return [], ""
    names = list(read_schema(schema).names)
    shown = ", ".join(names[:SHOWN]) + ", ..." * (len(names) > SHOWN)
    return names, f"{len(names)}, as `schema` in {where} makes them of a row: {shown}"


def _words(settings: Settings) -> list[str]:
    """Those that a run on a column of texts has learned."""
    texts = (settings.get("schema") or {}).get("texts") or {}
    return list(texts.get("words", ()))


def _arrays(checkpoint: Checkpoint) -> dict[str, Any]:
    return to_torch(checkpoint.model, checkpoint.shape, checkpoint.record.best.params)


def _safetensors(checkpoint: Checkpoint, path: Path, metadata: dict[str, str]) -> str:
    arrays = _arrays(checkpoint)
    save_safetensors(path, arrays, metadata)
    return _described(checkpoint, arrays)


def _torch(checkpoint: Checkpoint, path: Path, metadata: dict[str, str]) -> str:
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


def _onnx(checkpoint: Checkpoint, path: Path, metadata: dict[str, str]) -> str:
    model, loss, _, shape, record, *_ = checkpoint
    params, transform = record.best.params, checkpoint.transform
    written = to_onnx(model, shape, params, transform=transform, loss=loss, metadata=metadata)
    with replacing(path) as file:
        file.write(written)
    inputs = ", ".join(_sizes(written))
    return f"`input` ({inputs}){_then(' as it was before', transform)}, to `output`" + (
        " and `probabilities`" if checkpoint.classes else ""
    )


def _sizes(written: bytes) -> list[str]:
    """The sizes of the input of a model of ONNX; those that are free are letters."""
    model = importlib.import_module("onnx").load_from_string(written)
    sizes = model.graph.input[0].type.tensor_type.shape.dim
    return [size.dim_param or str(size.dim_value) for size in sizes]


def _described(checkpoint: Checkpoint, arrays: dict[str, Any]) -> str:
    after = _then(", of inputs after", checkpoint.transform)
    return f"{len(arrays)} arrays, named and laid out as in PyTorch{after}"


def _then(words: str, transform: Transform) -> str:
    """The words and the transform; nothing where there is none."""
    return "" if transform is compose() else f"{words} {transform}"


WRITERS: dict[str, Callable[[Checkpoint, Path, dict[str, str]], str]] = {
    "safetensors": _safetensors,
    "torch": _torch,
    "onnx": _onnx,
}
