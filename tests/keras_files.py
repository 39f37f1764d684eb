"""Write the files of Keras in ``keras_files/`` that tests read where Keras is not installed; run by hand with Keras.

``KERAS_BACKEND=jax python tests/keras_files.py``
"""

import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).with_name("keras_files")


def rows():
    """Return the inputs (8, 6) whose predictions stand beside the models."""
    return np.linspace(-1, 1, 48, dtype=np.float32).reshape(8, 6)


def main():
    import keras

    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,), name="x")
    shared = keras.layers.Dense(4, activation="tanh")
    block = keras.Sequential([keras.layers.Dense(3), keras.layers.BatchNormalization(), keras.layers.Dense(4)])
    hidden = block(shared(keras.layers.Dropout(0.1)(keras.layers.Dense(4, activation="relu")(inputs))))
    joined = keras.layers.Concatenate()([shared(hidden) * 2.0, keras.ops.mean(inputs, axis=-1, keepdims=True)])
    model = keras.Model(inputs, keras.layers.Dense(1, name="out")(joined), name="graph")
    rate = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.5)
    model.compile(keras.optimizers.Adam(rate), loss="mse", metrics=["mae"])
    x = rows()
    model.fit(x, x[:, :1], epochs=3, batch_size=4, verbose=0)
    FOLDER.mkdir(exist_ok=True)
    model.save(FOLDER / "graph.keras")
    numbers = {
        "predictions": model.predict(x, verbose=0).ravel().tolist(),
        "evaluated": model.evaluate(x, x[:, :1], verbose=0),
        "learning_rate": float(model.optimizer.learning_rate),
        "iterations": int(model.optimizer.iterations),
    }
    (FOLDER / "graph.json").write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
