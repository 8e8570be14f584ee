"""A classifier and a regressor, each a network."""

import dataclasses
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from fnet import losses
from fnet.sklearn.network import Network


@dataclasses.dataclass(eq=False, repr=False, kw_only=True)
class Classifier(ClassifierMixin, Network):
    """A network that classifies the rows of a table.

        z = network((x − mean) / std)        p = softmax(z)

    x: (N, D) numbers without NaN, or a DataFrame: its words become columns of 0 and 1, its dates
    days and parts of the year, week and day, its numbers lose their unit; columns_ keeps how, and
    its decisions say it. y: (N,) labels of any type. hidden are the widths of the hidden
    layers, () for a softmax regression. It minimises cross-entropy plus l2 Σ w² over the weights,
    and keeps the weights that were best on a validation part of validation_fraction, ending
    patience epochs after them; with patience=None, or fewer than 30 samples there, it trains all
    epochs on all samples. `class_weight` is None, "balanced", or a dict {label: weight}.

    After `fit`: classes_, model_, params_, history_ (metrics by epoch), n_iter_ (epochs).
    Raises ValueError for input that scikit-learn would refuse too.

    >>> x, y = np.linspace(-1, 1, 60)[:, None], np.repeat(["left", "right"], 30)
    >>> model = Classifier(epochs=50, random_state=0).fit(x, y)
    >>> model.predict([[-0.5], [0.5]]).tolist(), model.predict_proba(x).shape
    (['left', 'right'], (60, 2))
    """

    class_weight: Any = None

    def fit(self, X: Any, y: Any) -> Self:
        """Train on the rows X (N, D) and their labels y (N,); returns self."""
        x, y = self._validated(X, y)
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


class Regressor(RegressorMixin, Network):
    """A network that predicts numbers from the rows of a table.

        ŷ = mean_y + std_y · network((x − mean_x) / std_x)

    x: (N, D) numbers without NaN, or a DataFrame; y: (N,) or (N, M). hidden are the widths of the
    hidden layers, () for a linear regression. It minimises the mean squared error of y scaled to
    mean 0 and standard deviation 1, plus l2 Σ w² over the weights; validation, patience and the
    attributes after `fit` are those of `Classifier`. Its score is R².

    >>> x = np.linspace(-1, 1, 60)[:, None]
    >>> model = Regressor((), epochs=100, random_state=0).fit(x, 1e6 + 5 * x[:, 0])
    >>> model.predict([[0.5]]).round(1).tolist(), model.score(x, 1e6 + 5 * x[:, 0]) > 0.999
    ([1000002.5], True)
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train on the rows X (N, D) and their targets y, (N,) or (N, M); returns self."""
        x, y = self._validated(X, y, multi_output=True, y_numeric=True)
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
