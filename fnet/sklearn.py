"""Estimators with scikit-learn's conventions: networks in a Pipeline or a GridSearchCV.

They need scikit-learn (`pip install 'fnet[sklearn]'`). What they train is what `fnet.training.fit`
trains, and stays readable: `model_` is the layer, `params_` its parameters.

>>> from sklearn.model_selection import GridSearchCV
>>> x = np.random.default_rng(0).uniform(-1, 1, (80, 1))
>>> search = GridSearchCV(Classifier(epochs=50, random_state=0), {"hidden": [(), (8,)]}, cv=2)
>>> search.fit(x, np.where(abs(x[:, 0]) < 0.5, "near", "far")).best_params_
{'hidden': (8,)}
"""

from collections.abc import Callable, Sequence
from typing import Any, Self

import jax
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from fnet import data, layers, losses, optimizers
from fnet.compose import serial
from fnet.core import Layer, Loss
from fnet.core.remembering import remembered
from fnet.errors import ConfigurationError
from fnet.training import fit, stop_early
from fnet.training.feeding import inputs

CHUNK = (
    256  # rows predicted together; fewer are padded, so that each row has the same bits anywhere
)
FEWEST = 30  # samples of a validation part; of fewer, chance would choose the best epoch


class _Estimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What both estimators share: their settings, training and the network's outputs."""

    def __init__(
        self,
        hidden: int | Sequence[int] = (100,),
        *,
        activation: str = "relu",
        l2: float = 1e-4,
        optimizer: str = "adam",
        learning_rate: float = 1e-2,
        batch_size: int = 32,
        epochs: int = 200,
        patience: int | None = 20,
        validation_fraction: float = 0.1,
        random_state: Any = None,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.l2 = l2
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state

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

    def _network(self, outputs: int) -> Layer:
        widths = [self.hidden] if isinstance(self.hidden, int) else self.hidden
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
        x = self._scaled(validate_data(self, x, dtype=np.float64, reset=False))
        padded = np.concatenate([x, np.zeros((-len(x) % CHUNK, x.shape[1]), np.float32)])
        apply = _compiled(self.model_)
        chunks = [apply(self.params_, chunk) for chunk in padded.reshape(-1, CHUNK, x.shape[1])]
        return np.concatenate(chunks)[: len(x)].astype(np.float64)


class Classifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A network that classifies the rows of a table.

        z = network((x − mean) / std)        p = softmax(z)

    x: (N, D) numbers without NaN; y: (N,) labels of any type. `hidden` are the widths of the hidden
    layers, () for a softmax regression. It minimises cross-entropy plus l2 Σ w² over the weights,
    and keeps the weights that were best on a validation part of `validation_fraction`, ending
    `patience` epochs after them; with patience=None, or fewer than 30 samples there, it trains all
    `epochs` on all samples. `class_weight` is None, "balanced", or a dict {label: weight}.

    After `fit`: `classes_`, `model_`, `params_`, `history_` (metrics by epoch), `n_iter_` (epochs).
    Raises ValueError for input that scikit-learn would refuse too.

    >>> x, y = np.linspace(-1, 1, 60)[:, None], np.repeat(["left", "right"], 30)
    >>> model = Classifier(epochs=50, random_state=0).fit(x, y)
    >>> model.predict([[-0.5], [0.5]]).tolist(), model.predict_proba(x).shape
    (['left', 'right'], (60, 2))
    """

    def __init__(
        self,
        hidden: int | Sequence[int] = (100,),
        *,
        activation: str = "relu",
        l2: float = 1e-4,
        optimizer: str = "adam",
        learning_rate: float = 1e-2,
        batch_size: int = 32,
        epochs: int = 200,
        patience: int | None = 20,
        validation_fraction: float = 0.1,
        class_weight: Any = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            hidden,
            activation=activation,
            l2=l2,
            optimizer=optimizer,
            learning_rate=learning_rate,
            batch_size=batch_size,
            epochs=epochs,
            patience=patience,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any) -> Self:
        """Train on the rows X (N, D) and their labels y (N,); returns self."""
        x, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"Classifier: every label is {self.classes_[0]!r}; the data must have more than "
                "one class"
            )
        weights = None
        if self.class_weight is not None:
            found = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
            weights = tuple(map(float, found))
        loss = losses.cross_entropy(weights=weights)
        return self._train(x, labels.astype(np.int32), len(self.classes_), loss)

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, (N, C), in the order of `classes_`."""
        z = self._outputs(X)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        probabilities: np.ndarray = e / e.sum(axis=1, keepdims=True)
        return probabilities

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each row, (N,)."""
        places = self._outputs(X).argmax(axis=1)
        labels: np.ndarray = self.classes_[places]
        return labels


class Regressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """A network that predicts numbers from the rows of a table.

        ŷ = mean_y + std_y · network((x − mean_x) / std_x)

    x: (N, D) numbers without NaN; y: (N,) or (N, M). `hidden` are the widths of the hidden layers,
    () for a linear regression. It minimises the mean squared error of y scaled to mean 0 and
    standard deviation 1, plus l2 Σ w² over the weights; validation, patience and the attributes
    after `fit` are those of `Classifier`. Its score is R².

    >>> x = np.linspace(-1, 1, 60)[:, None]
    >>> model = Regressor((), epochs=100, random_state=0).fit(x, 1e6 + 5 * x[:, 0])
    >>> model.predict([[0.5]]).round(1).tolist(), model.score(x, 1e6 + 5 * x[:, 0]) > 0.999
    ([1000002.5], True)
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train on the rows X (N, D) and their targets y, (N,) or (N, M); returns self."""
        x, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        y = np.asarray(y, np.float64)
        self.target_mean_, std = y.mean(axis=0), y.std(axis=0)
        self.target_scale_ = np.where(std > 0, std, 1.0)
        target = ((y - self.target_mean_) / self.target_scale_).astype(np.float32)
        columns = target.reshape(len(target), -1)
        return self._train(x, columns, columns.shape[1], losses.mse())

    def predict(self, X: Any) -> np.ndarray:
        """The predicted numbers, shaped as the targets that it was trained on."""
        outputs = self._outputs(X)
        outputs = outputs.reshape(len(outputs), *np.shape(self.target_mean_))
        predicted: np.ndarray = self.target_mean_ + self.target_scale_ * outputs
        return predicted

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _named(room: Any, kind: str, name: str) -> Callable[..., Any]:
    if name not in room.__all__:
        raise ConfigurationError(
            f"{kind} is {name!r}; fnet.{room.__name__.split('.')[-1]} has none of that name"
        )
    made: Callable[..., Any] = getattr(room, name)
    return made


@remembered
def _compiled(model: Layer) -> Callable[..., Any]:
    as_it_is = data.compose()  # rows are scaled before they come here
    return jax.jit(lambda params, x: model.forward(params, inputs(as_it_is, params, x))[0])
