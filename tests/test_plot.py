"""Pictures: what is drawn, where, and what is refused."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
from sklearn.datasets import make_moons  # noqa: E402

from mlpcore import MLPClassifier, MLPRegressor, layers, models, ops, plot  # noqa: E402
from mlpcore._layer_graph import LayerGraph, LayerNode, layer_graph  # noqa: E402
from mlpcore.plot.drawing import text_width  # noqa: E402
from mlpcore.plot.layout import Box, placed  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

HISTORY = {
    "loss": [0.9, 0.5, 0.4],
    "accuracy": [0.5, 0.7, 0.8],
    "val_loss": [0.8, 0.6, 0.6],
    "val_accuracy": [0.6, 0.7, 0.7],
}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def wide_and_deep():
    """Return a functional model in all that the pictures ask of one."""
    wide, deep = layers.Input(shape=(5,), name="wide"), layers.Input(shape=(6,), name="deep")
    hidden = layers.Dense(30, activation="relu", name="hidden")(deep)
    both = layers.Concatenate(name="both")([wide, hidden])
    outputs = [layers.Dense(1, name="main")(both), layers.Dense(1, name="aux")(hidden)]
    return SimpleNamespace(name="wide_and_deep", inputs=[wide, deep], outputs=outputs)


# ------------------------------------------------ learning curves


def test_every_quantity_has_its_axes_with_training_and_validation():
    axes = plot.history(HISTORY)
    assert [ax.get_ylabel() for ax in axes] == ["Loss", "Accuracy"]
    assert [line.get_label() for line in axes[0].lines] == ["training", "validation"]
    np.testing.assert_array_equal(axes[1].lines[1].get_xydata(), [[1, 0.6], [2, 0.7], [3, 0.7]])


def test_shift_moves_training_half_an_epoch_to_the_left():
    ax = plot.history(HISTORY, "loss", shift=True)
    assert ax.lines[0].get_xdata().tolist() == [0.5, 1.5, 2.5]
    assert ax.lines[1].get_xdata().tolist() == [1, 2, 3]


def test_several_quantities_share_given_axes():
    _, ax = plt.subplots()
    assert plot.history(HISTORY, ax=ax) is ax
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["Loss, training", "Loss, validation", "Accuracy, training", "Accuracy, validation"]


def test_history_takes_what_fit_returns_and_the_model():
    record = SimpleNamespace(history=HISTORY)
    for each in (record, SimpleNamespace(history=record)):
        assert len(plot.history(each)) == 2


def test_validation_every_other_epoch_stands_at_its_epochs():
    ax = plot.history({"loss": [4, 3, 2, 1], "val_loss": [3.5, 1.5]})
    assert ax.lines[1].get_xdata().tolist() == [2, 4]


def test_learning_rate_is_drawn_in_a_scale_of_its_own():
    ax = plot.history({**HISTORY, "learning_rate": [0.1, 0.01, 0.001]})[2]
    assert (ax.get_yscale(), ax.get_ylabel()) == ("log", "Learning rate")


@pytest.mark.parametrize(
    ("history", "metrics", "error", "message"),
    [
        ({}, None, ValueError, "the history is empty"),
        (3, None, TypeError, "expected a History, a fitted model or a dict of lists, got 3"),
        (HISTORY, "acuracy", ValueError, r"'acuracy' was not recorded; did you mean 'accuracy'\?"),
    ],
)
def test_wrong_histories_are_refused(history, metrics, error, message):
    with pytest.raises(error, match=message):
        plot.history(history, metrics)


def test_wrong_number_of_axes_is_refused():
    _, axes = plt.subplots(1, 3)
    with pytest.raises(ValueError, match=r"expected one axes or 2 \(loss, accuracy\), got 3"):
        plot.history(HISTORY, ax=axes)


def test_loss_curves_of_estimators_share_axes():
    X, y = make_moons(40, random_state=0)
    fitted = {name: MLPClassifier((4,), max_iter=4, tol=0, random_state=0).fit(X, y) for name in "ab"}
    ax = plot.loss_curve(fitted)
    assert [line.get_label() for line in ax.lines] == ["a: Training loss", "b: Training loss"]
    assert ax.lines[0].get_ydata().tolist() == fitted["a"].loss_curve_
    assert plot.loss_curve(fitted["a"]) is not ax
    assert len(plot.loss_curve(list(fitted.values()), ax=ax).lines) == 4


# ------------------------------------------------ weights


def test_weights_are_images_with_gaps_and_one_scale():
    kernel = np.arange(4.0 * 3).reshape(4, 3) - 5
    ax = plot.weights(kernel)
    drawn = ax.images[0]
    mosaic = np.asarray(drawn.get_array().filled(np.nan))
    assert mosaic.shape == (5, 5)
    np.testing.assert_array_equal(mosaic[:2, :2], kernel[:, 0].reshape(2, 2))
    np.testing.assert_array_equal(mosaic[3:, :2], kernel[:, 2].reshape(2, 2))
    assert np.isnan(mosaic[2]).all()
    assert drawn.get_clim() == (-6, 6)


def test_weights_come_from_estimators_and_models():
    X, y = np.random.default_rng(0).random((20, 6)), np.arange(20.0)
    estimator = MLPRegressor(hidden_layer_sizes=(5,), max_iter=2, tol=0).fit(X, y)
    assert plot.weights(estimator, (2, 3)).get_title() == "Weights of 5 units, 2 x 3"
    first = layers.Dense(3)
    first(layers.Input(shape=(6,)))
    model = SimpleNamespace(name="m", layers=[layers.Flatten(), first], input_shape=(None, 3, 2))
    assert plot.weights(model).get_title() == "Weights of 3 units, 3 x 2"


def test_colour_weights_have_colours():
    ax = plot.weights(np.random.default_rng(0).normal(size=(12, 2)), (2, 2, 3))
    assert ax.images[0].get_array().shape == (2, 5, 3)
    assert plot.weights(np.ones((4, 2)), (2, 2, 1)).images[0].get_array().shape == (2, 5)


def test_only_so_many_units_are_drawn():
    assert plot.weights(np.ones((4, 50)), n_units=10).get_title() == "Weights of 10 units, 2 x 2"


@pytest.mark.parametrize(
    ("model", "shape", "error", "message"),
    [
        (np.ones((6, 2)), None, ValueError, r"6 weights of a unit need shape=\(height, width\) .* got no shape"),
        (np.ones((6, 2)), (2, 2), ValueError, r"got shape=\(2, 2\)"),
        (np.ones(6), None, ValueError, r"expected weights of shape \(n_features, n_units\), got \(6,\)"),
        (3, None, TypeError, "expected a model, a fitted estimator or an array, got 3"),
        (SimpleNamespace(name="m", layers=[]), None, ValueError, "no layer of the model 'm' has a kernel yet"),
    ],
)
def test_weights_that_are_no_images_are_refused(model, shape, error, message):
    with pytest.raises(error, match=message):
        plot.weights(model, shape)


# ------------------------------------------------ decision regions


def test_regions_have_the_colours_of_the_predicted_classes():
    X, y = make_moons(60, random_state=0)
    names = np.array(["a", "b"])[y]
    model = MLPClassifier((16,), solver="lbfgs", random_state=0).fit(X, names)
    ax = plot.decision_regions(model, X, names, resolution=50)
    image = ax.images[0].get_array()
    assert image.shape == (50, 50, 3)
    left, right, bottom, top = ax.images[0].get_extent()
    corner = model.predict([[left, bottom], [right, top]])
    reds_lead = [image[0, 0, 0] > image[0, 0, 2], image[-1, -1, 0] > image[-1, -1, 2]]
    assert reds_lead == [name == "b" for name in corner]  # blue is the first colour, orange the second
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]


def test_regions_of_a_regressor_are_values():
    X = make_moons(60, random_state=0)[0]
    model = MLPRegressor(hidden_layer_sizes=(4,), max_iter=5, tol=0).fit(X, X[:, 0])
    ax = plot.decision_regions(model, X, X[:, 0], resolution=20, feature_names=("u", "v"))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("u", "v")
    assert not ax.images
    assert ax.collections


@pytest.mark.parametrize(
    ("outputs", "labels", "n_classes"),
    [
        (lambda x: 1 / (1 + np.exp(-x[:, :1])), [0, 1, 1], 2),
        (lambda x: np.eye(3)[np.digitize(x[:, 0], [0.2, 0.8])], [0, 1, 2], 3),
        (lambda x: x[:, :1], [0.5, 2.5, 1.0], 0),
    ],
    ids=["sigmoid", "softmax", "values"],
)
def test_regions_of_a_model_follow_its_outputs(outputs, labels, n_classes):
    model = SimpleNamespace(layers=[], predict=lambda x, verbose: outputs(x))
    ax = plot.decision_regions(model, [[0, 0], [1, 1], [0.5, 0]], labels, resolution=10)
    legend = ax.get_legend()
    assert (len(legend.get_texts()) if legend else 0) == n_classes


def test_regions_without_labels_have_no_points():
    model = SimpleNamespace(layers=[], predict=lambda x, verbose: x[:, :1] > 0.5)
    assert plot.decision_regions(model, [[0, 0], [1, 1]], resolution=5).get_legend() is None


def test_regions_need_two_features():
    with pytest.raises(ValueError, match=r"expected X of shape \(n, 2\), got \(4, 3\)"):
        plot.decision_regions(None, np.ones((4, 3)))


# ------------------------------------------------ models


def texts_of(picture):
    root = ET.fromstring(picture.svg)
    return [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_graph_has_calls_edges_and_shapes():
    graph = layer_graph(wide_and_deep())
    assert [node.name for node in graph.nodes] == ["wide", "deep", "hidden", "both", "main", "aux"]
    both = next(node for node in graph.nodes if node.name == "both")
    assert both.inputs == ["wide", "hidden"]
    assert (both.input_shapes, both.output_shapes) == ([(None, 5), (None, 30)], [(None, 35)])
    assert (graph.inputs, graph.outputs) == (["wide", "deep"], ["main", "aux"])
    hidden = graph.nodes[2]
    assert (hidden.n_params, hidden.activation, hidden.trainable, hidden.kind) == (210, "relu", True, "Dense")


class WideAndDeep(models.Model):
    def __init__(self, looks=False):
        super().__init__(name="wide_and_deep")
        self.hidden = layers.Dense(4, name="hidden")
        self.main, self.aux = layers.Dense(1, name="main"), layers.Dense(1, name="aux")
        self.looks = looks

    def call(self, inputs):
        wide, deep = inputs
        hidden = self.hidden(deep)
        if self.looks and float(ops.mean(hidden)) > 0:
            hidden = -hidden
        return self.main(layers.Concatenate(name="both")([wide, hidden])), self.aux(hidden)


def test_graph_of_a_subclassed_model_is_found_by_calling_it():
    model = WideAndDeep()
    model([np.ones((2, 3)), np.ones((2, 5))])
    graph = layer_graph(model)
    edges = {node.name: node.inputs for node in graph.nodes}
    assert edges["both"] == [graph.inputs[0], "hidden"]
    assert (edges["main"], edges["aux"]) == (["both"], ["hidden"])
    assert graph.outputs == ["main", "aux"]


def test_model_that_looks_at_numbers_is_drawn_without_edges():
    model = WideAndDeep(looks=True)
    model([np.ones((2, 3)), np.ones((2, 5))])
    graph = layer_graph(model)
    assert not graph.is_traced
    assert [node.name for node in graph.nodes] == ["hidden", "main", "aux"]
    assert not plot.plot_model(model)._drawing.lines


def test_graphs_of_real_models_are_drawn():
    tower = models.Sequential([layers.Dense(4, activation="relu"), layers.Dense(2)], name="tower")
    x = layers.Input((6,), name="x")
    model = models.Model(x, layers.Dense(1, name="out")(tower(x)))
    assert {"Sequential", "tower", "out"} <= set(texts_of(plot.plot_model(model)))
    expanded = plot.plot_model(model, expand_nested=True)
    assert len(expanded._drawing.frames) == 1
    assert len(expanded._drawing.lines) == 3


def test_trained_models_are_drawn():
    X, y = make_moons(60, random_state=0)
    model = models.Sequential([layers.Input((2,)), layers.Dense(8), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    axes = plot.history(model.fit(X, y, epochs=2, verbose=0, validation_split=0.5))
    assert axes.lines[0].get_ydata().tolist() == model.history.history["loss"]
    assert len(plot.decision_regions(model, X, y, resolution=10).get_legend().get_texts()) == 2
    assert plot.weights(model, (1, 2)).get_title() == "Weights of 8 units, 1 x 2"


def test_layer_called_twice_is_two_nodes():
    x, dense = layers.Input(shape=(4,), name="x"), layers.Dense(4, name="same")
    model = SimpleNamespace(name="m", inputs=[x], outputs=[dense(dense(x))])
    assert [(node.name, node.layer, node.inputs) for node in layer_graph(model).nodes] == [
        ("x", "x", []),
        ("same", "same", ["x"]),
        ("same:2", "same", ["same"]),
    ]


def test_picture_tells_layers_shapes_and_parameters():
    words = texts_of(plot.plot_model(wide_and_deep()))
    assert {"InputLayer", "Dense", "Concatenate", "hidden", "(None, 6) → (None, 30)"} <= set(words)
    assert "relu · 210 params" in words
    assert "(None, 5), (None, 30) → (None, 35)" in words


def test_picture_tells_what_it_is_asked_to_tell():
    bare = texts_of(
        plot.plot_model(
            wide_and_deep(), show_shapes=False, show_layer_names=False, show_layer_activations=False, show_params=False
        )
    )
    assert sorted(bare) == ["Concatenate", "Dense", "Dense", "Dense", "InputLayer", "InputLayer"]
    assert "relu · 210 params · float32 · trainable" in texts_of(
        plot.plot_model(wide_and_deep(), show_dtype=True, show_trainable=True)
    )


@pytest.mark.parametrize("rankdir", ["TB", "LR"])
def test_boxes_do_not_overlap_and_lines_join_them(rankdir):
    picture = plot.plot_model(wide_and_deep(), rankdir=rankdir)
    boxes = np.array([box[:4] for box in picture._drawing.boxes])
    for i, (x, y, w, h) in enumerate(boxes):
        for other_x, other_y, other_w, other_h in boxes[:i]:
            assert x >= other_x + other_w or other_x >= x + w or y >= other_y + other_h or other_y >= y + h
    assert len(picture._drawing.lines) == 5
    for points, _ in picture._drawing.lines:
        for x, y in (points[0], points[-1]):
            left, top, width, height = boxes.T
            assert np.any((left <= x) & (x <= left + width) & (top <= y) & (y <= top + height))
    assert (boxes >= 0).all()
    assert (boxes[:, 0] + boxes[:, 2]).max() <= picture._drawing.width


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_picture_is_saved_in_the_format_of_its_ending(tmp_path, ending):
    path = tmp_path / f"model.{ending}"
    picture = plot.plot_model(wide_and_deep(), path, dpi=50)
    start = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF"}[ending]
    assert path.read_bytes().startswith(start)
    assert repr(picture).startswith("<ModelPicture, ")
    assert picture._repr_svg_() == picture.svg


def test_picture_is_drawn_on_axes():
    _, ax = plt.subplots()
    assert plot.plot_model(wide_and_deep()).draw(ax) is ax
    assert "hidden" in [text.get_text() for text in ax.texts]


def nested():
    node = LayerNode
    inner = LayerGraph("tower", [node("in", "in", "InputLayer"), node("a", "a", "Dense", ["in"])], ["in"], ["a"])
    nodes = [
        node("x", "x", "InputLayer"),
        node("tower", "tower", "Functional", ["x"], inner=inner),
        node("out", "out", "Dense", ["tower"]),
    ]
    return LayerGraph("m", nodes, ["x"], ["out"])


def test_inner_models_are_expanded():
    graph = nested().expanded()
    assert [(node.name, node.inputs) for node in graph.nodes] == [
        ("x", []),
        ("tower/a", ["x"]),
        ("out", ["tower/a"]),
    ]


def test_inner_models_have_frames(monkeypatch):
    monkeypatch.setattr(plot.model_picture, "layer_graph", lambda model: nested())
    assert texts_of(plot.plot_model(None)).count("tower") == 1
    picture = plot.plot_model(None, expand_nested=True)
    assert len(picture._drawing.frames) == 1
    assert "Functional" not in texts_of(picture)


def test_names_are_escaped():
    x = layers.Input(shape=(2,), name="a<b>&c")
    model = SimpleNamespace(name="m", inputs=[x], outputs=[layers.Dense(1, name="d")(x)])
    assert "a<b>&c" in texts_of(plot.plot_model(model))


def test_lines_cross_as_little_as_they_can():
    boxes = [Box(name, 10, 10) for name in ("a", "b", "c", "d")]
    layout = placed(boxes, [("a", "d"), ("b", "c")])
    places = {name: box.center for name, box in layout.boxes.items()}
    assert (places["a"] < places["b"]) == (places["d"] < places["c"])


def test_chain_stands_in_a_line():
    layout = placed(
        [Box(str(number), 10 + number, 10) for number in range(5)], [(str(n), str(n + 1)) for n in range(4)]
    )
    assert {round(box.center, 6) for box in layout.boxes.values()} == {7.0}


def test_width_of_text_is_no_less_than_drawn():
    from matplotlib.textpath import TextPath

    for words in ("(None, 784) → (None, 300)", "InputLayer", "normalization_1", "relu · 235,500 params"):
        assert TextPath((0, 0), words, size=12).get_extents().width <= text_width(words)


def test_wrong_direction_is_refused():
    with pytest.raises(ValueError, match="rankdir is 'TB' or 'LR', got 'TD'"):
        plot.plot_model(wide_and_deep(), rankdir="TD")


def test_model_that_is_not_built_is_told():
    with pytest.raises(ValueError, match="the model 'm' is not built"):
        plot.plot_model(SimpleNamespace(name="m", layers=[], built=False))


def test_import_does_not_load_matplotlib_and_its_absence_is_told():
    code = "import sys; sys.modules['matplotlib'] = sys.modules['matplotlib.pyplot'] = None\nfrom mlpcore import plot\n"
    code += "try:\n    plot.history({'loss': [1.0]})\nexcept ImportError as error:\n    print(error)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "plot.history needs matplotlib: pip install 'mlpcore[plot]' or pip install matplotlib"
    )


def test_real_model_that_is_not_built_is_told():
    with pytest.raises(ValueError, match="is not built: call it on data or fit it first"):
        plot.plot_model(models.Sequential([layers.Dense(1)]))


def test_what_is_no_model_is_refused():
    with pytest.raises(TypeError, match="expected a model, got 3"):
        plot.plot_model(3)
