"""Flags that other programs have: asked for here, they are answered by fnet's own."""

from collections.abc import Sequence
from pathlib import Path

from fnet.errors import nearest

ELSEWHERE = {
    **dict.fromkeys(("lr", "rate", "eta", "step-size"), "learning-rate"),
    **dict.fromkeys(("bs", "batch", "batchsize"), "batch-size"),
    **dict.fromkeys(("arch", "network", "net"), "model"),
    **dict.fromkeys(("opt", "optim"), "optimizer"),
    **dict.fromkeys(("wd", "decay"), "weight-decay"),
    **dict.fromkeys(("width", "units", "hidden-size", "hidden-layers"), "hidden"),
    **dict.fromkeys(("num-layers", "n-layers"), "layers"),
    **dict.fromkeys(("augmentation", "aug"), "augment"),
    **dict.fromkeys(("output", "o", "save", "run", "save-dir", "output-dir"), "out"),
    **dict.fromkeys(("label", "y", "label-column", "column"), "target"),
    **dict.fromkeys(("img-size", "image-size", "imgsz", "resize"), "size"),
    **dict.fromkeys(("dataset", "data-dir", "path", "input", "folder"), "data"),
    **dict.fromkeys(("early-stopping", "early-stop"), "patience"),
    **dict.fromkeys(("scheduler", "lr-scheduler", "lr-schedule"), "schedule"),
    **dict.fromkeys(("n-epochs", "num-epochs"), "epochs"),
    **dict.fromkeys(("random-state", "random-seed"), "seed"),
    **dict.fromkeys(("classes", "class-names"), "class-folders"),
    **dict.fromkeys(("class-weights", "weighted"), "class-weight"),
    **dict.fromkeys(("num-workers", "jobs"), "workers"),
    **dict.fromkeys(("format", "f"), "to"),
    **dict.fromkeys(("separator", "delimiter", "delim"), "sep"),
    **dict.fromkeys(("regularization", "penalty"), "l2"),
}


def meant(argument: str, known: Sequence[str]) -> str:
    """The end of a message on an unknown argument: the flag that may be meant, among those known.

    >>> meant("--lr", ["--learning-rate", "--size"]), meant("--sise=3", ["--size"])
    ('; did you mean --learning-rate?', '; did you mean --size?')
    >>> meant(__file__, ["--data"]).replace(__file__, "FILE")
    '; did you mean --data FILE?'
    """
    name = argument.split("=")[0]
    flag = "--" + ELSEWHERE.get(name.lstrip("-").replace("_", "-"), "")
    if name.startswith("-"):
        return f"; did you mean {flag}?" if flag in known else nearest(name, known)
    there = "--data" in known and Path(argument).exists()
    return f"; did you mean --data {argument}?" if there else ""
