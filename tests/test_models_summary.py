"""summary: Keras' tables, character by character."""

import numpy as np
import pytest

import mlpcore
from mlpcore import Input, Model, Sequential, layers, ops


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    mlpcore.utils.clear_session()
    monkeypatch.setenv("COLUMNS", "80")


def summary(model, **kwargs):
    lines = []
    model.summary(print_fn=lines.append, **kwargs)
    return "\n".join(lines)


def two_inputs():
    wide, deep = Input((5,), name="wide"), Input((6,), name="deep")
    h = Sequential([layers.Dense(4), layers.Dense(3)], name="inner")(deep)
    shared = layers.Dense(5, name="shared")
    c = layers.concatenate([shared(wide), shared(layers.Dense(5, name="before")(wide)), h])
    return Model([wide, deep], [layers.Dense(1, name="main")(ops.relu(c) + 1.0), layers.Dense(1, name="aux")(h)])


def test_a_sequential_model():
    model = Sequential([Input((28, 28)), layers.Flatten(), layers.Dense(300), layers.Dense(10, name="n" * 40)])
    assert (
        summary(model)
        == """\
Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ flatten (Flatten)               │ (None, 784)            │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense (Dense)                   │ (None, 300)            │       235,500 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ nnnnnnnnnnnnnnnnnnnnnnnnnnnnnn… │ (None, 10)             │         3,010 │
│ (Dense)                         │                        │               │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 238,510 (931.68 KB)
 Trainable params: 238,510 (931.68 KB)
 Non-trainable params: 0 (0.00 B)"""
    )


def test_a_model_of_two_inputs_tells_connections():
    assert (
        summary(two_inputs())
        == """\
Model: "functional"
┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┓
┃ Layer (type)        ┃ Output Shape      ┃    Param # ┃ Connected to      ┃
┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━┩
│ wide (InputLayer)   │ (None, 5)         │          0 │ -                 │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ before (Dense)      │ (None, 5)         │         30 │ wide[0][0]        │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ deep (InputLayer)   │ (None, 6)         │          0 │ -                 │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ shared (Dense)      │ (None, 5)         │         30 │ wide[0][0],       │
│                     │                   │            │ before[0][0]      │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ inner (Sequential)  │ (None, 3)         │         43 │ deep[0][0]        │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ concatenate         │ (None, 13)        │          0 │ shared[0][0],     │
│ (Concatenate)       │                   │            │ shared[1][0],     │
│                     │                   │            │ inner[0][0]       │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ relu (Relu)         │ (None, 13)        │          0 │ concatenate[0][0] │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ add (Add)           │ (None, 13)        │          0 │ relu[0][0]        │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ main (Dense)        │ (None, 1)         │         14 │ add[0][0]         │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ aux (Dense)         │ (None, 1)         │          4 │ inner[0][0]       │
└─────────────────────┴───────────────────┴────────────┴───────────────────┘
 Total params: 121 (484.00 B)
 Trainable params: 121 (484.00 B)
 Non-trainable params: 0 (0.00 B)"""
    )


def test_nested_models_expand_and_training_is_told():
    model = two_inputs()
    model.get_layer("inner").trainable = False
    text = summary(model, expand_nested=True, show_trainable=True, line_length=120)
    assert "│    └ dense (Dense)            │ (None, 4)  " in text
    assert all(len(line) == 120 for line in text.splitlines()[1:-3])
    rows = {line.split()[1]: line.split()[-2] for line in text.splitlines() if "(Dense)" in line or "Input" in line}
    assert rows["wide"] == "-"
    assert rows["main"] == "Y"
    assert " Non-trainable params: 43 (172.00 B)" in text


def test_a_range_of_layers():
    text = summary(two_inputs(), layer_range=["shared", "inner"])
    assert "shared (Dense)" in text
    assert "main" not in text
    with pytest.raises(ValueError, match="layer_range names the layer 'shard'; did you mean 'shared'"):
        summary(two_inputs(), layer_range=["shard", "inner"])


def test_what_is_not_known_yet():
    assert "│ dense (Dense)                   │ ?                      │   0 (unbuilt) │" in summary(
        Sequential([layers.Dense(3)])
    )


def test_a_subclass_lists_its_layers():
    class Net(Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = layers.Dense(3), layers.Dense(1)

        def call(self, x):
            return self.b(self.a(x))

    net = Net()
    net(np.ones((2, 4)))
    assert "│ dense (Dense)                   │ (None, 3)              │            15 │" in summary(net)


def test_a_trained_model_counts_the_optimizer(capsys):
    model = Sequential([layers.BatchNormalization(), layers.Dense(2)])
    model.compile(loss="mse", optimizer="adam")
    model.fit(np.ones((4, 4)), np.ones((4, 2)), verbose=0)
    model.summary()
    assert " Optimizer params: 38 (152.00 B)\n" in capsys.readouterr().out


def test_columns_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="3 columns do not fit a line of 10 characters"):
        summary(Sequential([layers.Dense(1)]), line_length=10)
