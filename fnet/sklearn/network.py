"""What the estimators share: their settings, training, and the network's outputs."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Self

import jax
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, check_X_y, validate_data

from fnet import data, layers, optimizers
from fnet.compose import serial
from fnet.core import Layer, Loss
from fnet.core.remembering import remembered
from fnet.errors import ConfigurationError, nearest
from fnet.sklearn.columns import Columns, has_words
from fnet.training import fit, stop_early
from fnet.training.feeding import inputs

CHUNK = 256  # rows predicted together; fewer are padded: a row has the same bits anywhere
FEWEST = 30  # samples of a validation part; of fewer, chance would choose the best epoch


# A dataclass has the __init__ that scikit-learn reads: one argument for each field, kept as it is.
@dataclasses.dataclass(eq=False, repr=False, kw_only=True)
class Network(BaseEstimator):
    """An estimator that trains a network."""

    hidden: int | Sequence[int] = dataclasses.field(default=(100,), kw_only=False)
    activation: str = "relu"
    l2: float = 1e-4
    optimizer: str = "adam"
    learning_rate: float = 1e-2
    batch_size: int = 32
    epochs: int = 200
    patience: int | None = 20
    validation_fraction: float = 0.1
    random_state: Any = None

    def _train(self, x: np.ndarray, target: np.ndarray, outputs: int, loss: Loss) -> Self:
        """Train on x (N, D), of which the mean and standard deviation are kept."""
        self.mean_, std = x.mean(axis=0), x.std(axis=0)
        self.scale_ = np.where(std > 0, std, 1.0)
        self.model_ = self._network(outputs)
        optimizer = _named(optimizers, "optimizer", self.optimizer)(self.learning_rate)
        seed = int(check_random_state(self.random_state).randint(2**31))
        classes = tuple(map(str, range(outputs))) if target.dtype.kind == "i" else None
        whole = data.memory({"x": self._scaled(x), "target": target}, classes)
        train, val = self._parts(whole, seed)
        size = min(self.batch_size, len(train))
        records = fit(
            self.model_, loss, optimizer, train, val, epochs=self.epochs, batch_size=size, seed=seed
        )
        if val is not None and self.patience is not None:
            records = stop_early(records, self.patience)
        self.history_: dict[str, list[float]] = {}
        for record in records:
            for name, value in record.metrics.items():
                self.history_.setdefault(name, []).append(value)
        self.n_iter_ = record.epoch
        self.params_ = jax.tree.map(np.asarray, record.best.params)
        return self

    def _validated(self, X: Any, y: Any, **options: bool) -> tuple[np.ndarray, np.ndarray]:
        """The training rows as numbers, and their targets; ValueError as scikit-learn raises it."""
        self.columns_ = None
        if has_words(X):
            validate_data(self, X, skip_check_array=True)
            self.columns_ = Columns.learned(X)
            x, y = check_X_y(self.columns_.encode(X), y, dtype=np.float64, **options)
        else:
            x, y = validate_data(self, X, y, dtype=np.float64, **options)
        return x, y

    def _network(self, outputs: int) -> Layer:
        widths = np.ravel(self.hidden)  # a search may draw NumPy's integers
        activation = _named(layers, "activation", self.activation)()
        inner = [part for w in widths for part in (layers.affine(int(w), l2=self.l2), activation)]
        return serial(*inner, layers.affine(outputs, l2=self.l2))

    def _scaled(self, x: np.ndarray) -> np.ndarray:
        """Mean 0 and standard deviation 1, computed in float64."""
        scaled: np.ndarray = (x - self.mean_) / self.scale_
        return scaled.astype(np.float32)

    def _parts(self, whole: data.Memory, seed: int) -> tuple[data.Memory, data.Memory | None]:
        """Training and validation parts; no validation where it would be too small."""
        share = self.validation_fraction
        if self.patience is None or len(whole) * share < FEWEST:
            return whole, None
        parts = data.split(whole, {"train": 1 - share, "val": share}, seed)
        return parts["train"], parts["val"]

    def _outputs(self, x: Any) -> np.ndarray:
        """The network's outputs (N, M), in float64."""
        check_is_fitted(self)
        if self.columns_ is None:
            x = validate_data(self, x, dtype=np.float64, reset=False)
        else:
            validate_data(self, x, skip_check_array=True, reset=False)
            x = check_array(self.columns_.encode(x), dtype=np.float64)
        x = self._scaled(x)
        padded = np.concatenate([x, np.zeros((-len(x) % CHUNK, x.shape[1]), np.float32)])
        apply = _compiled(self.model_)
        chunks = [apply(self.params_, chunk) for chunk in padded.reshape(-1, CHUNK, x.shape[1])]
        return np.concatenate(chunks)[: len(x)].astype(np.float64)


def _named(room: Any, kind: str, name: str) -> Callable[..., Any]:
    known = [each for each in room.__all__ if each.islower()]  # others are types
    if name not in known:
        raise ConfigurationError(
            f"{kind} is {name!r}; fnet.{room.__name__.split('.')[-1]} has none of that name"
            f"{nearest(str(name).lower(), known)}"
        )
    made: Callable[..., Any] = getattr(room, name)
    return made


@remembered
def _compiled(model: Layer) -> Callable[..., Any]:
    as_it_is = data.compose()  # rows are scaled before they come here
    return jax.jit(lambda params, x: model.forward(params, inputs(as_it_is, params, x))[0])
