"""Search four hyperparameters at once: random search, Bayesian optimization and Hyperband side by side.

Their folder is a temporary one here. In a folder that stays, a search that was killed goes on where it was.
"""

import tempfile
import time
from pathlib import Path

from example_data import fashion_mnist, options, told

import mlpcore
import mlpcore.tuner as kt


def build_model(hp):
    n_hidden = hp.Int("n_hidden", min_value=0, max_value=8, default=2)
    n_neurons = hp.Int("n_neurons", min_value=16, max_value=256)
    learning_rate = hp.Float(
        "learning_rate", min_value=1e-4, max_value=1e-2, sampling="log"
    )
    optimizer = hp.Choice("optimizer", values=["sgd", "adam"])
    if optimizer == "sgd":
        optimizer = mlpcore.optimizers.SGD(learning_rate=learning_rate)
    else:
        optimizer = mlpcore.optimizers.Adam(learning_rate=learning_rate)

    model = mlpcore.Sequential()
    model.add(mlpcore.layers.Flatten())
    for _ in range(n_hidden):
        model.add(mlpcore.layers.Dense(n_neurons, activation="relu"))
    model.add(mlpcore.layers.Dense(10, activation="softmax"))
    model.compile(
        loss="sparse_categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"]
    )
    return model


def main():
    chosen = options(__doc__)
    data = fashion_mnist(chosen)
    n_trials, epochs = (3, 3) if chosen.quick else (10, 10)
    with tempfile.TemporaryDirectory() as folder:
        common = {"objective": "val_accuracy", "directory": Path(folder), "seed": 42}
        tuners = [
            kt.RandomSearch(
                build_model, max_trials=n_trials, project_name="random", **common
            ),
            kt.BayesianOptimization(
                build_model,
                max_trials=n_trials,
                num_initial_points=4,
                project_name="bayesian",
                **common,
            ),
            kt.Hyperband(
                build_model,
                max_epochs=epochs,
                factor=3,
                project_name="hyperband",
                **common,
            ),
        ]
        for tuner in tuners:
            start = time.perf_counter()
            tuner.search(
                data.X_train,
                data.y_train,
                epochs=epochs,
                validation_data=(data.X_valid, data.y_valid),
                verbose=0,
            )
            seconds = time.perf_counter() - start
            best = tuner.oracle.get_best_trials()[0]
            model = tuner.get_best_models()[0]
            _, accuracy = model.evaluate(data.X_test, data.y_test, verbose=0)
            print(
                f"\n{type(tuner).__name__}: {len(tuner.oracle.trials)} trials in {seconds:.1f} s"
            )
            print(
                f"  best validation accuracy {best.score:.4f}, its test accuracy {accuracy:.4f}"
            )
            print(f"  {told(best.hyperparameters.values)}")


if __name__ == "__main__":
    main()
