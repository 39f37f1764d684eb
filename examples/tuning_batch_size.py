"""Batch size: small batches learn more from an epoch, large ones take less time for it; the rate must follow."""

import time

from example_data import fashion_mnist, options

import mlpcore
from mlpcore.learning_rate import find_learning_rate


def new_model(rate):
    mlpcore.utils.set_random_seed(42)
    dense = mlpcore.layers.Dense
    model = mlpcore.Sequential(
        [
            dense(300, activation="relu"),
            dense(100, activation="relu"),
            dense(10, "softmax"),
        ]
    )
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=mlpcore.optimizers.SGD(rate),
        metrics=["accuracy"],
    )
    return model


def main():
    chosen = options(__doc__)
    data = fashion_mnist(chosen)
    epochs = 2 if chosen.quick else 5
    print(f"{epochs} epochs; accuracy on the validation rows")
    print(
        "batch size | one rate for all (0.1) | rate found by a range test | seconds an epoch"
    )
    for batch_size in (8, 32, 128, 512, 2048):
        accuracies = []
        n_steps = 100 if chosen.quick else 200
        found = find_learning_rate(
            new_model(0.1),
            data.X_train,
            data.y_train,
            batch_size=batch_size,
            n_steps=n_steps,
        )
        for rate in (0.1, found.suggestion):
            model = new_model(rate)
            start = time.perf_counter()
            model.fit(
                data.X_train,
                data.y_train,
                batch_size=batch_size,
                epochs=epochs,
                verbose=0,
            )
            seconds = (time.perf_counter() - start) / epochs
            accuracies.append(model.evaluate(data.X_valid, data.y_valid, verbose=0)[1])
        print(
            f"{batch_size:10d} | {accuracies[0]:22.4f} | {accuracies[1]:.4f} with {found.suggestion:<13.2g} "
            f"| {seconds:16.2f}"
        )


if __name__ == "__main__":
    main()
