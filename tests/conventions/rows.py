"""Each optimizer and schedule as three libraries have it, and how fnet writes the same."""

import ast
from typing import NamedTuple

CONVENTIONS = {  # the arguments by which fnet's optimizers follow one library or another
    *("coupled", "correction", "corrected", "delayed", "eps", "eps_at", "initial", "mask"),
    *("momentum_decay", "rate_in_velocity", "ratio_to", "rest", "scale", "threshold"),
}
PENALTIES = {"ftrl(0.01, l1=0.02, l2=0.2, beta=0.5)": "ftrl(0.01, l1=0.02, l2=0.1, beta=0.5)"}


class Row(NamedTuple):
    """A library's optimizer, and fnet's that makes the same steps.

    In `theirs`, α stands for the learning rate: 0.01, and half of it from step 25 on where
    `changes`. Where `wide`, the matrix has more columns than rows.
    """

    library: str
    theirs: str
    ours: str
    changes: bool = True
    tolerance: float = 1e-12
    wide: bool = False

    @property
    def label(self) -> str:
        """Under which its path is recorded."""
        return f"{self.library}: {self.theirs}{', wide' * self.wide}"

    @property
    def default(self) -> str:
        """What fnet has without being asked: `ours` without a library's conventions."""
        call = ast.parse(self.ours, mode="eval").body
        assert isinstance(call, ast.Call)
        call.keywords = [given for given in call.keywords if given.arg not in CONVENTIONS]
        text = ast.unparse(call)
        return PENALTIES.get(text, text)  # Keras adds twice the number that it is given


class Times(NamedTuple):
    """A library's schedule, and fnet's; `steps` is how many of them are compared."""

    library: str
    theirs: str
    ours: str
    steps: int = 25
    note: str = ""

    @property
    def tolerance(self) -> float:
        """That of float32 for Keras, whose schedules compute in it."""
        return 1e-7 if self.library == "keras" else 1e-12


TOLERANCES = {  # where a library rounds more than float64 does, or a difference of squares does
    "RMSprop(params, lr=α, alpha=0.9, centered=True, momentum=0.5)": 1e-11,
    "Muon(α, weight_decay=0.1, adam_weight_decay=None)": 1e-8,  # a root in float32
}

