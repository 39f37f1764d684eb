"""Number of hidden layers and of neurons: how deep, how wide, and pyramid or equal widths."""

import time

from example_data import fashion_mnist, options

import mlpcore


def accuracy_and_time(widths, data, epochs):
    mlpcore.utils.set_random_seed(42)
    model = mlpcore.Sequential()
    for width in widths:
        model.add(
            mlpcore.layers.Dense(width, activation="relu", kernel_initializer="he_normal")
        )
    model.add(mlpcore.layers.Dense(10, activation="softmax"))
    model.compile(
        loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"]
    )
    start = time.perf_counter()
    history = model.fit(
        data.X_train,
        data.y_train,
        batch_size=64,
        epochs=epochs,
        validation_data=(data.X_valid, data.y_valid),
        verbose=0,
    )
    return (
        max(history.history["val_accuracy"]),
        model.count_params(),
        time.perf_counter() - start,
    )


def main():
    chosen = options(__doc__)
    data = fashion_mnist(chosen)
    epochs = 2 if chosen.quick else 8
    groups = {
        "depth, 100 neurons in each layer": [(100,) * depth for depth in range(6)],
        "width, two hidden layers": [(width,) * 2 for width in (8, 32, 100, 300)],
        "pyramid against equal widths": [
            (300, 200, 100),
            (200, 200, 200),
            (100, 200, 300),
        ],
    }
    for title, shapes in groups.items():
        print(f"\n{title}; {epochs} epochs")
        for widths in shapes:
            accuracy, n_parameters, seconds = accuracy_and_time(widths, data, epochs)
            shape = "-".join(map(str, widths)) or "no hidden layer"
            print(
                f"  {shape:>20}: accuracy {accuracy:.4f}, {n_parameters:7d} parameters, {seconds:5.1f} s"
            )


if __name__ == "__main__":
    main()
