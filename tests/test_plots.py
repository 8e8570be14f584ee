import io
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from fnet import plots
from fnet.check import Pair, explain
from fnet.data.dataset import memory
from fnet.errors import ConfigurationError, DataError
from fnet.models import classification_net
from fnet.plots.page import VERMILLION
from fnet.summary import summary
from fnet.training.evaluation import confusion_matrix

CLASSES = ("ant", "bee", "crow")


def history(epochs=5):
    rng = np.random.default_rng(0)
    names = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")
    return [
        {"epoch": e, **dict(zip(names, rng.random(4).tolist(), strict=True))}
        for e in range(1, epochs + 1)
    ]


def column(entries, name):
    return np.array([entry[name] for entry in entries])


def drawn(figure):
    """The figure as pixels; warnings of glyphs and layout would be errors here."""
    page = io.BytesIO()
    figure.savefig(page, format="png")
    with Image.open(page) as image:
        return np.asarray(image)


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def words(ax):
    return [text.get_text() for text in ax.texts]


def images(n=12, shape=(6, 7, 3)):
    return np.random.default_rng(1).integers(0, 256, (n, *shape), np.uint8)


# curves


def test_curves_show_loss_and_accuracy_of_training_and_validation():
    entries = history()
    figure = plots.curves(entries)
    loss, accuracy = figure.axes
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("epoch", "loss")
    assert (accuracy.get_xlabel(), accuracy.get_ylabel()) == ("epoch", "accuracy (%)")
    for ax, name, unit in ((loss, "loss", 1), (accuracy, "accuracy", 100)):
        for label, part in (("train", "train"), ("validation", "val")):
            x, y = lines(ax)[label].get_data()
            np.testing.assert_array_equal(x, column(entries, "epoch"))
            np.testing.assert_array_equal(y, column(entries, f"{part}_{name}") * unit)
    drawn(figure)


def test_curves_mark_the_epoch_of_the_lowest_validation_loss_in_both_panels():
    entries = history(9)
    best = entries[int(column(entries, "val_loss").argmin())]
    loss, accuracy = plots.curves(entries).axes
    marked = lines(loss)[f"lowest: epoch {best['epoch']}"].get_data()
    assert np.ravel(marked).tolist() == [best["epoch"], best["val_loss"]]
    marked = lines(accuracy)[f"epoch {best['epoch']}"].get_data()
    assert np.ravel(marked).tolist() == [best["epoch"], best["val_accuracy"] * 100]


def test_curves_of_a_regression_have_one_panel():
    entries = [{"epoch": e, "train_loss": 1 / e, "val_loss": 2 / e} for e in (1, 2, 3)]
    assert len(plots.curves(entries).axes) == 1


def test_curves_without_validation_mark_nothing():
    (ax,) = plots.curves([{"epoch": e, "train_loss": 1 / e} for e in (1, 2, 3)]).axes
    assert list(lines(ax)) == ["train"]


def test_curves_of_one_epoch_have_points_and_whole_epochs():
    figure = plots.curves(history(1))
    drawn(figure)
    for ax in figure.axes:
        assert lines(ax)["train"].get_marker() == "."
        low, high = ax.get_xlim()
        assert [tick for tick in ax.get_xticks() if low <= tick <= high] == [1]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_curves_leave_out_what_is_not_finite(bad):
    entries = history()
    entries[1]["val_loss"] = bad
    finite = [entry for entry in entries if np.isfinite(entry["val_loss"])]
    best = finite[int(column(finite, "val_loss").argmin())]
    figure = plots.curves(entries)
    assert f"lowest: epoch {best['epoch']}" in lines(figure.axes[0])
    assert np.isfinite(figure.axes[0].get_ylim()).all()
    for entry in entries:
        entry["val_loss"] = bad
    assert not any("epoch" in label for label in lines(plots.curves(entries).axes[0]))
    drawn(plots.curves(entries))


