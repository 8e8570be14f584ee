"""Pictures of regressions and of probabilities: what is drawn where, and what is refused."""

import numpy as np
import pytest

from fnet import plots
from fnet.errors import DataError
from fnet.training import metrics
from tests.test_plots import drawn, lines

T, Y = np.array([1.0, 2.0, 4.0, 3.0]), np.array([1.5, 2.0, 3.0, 3.5])
LABELS, P = np.array([0, 1, 1, 0]), np.array([[0.9, 0.1], [0.2, 0.8], [0.55, 0.45], [0.7, 0.3]])


def test_points_are_true_and_predicted_and_the_line_is_where_they_are_equal():
    figure = plots.predicted_against_true(T, Y, name="cost in $")
    (ax,) = figure.axes
    x, y = lines(ax)["4 samples"].get_data()
    assert (x.tolist(), y.tolist()) == (T.tolist(), Y.tolist())
    x, y = lines(ax)["prediction = truth"].get_data()
    assert x.tolist() == y.tolist()
    assert ax.get_xlim() == ax.get_ylim()
    assert ax.get_title("left") == f"R² {metrics.r2(T, Y):.3f}"
    assert ax.get_xlabel() == r"true cost in \$"
    drawn(figure)


def test_residuals_are_what_is_left_over():
    figure = plots.residuals(T, Y)
    scatter, histogram = figure.axes
    x, y = scatter.get_lines()[-1].get_data()
    assert (x.tolist(), y.tolist()) == (Y.tolist(), (T - Y).tolist())
    assert sum(patch.get_width() for patch in histogram.patches) == 4
    drawn(figure)


def test_samples_that_are_not_finite_are_left_out():
    t = np.append(T, np.nan)
    figure = plots.residuals(t, np.append(Y, 1.0), ax=plots.residuals(T, Y).axes[0])
    assert len(figure.axes[0].get_lines()[-1].get_xdata()) == 4
    with pytest.raises(DataError, match="no sample whose target"):
        plots.residuals([np.nan], [1.0])
    with pytest.raises(DataError, match="4 targets and 3 predictions"):
        plots.predicted_against_true(T, Y[:3])


def test_a_constant_is_drawn():
    drawn(plots.predicted_against_true([2.0, 2.0], [2.0, 2.0]))
    drawn(plots.residuals([2.0], [2.0]))


def test_the_calibration_curve_has_a_point_for_each_bin_that_holds_any():
    figure = plots.calibration(LABELS, P)
    (ax,) = figure.axes
    found = metrics.calibration(LABELS, P)
    held = found.samples > 0
    points = ax.collections[0].get_offsets()
    expected = np.column_stack([found.predicted[held], found.observed[held]])
    np.testing.assert_allclose(points, expected)
    assert [patch.get_height() for patch in ax.patches] == (found.samples / 4).tolist()
    assert ax.get_title("left") == f"ECE {found.error:.3f}"
    drawn(figure)


def test_roc_marks_the_threshold_of_a_half():
    figure = plots.roc(LABELS, P, ("no", "yes"))
    (ax,) = figure.axes
    false, true, _ = metrics.roc_curve(LABELS, P[:, 1])
    x, y = lines(ax)["model"].get_data()
    assert (x.tolist(), y.tolist()) == (false.tolist(), true.tolist())
    mark = lines(ax)["at 0.5"].get_data()
    assert np.ravel(mark).tolist() == [0.0, 0.5]
    assert ax.get_title("left") == f"area {metrics.auc(LABELS, P):.3f}"
    assert ax.get_ylabel() == "share of yes found"
    drawn(figure)


def test_attention_has_a_row_for_each_step_that_looks():
    figure = plots.attention_weights(np.array([[1.0, 0.0], [0.25, 0.75]]), "ab")
    (ax,) = figure.axes
    shown = ax.images[0].get_array()
    np.testing.assert_allclose(np.square(shown), [[1, 0], [0.25, 0.75]])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    drawn(figure)


def test_curves_show_r2_of_a_regression():
    entries = [
        {"epoch": 1, "train_loss": 2.0, "val_loss": 9.0, "train_r2": -1.0, "val_r2": -8.0},
        {"epoch": 2, "train_loss": 0.5, "val_loss": 0.6, "train_r2": 0.5, "val_r2": 0.4},
    ]
    figure = plots.curves(entries)
    loss, r2 = figure.axes
    assert (loss.get_ylabel(), r2.get_ylabel()) == ("loss", "R²")
    assert lines(r2)["validation"].get_ydata().tolist() == [-8.0, 0.4]
    assert r2.get_ylim()[0] == -1  # an epoch far below 0 does not flatten the others
    drawn(figure)
    picture = plots.compare({"a": entries, "b": entries}, "val_r2")
    assert picture.axes[0].get_ylabel() == "validation R²"
