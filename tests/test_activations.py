"""Activations against Keras 3's values, their gradients against differences, and the way to and from a config."""

import numpy as np
import pytest

from layer_cases import check_gradient, rows
from mlpcore import _registry, activations, ops

X = np.array([[-7.5, -3.0, -1.0, -0.3], [0.2, 0.7, 1.5, 6.5]], np.float32)

# fmt: off
KERAS = [  # name, arguments, what Keras 3.15.1 (jax, float64) returns for X, row by row
    ("celu", {}, [-0.9994469, -0.9502129, -0.6321206, -0.2591818, 0.2, 0.7, 1.5, 6.5]),
    ("elu", {}, [-0.9994469, -0.9502129, -0.6321206, -0.2591818, 0.2, 0.7, 1.5, 6.5]),
    ("exponential", {}, [0.0005530844, 0.04978707, 0.3678794, 0.7408182, 1.221403, 2.013753, 4.481689, 665.1416]),
    ("gelu", {}, [-2.393169e-13, -0.004049694, -0.1586553, -0.1146266, 0.1158519, 0.5306254, 1.399789, 6.5]),
    ("glu", {}, [-2.017061, -1.276672, 0.1635149, 0.6989492]),
    ("hard_shrink", {}, [-7.5, -3, -1, 0, 0, 0.7, 1.5, 6.5]),
    ("hard_sigmoid", {}, [0, 0, 0.3333333, 0.45, 0.5333333, 0.6166667, 0.75, 1]),
    ("hard_silu", {}, [-0, -0, -0.3333333, -0.135, 0.1066667, 0.4316667, 1.125, 6.5]),
    ("hard_tanh", {}, [-1, -1, -1, -0.3, 0.2, 0.7, 1, 1]),
    ("leaky_relu", {}, [-1.5, -0.6, -0.2, -0.06, 0.2, 0.7, 1.5, 6.5]),
    ("linear", {}, [-7.5, -3, -1, -0.3, 0.2, 0.7, 1.5, 6.5]),
    ("log_sigmoid", {}, [-7.500553, -3.048587, -1.313262, -0.8543552, -0.5981389, -0.403186, -0.2014133, -0.00150231]),
    ("log_softmax", {}, [-7.64759, -3.14759, -1.14759, -0.4475902, -6.311535, -5.811535, -5.011535, -0.01153502]),
    ("mish", {}, [-0.004146986, -0.1456475, -0.3034015, -0.1511332, 0.132599, 0.5611484, 1.403378, 6.499971]),
    ("relu", {}, [0, 0, 0, 0, 0.2, 0.7, 1.5, 6.5]),
    ("relu6", {}, [0, 0, 0, 0, 0.2, 0.7, 1.5, 6]),
    ("selu", {}, [-1.757127, -1.670569, -1.111331, -0.4556673, 0.2101402, 0.7354907, 1.576051, 6.829556]),
    ("sigmoid", {}, [0.0005527786, 0.04742587, 0.2689414, 0.4255575, 0.549834, 0.6681878, 0.8175745, 0.9984988]),
    ("silu", {}, [-0.00414584, -0.1422776, -0.2689414, -0.1276672, 0.1099668, 0.4677314, 1.226362, 6.490242]),
    ("soft_shrink", {}, [-7, -2.5, -0.5, 0, 0, 0.2, 1, 6]),
    ("softmax", {}, [0.0004771927, 0.04295552, 0.3174007, 0.6391666, 0.001815245, 0.002992832, 0.006660671, 0.9885313]),
    ("softplus", {}, [0.0005529315, 0.04858735, 0.3132617, 0.5543552, 0.7981389, 1.103186, 1.701413, 6.501502]),
    ("softsign", {}, [-0.8823529, -0.75, -0.5, -0.2307692, 0.1666667, 0.4117647, 0.6, 0.8666667]),
    ("sparse_plus", {}, [0, 0, 0, 0.1225, 0.36, 0.7225, 1.5, 6.5]),
    ("sparse_sigmoid", {}, [0, 0, 0, 0.35, 0.6, 0.85, 1, 1]),
    ("squareplus", {}, [0.1310437, 0.3027756, 0.618034, 0.8611874, 1.104988, 1.409481, 2, 6.650368]),
    ("tanh", {}, [-0.9999994, -0.9950547, -0.7615942, -0.2913126, 0.1973753, 0.6043678, 0.9051482, 0.9999955]),
    ("tanh_shrink", {}, [-6.500001, -2.004945, -0.2384058, -0.008687388, 0.00262468, 0.09563222, 0.5948517, 5.500005]),
    ("relu", {"negative_slope": 0.1}, [-0.75, -0.3, -0.1, -0.03, 0.2, 0.7, 1.5, 6.5]),
    ("relu", {"max_value": 1.0}, [0, 0, 0, 0, 0.2, 0.7, 1, 1]),
    ("relu", {"negative_slope": 0.1, "max_value": 1.0, "threshold": 0.5},
     [-0.8, -0.35, -0.15, -0.08, -0.03, 0.7, 1, 1]),
    ("relu", {"threshold": 0.5}, [0, 0, 0, 0, 0, 0.7, 1.5, 6.5]),
    ("gelu", {"approximate": True}, [-0, -0.003637392, -0.158808, -0.1146291, 0.1158514, 0.5305701, 1.399572, 6.5]),
    ("leaky_relu", {"negative_slope": 0.5}, [-3.75, -1.5, -0.5, -0.15, 0.2, 0.7, 1.5, 6.5]),
    ("elu", {"alpha": 2.0}, [-1.998894, -1.900426, -1.264241, -0.5183636, 0.2, 0.7, 1.5, 6.5]),
    ("celu", {"alpha": 2.0}, [-1.952965, -1.55374, -0.7869387, -0.2785841, 0.2, 0.7, 1.5, 6.5]),
    ("threshold", {"threshold": 0.5, "default_value": -1.0}, [-1, -1, -1, -1, -1, 0.7, 1.5, 6.5]),
    ("softmax", {"axis": 0}, [0.0004526222, 0.02412702, 0.07585818, 0.001112536,
                               0.9995474, 0.975873, 0.9241418, 0.9988875]),
    ("squareplus", {"b": 1.0}, [0.03318649, 0.08113883, 0.2071068, 0.3720153, 0.609902, 0.9603278,
                                1.651388, 6.538237]),
    ("hard_shrink", {"threshold": 2.0}, [-7.5, -3, 0, 0, 0, 0, 0, 6.5]),
    ("soft_shrink", {"threshold": 2.0}, [-5.5, -1, 0, 0, 0, 0, 0, 4.5]),
]
# fmt: on


