"""The pipeline that users of scikit-learn write, of the same family, on the same rows."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

MOST = 255  # categories of a column that is encoded


def score(
    path: Path,
    target: str,
    task: str,
    family: str,
    rows: dict[str, np.ndarray],
    kept: np.ndarray,
    how: dict[str, Any],
) -> float:
    """Accuracy, or R², on the test rows of what is fitted to the training rows.

    `rows` index the rows with a target, which `kept` marks among all; `how` is told pandas. Where
    no column is left, it is that of the most frequent class, or of the mean.
    """
    import pandas as pd

    told = {"sep": None, "engine": "python", "encoding_errors": "replace", **how}
    frame = pd.read_csv(path, **told)
    frame.columns = [str(name).strip().strip("'") for name in frame.columns]
    frame = frame[kept].reset_index(drop=True)
    y = frame.pop(target)
    y = y.astype(str) if task == "classes" else y.astype(float)
    frame = frame.drop(columns=[name for name in frame if _says_nothing(frame[name])])
    model = _pipeline(frame, task, family)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some do not converge in so many steps
        model.fit(frame.iloc[rows["train"]], y.iloc[rows["train"]])
        return float(model.score(frame.iloc[rows["test"]], y.iloc[rows["test"]]))


def _says_nothing(column: Any) -> bool:
    """Whether this is an index, a constant, empty, or text."""
    if str(column.name).startswith(("Unnamed", "rownames")) or column.nunique() < 2:
        return True
    words = column.dtype == object
    return words and (column.nunique() > MOST or column.nunique() > len(column) / 2)


def _pipeline(frame: Any, task: str, family: str) -> Any:
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.dummy import DummyClassifier, DummyRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

    if not len(frame.columns):
        return (DummyClassifier if task == "classes" else DummyRegressor)()
    for name in frame.select_dtypes("bool"):
        frame[name] = frame[name].astype(int)
    prepare = make_column_transformer(
        (
            make_pipeline(SimpleImputer(), MinMaxScaler()),
            make_column_selector(dtype_include="number"),
        ),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include=object)),
    )
    if task == "classes":
        linear, network = LogisticRegression(max_iter=2000), MLPClassifier
    else:
        linear, network = LinearRegression(), MLPRegressor
    model = (
        linear
        if family == "linear"
        else network(hidden_layer_sizes=(100,), max_iter=400, random_state=0)
    )
    if task != "classes" and family != "linear":
        from sklearn.compose import TransformedTargetRegressor

        model = TransformedTargetRegressor(model, transformer=StandardScaler())
    return make_pipeline(prepare, model)
