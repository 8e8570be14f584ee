"""`fnet evaluate` and `fnet predict`: how good a trained run is, and its predictions."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from fnet.checkpoint import Checkpoint
from fnet.cli.arguments import Settings, command, say
from fnet.cli.judging import judged
from fnet.cli.learned import load_table, require_schema, written
from fnet.cli.photos import image_files, photos
from fnet.cli.rows import predict_rows, tell_aside
from fnet.cli.run import EVALUATION, read_run, write_json
from fnet.cli.source import load_parts, load_whole
from fnet.cli.spread import add_devices, spread_over
from fnet.cli.table_flags import add_writing
from fnet.cli.tables import is_table, of_columns
from fnet.cli.text import is_text
from fnet.cli.text_report import evaluate_text
from fnet.cli.texts import known_texts
from fnet.cli.values import held_out
from fnet.cli.voice import add_voice, plain, take_voice
from fnet.data import Memory, memory
from fnet.data.text_folders import class_folders
from fnet.errors import ConfigurationError, DataError
from fnet.training.evaluation import evaluate, predict

EVALUATE = """
fnet evaluate runs/shapes-cnn-1                 its own test part
fnet evaluate runs/shapes-cnn-1 --data photos/  other data with the same classes
fnet evaluate runs/shapes-cnn-1 --devices all   on all devices, or all cores of a CPU
"""
PREDICT = """
fnet predict runs/shapes-cnn-1 cat.png dog.png
fnet predict runs/shapes-cnn-1 new/ --json      every image in a folder
fnet predict runs/houses-mlp-1 new.csv --out predicted.csv
fnet predict runs/houses-mlp-1 - < new.csv      rows from standard input
"""


def add(commands: Any) -> None:
    """Register both commands."""
    summary = "measure a run: accuracy, classes and probabilities, or errors of a number"
    parser = command(commands, "evaluate", run_evaluate, summary, EVALUATE)
    parser.add_argument("run_folder", metavar="RUN", help="the folder of a run")
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="evaluate on all of these data, or the test part of those that come divided; images "
        "are resized to the run's size (default: the run's own test part)",
    )
    add_writing(parser.add_argument_group("other tables (default: as recognised in training)"))
    add_devices(parser, several=False)
    add_voice(parser)
    summary = "predict the class of images, or the target of the rows of a table"
    parser = command(commands, "predict", run_predict, summary, PREDICT)
    parser.add_argument("run_folder", metavar="RUN", help="the folder of a run")
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="FILE",
        help="images, or folders of them, resized to the run's size; of a run on class folders of "
        "texts, such files or folders; or of a run on a table, "
        "another table, with or without the target (- reads standard input)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object per line, with all probabilities"
    )
    parser.add_argument("--out", metavar="CSV", help="where predictions for a table are written")
    add_writing(parser.add_argument_group("tables (default: as recognised in training)"))
    add_devices(parser, several=False)


def run_evaluate(given: Settings) -> int:
    """Run `fnet evaluate`: the best weights on the test part, or on all of other data."""
    from fnet.cli.pictures import judge  # matplotlib is slow to import

    (mesh, said), folder, voice = spread_over(given), Path(given["run_folder"]), take_voice(given)
    settings, checkpoint = read_run(folder)
    other = written(settings, given)
    if other != settings and given.get("data") is None:
        raise ConfigurationError("how a table is written is told of another one: add --data PATH")
    if is_text(settings):
        return evaluate_text(checkpoint, settings, given.get("data"), voice, mesh, said)
    dataset, about = _data(other, checkpoint, given.get("data"))
    parts = checkpoint.model, checkpoint.loss, checkpoint.record.best.params, dataset
    predictions = predict(*parts, mesh=mesh)
    judgement = judged(evaluate(*parts, mesh=mesh), predictions, checkpoint.classes)
    facts = {"data": about, "samples": len(dataset), **judgement.facts}
    facts |= {"decisions": said} if said else {}
    write_json(folder / EVALUATION, plain(facts))
    pictures = judge(folder, predictions, checkpoint.classes, settings["target"], evaluating=True)
    files = [EVALUATION, *pictures]
    words = [
        f"data       {about}, {len(dataset)} samples",
        *(f"           {line}" for line in said),
    ]
    words += [*judgement.reached, *judgement.more]
    words.append(f"written    {folder}/: {', '.join(files)}")
    facts |= {"folder": str(folder), "files": files}
    voice.tell("end", judgement.reached if voice.quiet else words, facts, last=True)
    return 0


def run_predict(given: Settings) -> int:
    """Run `fnet predict`: one line per image."""
    mesh, said = spread_over(given)
    settings, checkpoint = read_run(Path(given["run_folder"]))
    settings = written(settings, given)
    if is_text(settings):
        raise ConfigurationError(
            f"{given['run_folder']} was trained on a text: fnet generate continues one"
        )
    if of_columns(settings) and not _of_texts(settings):
        name = given["inputs"][0]
        if name != "-" and not is_table(Path(name), settings["target"]):
            raise ConfigurationError(
                f"{given['run_folder']} was trained on a table, and {name} is none; pass a .csv, "
                ".tsv or .txt, or - to read rows from standard input"
            )
        return predict_rows(given, settings, checkpoint, mesh, said)
    if given.get("out") is not None:
        raise ConfigurationError("--out is for the rows of a table; other answers are printed")
    if _of_texts(settings):
        files, inputs, passed = known_texts(given["inputs"], require_schema(settings))
    else:
        files, passed = image_files(given["inputs"])
        inputs = photos(files, checkpoint, settings)
    dataset = memory(
        {"input": inputs, "label": np.zeros(len(inputs), np.int32)},
        checkpoint.classes,
        checkpoint.transform,
    )
    params = checkpoint.record.best.params
    tell_aside([*said, *passed])
    predictions = predict(checkpoint.model, checkpoint.loss, params, dataset, mesh=mesh)
    assert predictions.probabilities is not None
    for path, label, probabilities in zip(
        files, predictions.predicted, predictions.probabilities, strict=True
    ):
        name, probability = checkpoint.classes[label], float(probabilities[label])
        if given.get("json"):
            by_class = dict(zip(checkpoint.classes, map(float, probabilities), strict=True))
            kind = "text" if _of_texts(settings) else "image"
            line = {kind: path, "class": name, "probability": probability, "classes": by_class}
            say(json.dumps(line, ensure_ascii=False))
        else:
            say(f"{path}\t{name}\t{probability:.3f}")
    return 0


def _of_texts(settings: Settings) -> bool:
    """Whether texts in class folders were learned."""
    return "files" in (settings.get("schema") or {}).get("texts", {})


def _data(settings: Settings, checkpoint: Checkpoint, other: str | None) -> tuple[Memory, str]:
    if other is None:
        parts = load_parts(settings)
        test = dataclasses.replace(parts.test, transform=checkpoint.transform)
        return test, f"the test part of {parts.about}"
    path = Path(other)
    columns = of_columns(settings)
    of_texts = path.is_dir() and settings["text"] is not None
    apart = of_texts or (is_table(path, settings["target"]) and not path.is_dir())
    if apart != columns and not (apart and settings["images"] is not None):
        learned = "a table" if columns else "images"
        raise ConfigurationError(f"--data {other}: the run was trained on {learned}; pass the same")
    if columns:
        pieces, which = held_out((of_texts and class_folders(path)) or {"all": path})
        (path,) = pieces.values()
        dataset, said = load_table(path, settings, checkpoint.classes, settings["thresholds"])
        return dataset, "; ".join((other, *which, *said))
    size = checkpoint.shape[:2] if len(checkpoint.shape) == 3 else None
    settings = {**settings, "data": other, "size": size}
    whole, decisions = load_whole(settings, checkpoint.classes, checkpoint.transform)
    shape = whole.arrays[whole.fields[0]].shape[1:]
    if shape != checkpoint.shape:
        raise DataError(
            f"{other}: its samples are {shape}, but the run takes {checkpoint.shape}; pass samples "
            "of that shape"
        )
    return whole, "; ".join((other, *decisions))