SAME = {  # theirs, and ours
    "torch": [
        ("SGD(params, lr=α)", "sgd(0.01)"),
        ("SGD(params, lr=α, momentum=0.9)", "momentum(0.01, rate_in_velocity=False)"),
        (
            "SGD(params, lr=α, momentum=0.9, nesterov=True)",
            "momentum(0.01, nesterov=True, rate_in_velocity=False)",
        ),
        ("RMSprop(params, lr=α, alpha=0.9)", "rmsprop(0.01, eps_at='outside')"),
        (
            "RMSprop(params, lr=α, alpha=0.9, centered=True, momentum=0.5)",
            "rmsprop(0.01, centered=True, momentum=0.5, rate_in_velocity=False, eps_at='outside')",
        ),
        ("Adagrad(params, lr=α)", "adagrad(0.01)"),
        ("Adadelta(params, lr=α, rho=0.95)", "adadelta(0.01)"),
        ("Adam(params, lr=α)", "adam(0.01)"),
        ("Adam(params, lr=α, amsgrad=True)", "amsgrad(0.01, correction='after')"),
        ("AdamW(params, lr=α, weight_decay=0.1)", "adamw(0.01, weight_decay=0.1, mask='all')"),
        (
            "Adam(params, lr=α, weight_decay=0.1)",
            "decayed(adam(0.01), 0.1, mask='all', coupled=True)",
        ),
        ("NAdam(params, lr=α)", "nadam(0.01)"),
        ("Adamax(params, lr=α)", "adamax(0.01)"),
        ("RAdam(params, lr=α)", "radam(0.01, threshold=5.0, eps_at='uncorrected')"),
    ],
    "keras": [
        ("SGD(α)", "sgd(0.01)"),
        ("SGD(α, momentum=0.9)", "momentum(0.01)"),
        ("SGD(α, momentum=0.9, nesterov=True)", "momentum(0.01, nesterov=True)"),
        ("RMSprop(α)", "rmsprop(0.01, eps=1e-07)"),
        (
            "RMSprop(α, centered=True, momentum=0.5)",
            "rmsprop(0.01, eps=1e-07, centered=True, momentum=0.5)",
        ),
        ("Adagrad(α)", "adagrad(0.01, initial=0.1, eps=1e-07, eps_at='root')"),
        ("Adadelta(α)", "adadelta(0.01, eps=1e-07)"),
        ("Adam(α)", "adam(0.01, eps=1e-07, eps_at='uncorrected')"),
        (
            "Adam(α, amsgrad=True)",
            "amsgrad(0.01, eps=1e-07, correction='after', eps_at='uncorrected')",
        ),
        (
            "AdamW(α, weight_decay=0.1)",
            "adamw(0.01, eps=1e-07, weight_decay=0.1, mask='all', eps_at='uncorrected')",
        ),
        ("Nadam(α)", "nadam(0.01, eps=1e-07, momentum_decay=1.0)"),
        ("Adamax(α)", "adamax(0.01, eps=1e-07, eps_at='denominator')"),
        ("Lion(α)", "lion(0.01)"),
        ("Lamb(α)", "lamb(0.01, eps=1e-07)"),
        (
            "Muon(α, weight_decay=0.1, adam_weight_decay=None)",
            "muon(0.01, weight_decay=0.1, rest=adam(0.01, eps=1e-07, eps_at='uncorrected'), "
            "scale='rms', eps=5e-09)",
        ),
    ],
    "optax": [
        ("sgd(α)", "sgd(0.01)"),
        ("sgd(α, momentum=0.9)", "momentum(0.01, rate_in_velocity=False)"),
        (
            "sgd(α, momentum=0.9, nesterov=True)",
            "momentum(0.01, nesterov=True, rate_in_velocity=False)",
        ),
        ("rmsprop(α)", "rmsprop(0.01)"),
        ("rmsprop(α, centered=True, momentum=0.5)", "rmsprop(0.01, centered=True, momentum=0.5)"),
        ("adagrad(α)", "adagrad(0.01, initial=0.1, eps=1e-07, eps_at='root')"),
        ("adadelta(α, rho=0.95)", "adadelta(0.01)"),
        ("adam(α)", "adam(0.01)"),
        ("adam(α, eps=0, eps_root=1e-8)", "adam(0.01, eps_at='root')"),
        ("amsgrad(α)", "amsgrad(0.01, correction='before')"),
        ("adamw(α, weight_decay=0.1)", "adamw(0.01, weight_decay=0.1, mask='all')"),
        ("nadam(α)", "nadam(0.01, momentum_decay=None)"),
        ("adamax(α)", "adamax(0.01)"),
        ("radam(α)", "radam(0.01, threshold=5.0)"),
        ("lion(α, weight_decay=0)", "lion(0.01)"),
        ("lion(α, weight_decay=0.1)", "decayed(lion(0.01), 0.1, mask='all')"),
        ("lamb(α, weight_decay=0.1)", "lamb(0.01, weight_decay=0.1, mask='all')"),
        (
            "lars(α, weight_decay=0.1, trust_coefficient=0.1)",
            "lars(0.01, weight_decay=0.1, trust=0.1, mask='all', ratio_to='update')",
        ),
        (
            "contrib.muon(α, weight_decay=0.1)",
            "muon(0.01, weight_decay=0.1, rest=nadam(0.01, momentum_decay=None), "
            "scale='columns', corrected=True, eps=1e-08)",
        ),
        ("chain(clip_by_global_norm(0.5), adam(α))", "clip_by_global_norm(adam(0.01), 0.5)"),
        ("chain(clip(0.1), sgd(α))", "clip_by_value(sgd(0.01), 0.1)"),
    ],
}

ROWS = [
    *(
        Row(library, theirs, ours, tolerance=TOLERANCES.get(theirs, 1e-12))
        for library, pairs in SAME.items()
        for theirs, ours in pairs
    ),
    Row("torch", "Rprop(params, lr=α)", "rprop(0.01)", changes=False),
    Row("optax", "rprop(α)", "rprop(0.01, delayed=True)", changes=False),
    # Its weights shrink in proportion as the rate falls.
    Row(
        "keras",
        "Ftrl(α, l1_regularization_strength=0.02, l2_regularization_strength=0.1, beta=0.5)",
        "ftrl(0.01, l1=0.02, l2=0.2, beta=0.5, initial=0.1)",
        changes=False,
    ),
    # It iterates in bfloat16, in which the fifth iterate has two digits.
    Row(
        "torch",
        "Muon(params[:1], lr=α, weight_decay=0.1)",
        "by_part(('w', muon(0.01, weight_decay=0.1)))",
        tolerance=0.02,
    ),
]