@pytest.mark.parametrize(("name", "arguments", "expected"), KERAS, ids=lambda value: str(value)[:30])
def test_activation_matches_keras(name, arguments, expected):
    y = getattr(activations, name)(X, **arguments)
    assert y.dtype == np.float32
    # relative errors are those of float32; the absolute one is of x / 2 + x / 2 * tanh(..) for large negative x
    np.testing.assert_allclose(y.ravel(), expected, rtol=2e-6, atol=5e-7)


@pytest.mark.parametrize(("name", "arguments", "expected"), KERAS, ids=lambda value: str(value)[:30])
def test_gradient(name, arguments, expected):
    if arguments.get("axis") != 0:  # the batch's
        check_gradient(lambda x: getattr(activations, name)(x, **arguments), rows(4, scale=2.0))


def test_sparsemax_is_the_nearest_point_of_the_simplex():  # Keras 3.15 errs where several numbers are not 0
    np.testing.assert_allclose(activations.sparsemax(X), [[0, 0, 0.15, 0.85], [0, 0, 0, 1]], rtol=1e-6)
    check_gradient(activations.sparsemax, rows(4))


@pytest.mark.parametrize(("name", "slope"), [("leaky_relu", -0.5), ("leaky_relu", 0.0), ("elu", -0.5), ("elu", 0.0)])
def test_gradient_where_the_negative_part_rises_or_is_flat(name, slope):
    check_gradient(lambda x: getattr(activations, name)(x, slope), rows(4))


def test_every_built_in_is_compared():
    names = {each.__name__ for each in _registry._built_in["activations"].values()}
    assert names == {name for name, _, _ in KERAS} | {"sparsemax"}


def test_names():
    assert activations.get(None) is activations.get("linear") is activations.linear
    assert activations.get("swish") is activations.get("silu") is activations.swish is activations.silu
    assert activations.get("hard_swish") is activations.hard_silu
    assert activations.get(np.tanh) is np.tanh


def test_serialized_form_is_the_name():
    for name in ("relu", "softmax", "gelu", "linear"):
        assert activations.serialize(getattr(activations, name)) == name
        assert activations.deserialize(name) is getattr(activations, name)
    assert activations.deserialize(None) is activations.linear


def test_own_function_is_found_by_custom_objects():
    def half(x):
        return 0.5 * x

    config = activations.serialize(half)
    assert activations.deserialize(config, {"half": half}) is half
    assert activations.is_built_in(activations.relu)
    assert not activations.is_built_in(half)


def test_extreme_inputs_stay_finite():
    x = np.array([[-1e4, 1e4]], np.float32)
    for name in (
        "sigmoid",
        "softplus",
        "log_sigmoid",
        "softmax",
        "log_softmax",
        "mish",
        "silu",
        "gelu",
        "tanh",
        "selu",
    ):
        assert np.isfinite(getattr(activations, name)(x)).all(), name


def test_softmax_needs_an_axis_of_the_rows():
    with pytest.raises(ValueError, match="axis"):
        activations.softmax(X, axis=2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: activations.get("rleu"), "unknown activation 'rleu'; did you mean 'relu'"),
        (
            lambda: activations.get("nothing_like_it"),
            "unknown activation 'nothing_like_it'; pass an object of your own",
        ),
        (lambda: activations.serialize(lambda x: x), "a lambda has no name"),
    ],
)
def test_error_messages(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_activations_are_written_in_ops():
    assert ops.relu is not activations.relu
    assert float(activations.relu(3.0)) == 3.0