def test_curves_of_many_epochs_have_no_points():
    assert lines(plots.curves(history(31)).axes[0])["train"].get_marker() in ("", "None")


def test_curves_of_nothing_are_refused():
    with pytest.raises(DataError, match="history is empty"):
        plots.curves([])


# class grid


def labelled(pixels, labels, classes=CLASSES):
    return memory({"image": pixels, "label": np.array(labels)}, classes)


def test_class_grid_has_a_row_of_its_images_for_each_class():
    pixels, labels = images(12, (4, 4, 3)), np.arange(12) % 3
    figure = plots.class_grid(labelled(pixels, labels), per_class=2)
    (ax,) = figure.axes
    assert [tick.get_text() for tick in ax.get_yticklabels()] == list(CLASSES)
    assert len(ax.images) == 6
    shown = set()
    for picture in ax.images:
        left, right, bottom, top = picture.get_extent()
        assert (right - left, bottom - top) == (1, 1)
        matches = (pixels / 255 == picture.get_array()).all(axis=(1, 2, 3))
        assert labels[matches].tolist() == [top]  # the row of its class, and one image only
        shown.add((left, top))
    assert shown == {(x, y) for x in range(2) for y in range(3)}
    assert "2 random images" in ax.get_title(loc="left")
    drawn(figure)


@pytest.mark.parametrize(
    ("pixels", "shown"),
    [
        (np.array([0, 65535, 13107], np.uint16), [0, 1, 0.2]),
        (np.array([0, 0.25, 1.0]), [0, 0.25, 1]),
        (np.array([-1.0, 0.0, 3.0]), [0, 0.25, 1]),
    ],
)
def test_pixels_are_shown_from_0_to_1(pixels, shown):
    grid = plots.class_grid(labelled(pixels.reshape(1, 1, 3, 1), [0]), per_class=1)
    np.testing.assert_allclose(grid.axes[0].images[0].get_array()[0, :, 0], shown)


