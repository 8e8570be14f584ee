"""The arguments of the network; a sweep takes several values of some."""

import argparse
from typing import Any

from fnet.cli.arguments import ACTIVATIONS, MODELS
from fnet.cli.values import above

SWEPT = ("hidden", "layers", "depth", "l2")  # in a sweep, one or more values of each


class _Widths(argparse.Action):
    """One width, or one for each hidden layer."""

    def __call__(self, parser: object, namespace: object, values: object, *option: object) -> None:
        assert isinstance(values, list)
        setattr(namespace, self.dest, values[0] if len(values) == 1 else values)


def add_model(
    parser: argparse.ArgumentParser, several: bool = False, others: tuple[str, ...] = ()
) -> None:
    """The network; `several` networks in a sweep; `others` are more models that may be named."""
    group = parser.add_argument_group("model")
    group.add_argument(
        "--model",
        choices=(*MODELS, *others),
        help="cnn: convolutions (the default for images); resnet: a residual network; mobile: "
        "depthwise convolutions; mlp: affine layers with activations between them (the default for "
        "tables); linear: one affine layer, which is linear, logistic or softmax regression as the "
        "target is; logistic: that of two classes; words: the mean of the words, of texts "
        "with classes",
    )
    more: dict[str, Any] = {"nargs": "+"} if several else {}
    also = "; several to compare" if several else ""
    group.add_argument(
        "--depth",
        type=above(0, int),
        metavar="N",
        help=f"number of layers of the resnet, 6 n + 2 (default 8{also})",
        **more,
    )
    if several:
        group.add_argument(
            "--hidden",
            "--width",
            type=_widths,
            metavar="N",
            help="width of the hidden layers of the mlp, or of each, as 200,100 (default 100; "
            "several to compare)",
            **more,
        )
    else:
        group.add_argument(
            "--hidden",
            type=above(0, int),
            nargs="+",
            action=_Widths,
            metavar="N",
            help="width of the hidden layers of the mlp, or one for each (default 100)",
        )
    group.add_argument(
        "--layers",
        type=above(0, int),
        metavar="N",
        help=f"number of affine layers of the mlp; 1 makes it linear (default 2{also})",
        **more,
    )
    group.add_argument("--activation", choices=ACTIVATIONS, help="for the mlp (default relu)")
    group.add_argument(
        "--l2",
        type=above(-1e-300, float),
        metavar="λ",
        help="in the penalty λ Σ w² (default 0; for tables 1/n of n training rows, and half of "
        f"that for classes{also})",
        **more,
    )
    group.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        help="of the computation; parameters stay in float32 (default float32)",
    )


def _widths(text: str) -> int | list[int]:
    """100, or 200,100."""
    numbers = [above(0, int)(part) for part in text.split(",")]
    return numbers[0] if len(numbers) == 1 else numbers