# What a tall matrix does not show: Muon's steps are scaled by the shape.
MUON = [row for row in ROWS if "uon(" in row.theirs]
ROWS += [row._replace(wide=True) for row in MUON]

SCHEDULES = [
    Times("torch", "MultiStepLR(optimizer, [5, 10])", "piecewise((5, 10), (1.0, 0.1, 0.01))"),
    Times(
        "keras",
        "PiecewiseConstantDecay([5, 10], [1.0, 0.1, 0.01])",
        "piecewise((6, 11), (1.0, 0.1, 0.01))",
        note="changes after the step named",
    ),
    Times(
        "optax",
        "piecewise_constant_schedule(1.0, {5: 0.1, 10: 0.1})",
        "piecewise((5, 10), (1.0, 0.1, 0.01))",
    ),
    Times("torch", "ExponentialLR(optimizer, 0.9)", "exponential(1, 0.9)"),
    Times(
        "keras",
        "ExponentialDecay(1.0, 5, 0.5, staircase=True)",
        "exponential(5, 0.5, staircase=True)",
    ),
    Times("optax", "exponential_decay(1.0, 5, 0.5, end_value=0.1)", "exponential(5, 0.5, end=0.1)"),
    Times("torch", "PolynomialLR(optimizer, 10, 2)", "polynomial(10, power=2)"),
    Times("keras", "PolynomialDecay(1.0, 10, 0.1, 2)", "polynomial(10, power=2, end=0.1)"),
    Times("optax", "polynomial_schedule(1.0, 0.1, 2, 10)", "polynomial(10, power=2, end=0.1)"),
    Times("torch", "LinearLR(optimizer, 1.0, 0.1, 10)", "linear(10, end=0.1)"),
    Times("optax", "linear_schedule(1.0, 0.1, 10)", "linear(10, end=0.1)"),
    Times(
        "torch",
        "CosineAnnealingLR(optimizer, 10, 0.1)",
        "cosine(10, end=0.1)",
        11,
        "rises again after the end",
    ),
    Times("keras", "CosineDecay(1.0, 10, 0.1)", "cosine(10, end=0.1)"),
    Times("optax", "cosine_decay_schedule(1.0, 10, 0.1)", "cosine(10, end=0.1)"),
    Times(
        "torch",
        "CosineAnnealingWarmRestarts(optimizer, 4, 2, 0.1)",
        "cosine_restarts(4, longer=2, end=0.1)",
    ),
    Times("torch", "CosineAnnealingWarmRestarts(optimizer, 4)", "cosine_restarts(4)"),
    Times(
        "keras",
        "CosineDecayRestarts(1.0, 4, 2.0, 0.5, 0.1)",
        "cosine_restarts(4, longer=2, lower=0.5, end=0.1)",
    ),
    Times("keras", "CosineDecayRestarts(1.0, 4, 1.0)", "cosine_restarts(4)"),
    Times(
        "torch",
        "SequentialLR(optimizer, [LinearLR(optimizer, 0.25, 1.0, 4), "
        "CosineAnnealingLR(optimizer, 10)], [4])",
        "warmup(4, cosine(10), start=0.25)",
        15,
        "the warm-up is added",
    ),
    Times(
        "keras",
        "CosineDecay(0.0, 10, warmup_target=1.0, warmup_steps=4)",
        "warmup(4, cosine(10))",
        note="the warm-up is added",
    ),
    Times(
        "optax",
        "warmup_cosine_decay_schedule(0.0, 1.0, 4, 14)",
        "warmup(4, cosine(10))",
        note="decay_steps includes the warm-up",
    ),
    Times("torch", "OneCycleLR(optimizer, 1.0, 20)", "one_cycle(20)", 20, "raises after the end"),
    Times(
        "torch",
        "OneCycleLR(optimizer, 1.0, 20, anneal_strategy='linear')",
        "one_cycle(20, shape='linear')",
        20,
        "raises after the end",
    ),
    Times(
        "optax",
        "cosine_onecycle_schedule(20, 1.0)",
        "one_cycle(20, closed=False)",
        note="ends at the step after the last",
    ),
]

# Losses, and after each of them the rate of a plateau with a patience of 2 and a factor of 0.5.
LOSSES = (1.0, 0.9, 0.9, 0.95, 0.9, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8)
PLATEAUS = {"torch": 2, "keras": 1, "optax": 1}  # the patience of fnet that reduces as they do