def test_class_grid_is_a_function_of_the_seed():
    dataset = labelled(images(30), np.arange(30) % 3)
    first, again, other = (drawn(plots.class_grid(dataset, 3, seed)) for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


def test_class_grid_leaves_room_for_long_names():
    names = ("a" * 60, "m" * 24, "costs $5 or $6")
    (ax,) = plots.class_grid(labelled(images(6), np.arange(6) % 3, names), 2).axes
    ax.figure.canvas.draw()
    assert min(tick.get_window_extent().x0 for tick in ax.get_yticklabels()[2:]) >= 0
    shown = [tick.get_text() for tick in ax.get_yticklabels()]
    assert shown == ["a" * 23 + "…", names[1], r"costs \$5 or \$6"]


def test_class_grid_of_a_class_with_too_few_images_has_gaps():
    figure = plots.class_grid(labelled(images(4), [0, 0, 0, 2]), per_class=3)
    rows = [picture.get_extent()[3] // 1 for picture in figure.axes[0].images]
    assert sorted(rows) == [0, 0, 0, 2]


def test_images_keep_their_proportions_in_the_middle_of_their_cell():
    figure = plots.class_grid(labelled(images(3, (4, 8, 3)), [0, 1, 2]), per_class=1)
    left, right, bottom, top = figure.axes[0].images[0].get_extent()
    assert (right - left) / (bottom - top) == 8 / 4
    assert (top + bottom) / 2 % 1 == 0.5


def test_class_grid_refuses_what_it_cannot_draw():
    with pytest.raises(DataError, match="must have classes, and images"):
        plots.class_grid(memory({"x": np.ones((3, 2)), "y": np.ones(3)}))
    with pytest.raises(ConfigurationError, match="per_class"):
        plots.class_grid(labelled(images(3), [0, 1, 2]), per_class=0)


# predictions


def test_predictions_mark_mistakes_by_colour_and_by_sign_and_name_both_classes():
    labels, predicted = np.array([0, 1, 2, 1]), np.array([0, 2, 2, 1])
    figure = plots.predictions(images(4), labels, predicted, CLASSES)
    (ax,) = figure.axes
    captions = [word for word in words(ax) if word[0] in "✓✗"]
    assert captions == ["✗ crow\nis bee", "✓ ant", "✓ crow", "✓ bee"]
    (frame,) = ax.patches
    assert to_hex(frame.get_edgecolor()) == VERMILLION.lower()
    assert (frame.get_x(), frame.get_y()) == (0, 0)
    assert ax.get_title(loc="left") == "3 of 4 right (75.0%)"
    np.testing.assert_array_equal(ax.images[0].get_array(), images(4)[1] / 255)
    drawn(figure)


def test_predictions_show_half_mistakes_where_there_are_enough_and_say_how_many():
    pixels, rng = images(60), np.random.default_rng(3)
    labels, predicted = rng.integers(0, 3, (2, 60))
    wrong, right = np.flatnonzero(labels != predicted), np.flatnonzero(labels == predicted)
    (ax,) = plots.predictions(pixels, labels, predicted, CLASSES, count=10).axes
    shown = [picture.get_array() for picture in ax.images]
    expected = np.concatenate((wrong[:5], right[:5]))
    np.testing.assert_array_equal(shown, pixels[expected] / 255)
    assert len(ax.patches) == 5
    assert any(f"the first 5 of {len(wrong)} mistakes" in word for word in words(ax))
    assert ax.get_title(loc="left").startswith(f"{len(right)} of 60 right")


def test_predictions_tell_how_sure_the_model_was():
    probabilities = np.array([[0.9, 0.1, 0.0], [0.25, 0.25, 0.5]])
    (ax,) = plots.predictions(images(2), [0, 0], [0, 2], CLASSES, probabilities).axes
    assert words(ax)[:2] == ["✗ crow 50%\nis ant", "✓ ant 90%"]


@pytest.mark.parametrize(
    ("predicted", "said"), [([0, 1, 2], "first 3 right"), ([1, 2, 0], "all 3")]
)
def test_predictions_all_right_or_all_wrong(predicted, said):
    figure = plots.predictions(images(3), [0, 1, 2], predicted, CLASSES)
    assert len(figure.axes[0].images) == 3
    assert any(said in word for word in words(figure.axes[0]))
    drawn(figure)


@pytest.mark.parametrize("shape", [(5, 5), (5, 5, 1), (5, 5, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_may_be_gray_or_coloured_bytes_or_fractions(shape, dtype):
    pixels = images(2, shape)
    given = pixels if dtype == np.uint8 else (pixels / 255).astype(np.float32)
    (ax,) = plots.predictions(given, [0, 1], [0, 1], CLASSES).axes
    expected = pixels.reshape(2, 5, 5, -1)[0] / 255
    shown = ax.images[0].get_array()
    assert shown.shape == (5, 5, 3)
    np.testing.assert_allclose(shown, np.broadcast_to(expected, (5, 5, 3)), atol=1e-7)


def test_predictions_refuse_vectors_and_nothing():
    with pytest.raises(DataError, match=r"\(12,\)"):
        plots.predictions(np.ones((1, 12)), [0], [0], CLASSES)
    with pytest.raises(DataError, match="no images"):
        plots.predictions(images(0), [], [], CLASSES)


# confusion


def test_confusion_has_a_count_in_each_cell():
    rng = np.random.default_rng(0)
    matrix = confusion_matrix(*rng.integers(0, 3, (2, 50)), 3)
    figure = plots.confusion(matrix, CLASSES)
    (ax,) = figure.axes
    cells = {text.get_position(): text.get_text() for text in ax.texts}
    assert cells == {(c, r): str(matrix[r, c]) for r in range(3) for c in range(3)}
    assert [tick.get_text() for tick in ax.get_xticklabels()] == list(CLASSES)
    assert [tick.get_text() for tick in ax.get_yticklabels()] == list(CLASSES)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    assert ax.get_title(loc="left").startswith(f"{np.trace(matrix)} of 50 right")
    drawn(figure)


def test_confusion_colours_right_and_wrong_apart_and_stronger_with_the_share():
    (ax,) = plots.confusion([[6, 4, 0], [1, 9, 0], [0, 0, 0]], CLASSES).axes
    colour = ax.images[0].get_array()
    red, blue = colour[..., 0], colour[..., 2]
    assert blue[0, 0] > red[0, 0]
    assert red[0, 1] > blue[0, 1]
    assert red[1, 1] < red[0, 0]
    assert blue[0, 1] < blue[1, 0]
    np.testing.assert_array_equal(colour[2], 1)


def test_confusion_of_very_many_classes_has_no_counts():
    (ax,) = plots.confusion(np.eye(60, dtype=int), [str(i) for i in range(60)]).axes
    assert not ax.texts


# the sigmoid


def test_sigmoid_scatter_lays_the_curve_over_the_points():
    rng = np.random.default_rng(0)
    score, labels = rng.normal(0, 3, 40), rng.integers(0, 2, 40)
    probability = 1 / (1 + np.exp(-score))
    figure = plots.sigmoid_scatter(score, probability, labels, ("cheap", "dear"))
    (ax,) = figure.axes
    for label, name in enumerate(("cheap", "dear")):
        x, y = lines(ax)[f"{(labels == label).sum()} {name}"].get_data()
        np.testing.assert_array_equal(x, score[labels == label])
        assert (np.abs(y - label) < 0.2).all()
    x, y = lines(ax)["σ(w · x + b)"].get_data()
    np.testing.assert_allclose(y, 1 / (1 + np.exp(-x)), atol=1e-9)
    assert np.ptp(x) == np.ptp(score)
    threshold = lines(ax)["threshold 0.5"]
    assert set(threshold.get_ydata()) == {0.5}
    assert threshold.get_linestyle() == "--"
    assert ax.get_xlabel().startswith("score")
    assert ax.get_ylabel() == "probability of dear"
    right = ((probability >= 0.5) == labels).mean()
    assert ax.get_title(loc="left") == f"{right:.1%} right"
    drawn(figure)


def test_sigmoid_scatter_over_the_one_feature():
    feature, labels = np.array([1000.0, 1500, 2000, 2500]), np.array([0, 1, 0, 1])
    probability = 1 / (1 + np.exp(-(0.01 * feature - 16)))
    (ax,) = plots.sigmoid_scatter(feature, probability, labels, "ab", xlabel="area (m²)").axes
    x, y = lines(ax)["σ(w · x + b)"].get_data()
    np.testing.assert_allclose(y, 1 / (1 + np.exp(-(0.01 * x - 16))), atol=1e-9)
    assert ax.get_xlabel() == "area (m²)"


def test_sigmoid_scatter_of_a_model_that_is_certain():
    figure = plots.sigmoid_scatter([-900.0, 900.0], np.float32([0, 1]), [0, 1], "ab")
    drawn(figure)


# all


def test_a_notebook_shows_a_picture():
    assert plots.curves(history())._repr_png_().startswith(b"\x89PNG")


def test_no_window_and_no_global_figure():
    code = "import sys, fnet.plots; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# paths


def bowl(x, y):
    return x**2 + 4 * y**2


def spiral(steps, size=2.0):
    angle = np.linspace(0, 3, steps + 1)
    return (
        np.stack([np.cos(angle), np.sin(angle)], axis=1) * np.linspace(size, 0, steps + 1)[:, None]
    )


def test_paths_draw_each_path_to_its_end():
    ways = {"sgd": spiral(30), "adam": spiral(7)}
    figure = plots.paths(bowl, ways, (-2, 2), (-2, 2), minimum=(0.5, 0.25))
    (ax,) = figure.axes
    for name, way in ways.items():
        line = lines(ax)[name]
        np.testing.assert_array_equal(np.transpose(line.get_data()), way)
        assert line.get_markevery() == [len(way) - 1]
    assert [0.5, 0.25] in [np.ravel(line.get_data()).tolist() for line in ax.get_lines()]
    assert (ax.get_xlim(), ax.get_ylim()) == ((-2, 2), (-2, 2))
    drawn(figure)


def test_a_path_that_leaves_for_infinity_ends_before():
    way = np.array([[1.0, 1.0], [2.0, 2.0], [np.inf, 0.0], [0.0, 0.0]])
    (ax,) = plots.paths(bowl, {"sgd": way}, (-2, 2), (-2, 2)).axes
    np.testing.assert_array_equal(np.transpose(lines(ax)["sgd"].get_data()), way[:2])


def test_each_path_looks_different_without_colours():
    (ax,) = plots.paths(bowl, {str(i): spiral(5) for i in range(7)}, (-2, 2), (-2, 2)).axes
    assert len({line.get_marker() for line in ax.get_lines()}) == 7


def test_a_flat_function_has_no_contours_and_is_drawn():
    drawn(plots.paths(lambda x, y: 0 * x, {"sgd": spiral(5)}, (-2, 2), (-2, 2)))


@pytest.mark.parametrize(
    ("function", "ways", "words"),
    [
        (bowl, {}, "there are none"),
        (bowl, {"sgd": np.zeros((5, 3))}, r"'sgd' has shape \(5, 3\)"),
        (lambda x, y: 1.0, {"sgd": spiral(5)}, r"returns \(\)"),
        (lambda x, y: np.log(x - 9), {"sgd": spiral(5)}, "not finite"),
    ],
)
def test_paths_say_what_they_need(function, ways, words):
    with np.errstate(all="ignore"), pytest.raises(DataError, match=words):
        plots.paths(function, ways, (-2, 2), (-2, 2))


def test_a_movie_ends_with_the_picture_and_counts_the_steps(tmp_path):
    movie = plots.animated_paths(bowl, {"sgd": spiral(100), "adam": spiral(9)}, (-2, 2), (-2, 2))
    movie.save(tmp_path / "paths.gif")
    with Image.open(tmp_path / "paths.gif") as image:
        assert image.n_frames == 40
        looks = []
        for number in (0, 39):
            image.seek(number)
            looks.append(np.asarray(image.convert("RGB")).astype(int))
    assert (np.abs(looks[1] - looks[0]).max(axis=-1) > 40).mean() > 0.002  # the lines
    assert "data:image/gif;base64," in movie._repr_html_()


# bytes and growth


def test_layer_bytes_are_those_of_the_summary():
    found = summary(classification_net(3, hidden=7, layers=3), (11,), batch_size=5)
    (ax,) = plots.layer_bytes(found).axes
    cache, gradient = ([bar.get_width() for bar in bars] for bars in ax.containers)
    assert cache == [row.cache for row in found.rows]
    assert gradient == [row.gradient for row in found.rows]
    assert [text.get_text() for text in ax.get_yticklabels()] == [row.layer for row in found.rows]
    drawn(ax.figure)


def test_growth_tells_the_power_of_a_power_law():
    sizes = [16, 32, 128, 512]
    seconds = {"linear": [3e-6 * n for n in sizes], "square": [1e-9 * n**2 for n in sizes]}
    (ax,) = plots.growth(sizes, seconds, "width (units)").axes
    assert set(lines(ax)) == {"linear: size ^ 1.00", "square: size ^ 2.00"}
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_xlabel()) == ("log", "log", "width (units)")
    drawn(ax.figure)


@pytest.mark.parametrize("seconds", [[1.0], [1.0, 0.0], [1.0, np.nan]])
def test_growth_needs_a_time_for_each_size(seconds):
    with pytest.raises(DataError, match="a time above 0 for each of 2 sizes"):
        plots.growth([1, 2], {"fnet": seconds}, "n")


# weights


def test_weights_are_pictures_of_the_largest_rows():
    w = np.random.default_rng(0).normal(size=(9, 12))
    w[4] /= 100
    figure = plots.weights(w, (2, 2, 3), count=8)
    shown = [image.get_array() for image in figure.axes[0].get_images()]
    rows = [row for unit, row in enumerate(w) if unit != 4]
    for pixels, row in zip(shown, rows, strict=True):
        expected = (row / np.abs(row).max() + 1) / 2
        np.testing.assert_allclose(np.ravel(pixels), expected, atol=1e-12)
    drawn(figure)


def test_filters_are_pictures_of_kernels():
    w = np.zeros((2, 2, 3, 5))
    w[0, 1, 2, 3] = -4.0
    w[1, 0, 0, 1] = 2.0
    figure = plots.filters(w, count=2)
    first, second = (image.get_array() for image in figure.axes[0].images)
    assert first[1, 0].tolist() == [1.0, 0.5, 0.5]  # the second of five, scaled by its largest
    assert second[0, 1].tolist() == [0.5, 0.5, 0.0]
    assert figure.axes[0].get_title("left") == "2 of 5 filters of the first convolution"
    with pytest.raises(DataError, match=r"w is \(3, 3\), and must be \(height, width, channels"):
        plots.filters(np.ones((3, 3)))


def test_attention_is_where_the_gradient_is():
    gradients = np.zeros((1, 4, 4, 3))
    gradients[0, 1, 2, 1] = -7.0
    figure = plots.attention(np.zeros((1, 4, 4, 3)), gradients, [1], [0], ("cat", "dog"))
    _, found = (image.get_array() for image in figure.axes[0].images)
    assert np.argwhere(found.sum(axis=-1)).tolist() == [[1, 2]]
    assert "✗ cat" in [text.get_text() for text in figure.axes[0].texts]
    with pytest.raises(DataError, match="they must have one shape"):
        plots.attention(np.zeros((1, 4, 4, 3)), np.zeros((1, 4, 4)), [1], [0], ("cat", "dog"))


def test_weights_of_another_shape_are_refused():
    with pytest.raises(DataError, match=r"w is \(9, 12\); pictures of .* need \(out, 25\)"):
        plots.weights(np.ones((9, 12)), (5, 5))


# comparisons


def test_compare_draws_a_line_for_each_run():
    ways = {"one": history(5), "other": history(3)[:2]}
    (ax,) = plots.compare(ways, "val_accuracy").axes
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "validation accuracy (%)")
    for name, rows in ways.items():
        x, y = lines(ax)[name].get_data()
        np.testing.assert_array_equal(x, column(rows, "epoch"))
        np.testing.assert_allclose(y, column(rows, "val_accuracy") * 100)
    drawn(ax.figure)


def test_compare_says_where_there_are_too_many_to_tell_apart():
    (ax,) = plots.compare({f"run {n}": history() for n in range(9)}, "train_loss").axes
    assert len(ax.get_lines()) == len({line.get_marker() for line in ax.get_lines()}) == 7
    assert ax.get_title("left") == "the first 7 of 9 runs"


def test_compare_of_nothing_is_refused():
    with pytest.raises(DataError, match="no history has 'val_f1'"):
        plots.compare({"one": history()}, "val_f1")


def test_learning_rates_have_a_point_a_seed_and_a_mean():
    found = np.array([[0.9, 0.7], [np.nan, 0.2], [0.5, 0.3]])
    (ax,) = plots.learning_rates([0.1, 1.0, 0.01], found, chosen=0.1).axes
    points = np.transpose(lines(ax)["one seed"].get_data())
    expected = [[0.01, 50], [0.01, 30], [0.1, 90], [0.1, 70], [1, np.nan], [1, 20]]
    np.testing.assert_allclose(points, expected)
    np.testing.assert_allclose(lines(ax)["mean of 2 seeds"].get_ydata(), [40, 80, np.nan])
    assert np.ravel(lines(ax)["did not stay finite"].get_data()).tolist() == [1, 0]
    assert np.ravel(lines(ax)["chosen: 0.1"].get_data()).tolist() == [0.1, 80]
    drawn(ax.figure)


@pytest.mark.parametrize(("rates", "shape"), [([0.1], (2, 3)), ([0.1], (1,)), ([0.0], (1, 1))])
def test_learning_rates_say_what_they_need(rates, shape):
    with pytest.raises(DataError, match="the rates above 0"):
        plots.learning_rates(rates, np.ones(shape))


# all


def test_a_loss_by_powers_of_ten():
    loss, accuracy = plots.curves(history(), log=True).axes
    assert (loss.get_yscale(), accuracy.get_yscale()) == ("log", "linear")


def test_every_picture_goes_into_given_axes():
    pixels = images()
    dataset = memory({"image": pixels, "label": np.arange(12) % 3}, CLASSES)
    report = explain(Pair(lambda x: (x * x, x), lambda dout, x: (x * dout,)), np.ones((2, 3)))
    draw = {
        "class_grid": lambda ax: plots.class_grid(dataset, 2, ax=ax),
        "compare": lambda ax: plots.compare({"a": history()}, ax=ax),
        "confusion": lambda ax: plots.confusion(np.eye(3, dtype=int), CLASSES, ax=ax),
        "curves": lambda ax: plots.curves(history(), ax=ax),
        "gradient_errors": lambda ax: plots.gradient_errors(report, ax=ax),
        "growth": lambda ax: plots.growth([1, 2], {"fnet": [1, 2]}, "n", ax=ax),
        "layer_bytes": lambda ax: plots.layer_bytes(summary(classification_net(2), (3,)), ax=ax),
        "learning_rates": lambda ax: plots.learning_rates([0.1, 1], np.ones((2, 3)), ax=ax),
        "paths": lambda ax: plots.paths(bowl, {"sgd": spiral(5)}, (-2, 2), (-2, 2), ax=ax),
        "predictions": lambda ax: plots.predictions(
            pixels, np.zeros(12, int), np.arange(12) % 3, CLASSES, ax=ax
        ),
        "calibration": lambda ax: plots.calibration([0, 1], [[0.9, 0.1], [0.2, 0.8]], ax=ax),
        "predicted_against_true": lambda ax: plots.predicted_against_true([1, 2], [1, 3], ax=ax),
        "residuals": lambda ax: plots.residuals([1.0, 2.0, 4.0], [1.5, 2.0, 3.0], ax=ax),
        "roc": lambda ax: plots.roc(
            [0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], CLASSES[:2], ax=ax
        ),
        "sigmoid_scatter": lambda ax: plots.sigmoid_scatter(
            [-1, 1], [0.3, 0.7], [0, 1], CLASSES, ax=ax
        ),
        "filters": lambda ax: plots.filters(np.ones((3, 3, 1, 4)), ax=ax),
        "attention": lambda ax: plots.attention(
            np.zeros((2, 4, 4, 3)), np.ones((2, 4, 4, 3)), [0, 1], [0, 0], ("a", "b"), ax=ax
        ),
        "attention_weights": lambda ax: plots.attention_weights(np.eye(3), "abc", ax=ax),
        "bits_per_character": lambda ax: plots.bits_per_character(
            [{"epoch": 1, "train_bits": 2.0, "val_bits": 1.9}], 1.5, ax=ax
        ),
        "weights": lambda ax: plots.weights(np.ones((3, 12)), (2, 2, 3), ax=ax),
    }
    assert set(draw) == set(plots.__all__) - {"Movie", "animated_paths"}
    for name, into in draw.items():
        figure = Figure(figsize=(10, 4))
        ax = figure.subplots(1, 2)[1]
        assert into(ax) is figure, name
        assert ax.has_data(), name
        drawn(figure)
