"""The estimators keep scikit-learn's conventions, and predict what it predicts."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from fnet.errors import ConfigurationError
from fnet.sklearn import Classifier, Regressor
from fnet.sklearn.columns import Columns


@pytest.mark.turns(12)
@parametrize_with_checks([Classifier(epochs=60), Regressor(epochs=60)])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_a_linear_classifier_scores_as_logistic_regression():
    x, y = load_iris(return_X_y=True)
    parts = train_test_split(x, y, random_state=0, stratify=y)
    ours = Classifier((), random_state=0, patience=None).fit(parts[0], parts[2])
    theirs = make_pipeline(MinMaxScaler(), LogisticRegression(C=100)).fit(parts[0], parts[2])
    assert ours.score(parts[1], parts[3]) >= theirs.score(parts[1], parts[3]) - 0.03


def test_a_linear_regressor_scores_as_ridge():
    x, y = load_diabetes(return_X_y=True)
    train, test, target, goal = train_test_split(x, y, random_state=0)
    ours = Regressor((), random_state=0, patience=None, epochs=60).fit(train, target)
    assert ours.score(test, goal) == pytest.approx(
        Ridge(1e-3).fit(train, target).score(test, goal), abs=0.02
    )


def test_weights_of_classes_move_the_boundary_to_the_rare_one():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(400, 1)), np.zeros(400, int)
    y[generator.choice(400, 40, replace=False)] = 1
    x[y == 1] += 1.5
    found = [
        Classifier((), class_weight=weight, random_state=0, epochs=40).fit(x, y).predict(x).mean()
        for weight in (None, "balanced", {0: 1, 1: 9})
    ]
    assert found[0] < 0.1 < found[1]
    assert found[1] == pytest.approx(found[2], abs=0.02)


def test_a_grid_search_over_a_pipeline_and_a_pickle():
    x, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(MinMaxScaler(), Classifier(epochs=5, random_state=0))
    search = GridSearchCV(pipeline, {"classifier__hidden": [(), (8,)]}, cv=2).fit(x, y)
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(again.predict_proba(x), search.best_estimator_.predict_proba(x))


def test_a_validation_part_is_of_30_samples_or_none():
    x = np.linspace(-1, 1, 300)[:, None]
    for rows, validates in ((299, False), (300, True)):
        history = Regressor((), epochs=1).fit(x[:rows], x[:rows, 0]).history_
        assert ("val_loss" in history) == validates


def test_a_large_offset_of_a_column_is_not_lost_in_float32():
    x = 1.6e12 + np.arange(200.0)[:, None] * 1000  # milliseconds since 1970
    y = 1e9 + np.arange(200.0)
    assert Regressor((), random_state=0).fit(x, y).score(x, y) > 0.99


def test_one_hidden_layer_may_be_an_integer_of_numpy():
    made = [Regressor(width, epochs=1).fit([[0.0], [1.0]], [0, 1]) for width in (3, np.int64(3))]
    assert made[0].model_ == made[1].model_


def test_a_name_that_does_not_exist_is_an_error():
    with pytest.raises(ConfigurationError, match="activation is 'relo'"):
        Classifier(activation="relo").fit([[0.0], [1.0]], [0, 1])


class Frame(dict):
    """As much of a DataFrame as is looked at, with rows to choose."""

    @property
    def columns(self):
        return list(self)

    @property
    def shape(self):
        return len(next(iter(self.values()))), len(self)


def test_words_dates_and_units_of_a_frame():
    rows = np.arange(60)
    towns = np.array(["Ulm", "Bonn", "Trier"], object)[rows % 3]
    x = Frame(
        town=towns,
        weight=np.array([f"{row / 2} kg" for row in rows], object),
        born=np.array([f"{1950 + row}-03-01" for row in rows], "datetime64[D]"),
        digit=np.array(["1", "2", "a"], object)[rows % 3],
    )
    y = np.where(towns == "Ulm", "south", "north")
    model = Classifier((), epochs=30, random_state=0).fit(x, y)
    assert model.score(x, y) == 1
    assert model.n_features_in_ == 4
    assert model.columns_.schema.names[:3] == ("town=Bonn", "town=Trier", "town=Ulm")
    assert "`weight` is numbers, each with kg" in model.columns_.decisions
    again = pickle.loads(pickle.dumps(model))
    few = Frame({name: column[:2] for name, column in x.items()}, digit=np.array([1, 2]))
    np.testing.assert_array_equal(again.predict_proba(few), model.predict_proba(x)[:2])
    for wrong, words in (
        (Frame(few, weight=np.array(["3 lb", "4 lb"], object)), "are in 'lb', and were in 'kg'"),
        (Frame({**few, "other": few["town"]}), "5 features"),
        (np.zeros((2, 4)), "pass a DataFrame, as in training"),
        (Frame(few, weight=np.array(["3 kg", None], object)), "contains NaN"),
    ):
        with pytest.raises(ValueError, match=words):
            model.predict(wrong)


def test_words_that_training_had_not_are_told():
    """Of two words a third was an error that named nothing, of more it was passed over."""
    x = Frame(
        town=np.array(["a", "b", "c", "a"] * 5, object), old=np.array(["no", "yes"] * 10, object)
    )
    columns = Columns.learned(x)
    new = Frame(town=np.array(["b", "z"], object), old=np.array(["perhaps", "YES"], object))
    with pytest.warns(UserWarning, match="not known from training") as told:
        found = columns.encode(new)
    assert found.tolist() == [[0, 1, 0, 0.5], [0, 0, 0, 1]]
    assert ["`town`: 1 of 2" in str(w.message) for w in told] == [True, False]
    assert "such as 'perhaps'" in str(told[1].message)


@pytest.mark.parametrize(("name", "near"), [("Adam", "adam"), ("adamm", "adam")])
def test_an_optimizer_that_is_none(name, near):
    with pytest.raises(ConfigurationError, match=f"none of that name; did you mean {near}"):
        Classifier(optimizer=name).fit([[0.0], [1.0]], [0, 1])


def test_columns_of_new_rows_may_be_missing_altogether():
    rows = {
        "town": ["a", "b", "c", None, "a", "b"],
        "old": ["no", "yes"] * 3,
        "day": ["2024-01-01", "2024-02-03"] * 3,
    }
    rows = {name: np.array(cells, object) for name, cells in rows.items()}
    none = dict.fromkeys(rows, np.array([None]))
    found = Columns.learned(Frame(rows)).encode(Frame(none))
    np.testing.assert_array_equal(found, [[0, 0, 0, 1, np.nan, np.nan]])
