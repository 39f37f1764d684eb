"""Choice of the optimizer: each with the rate that suits it best of a few, on the same network."""

import time

from example_data import fashion_mnist, options

import mlpcore

OPTIMIZERS = {  # name -> how to make it, the rates to try
    "SGD": (lambda rate: mlpcore.optimizers.SGD(rate), (0.01, 0.1, 0.3)),
    "SGD, momentum 0.9": (
        lambda rate: mlpcore.optimizers.SGD(rate, momentum=0.9),
        (0.003, 0.01, 0.03),
    ),
    "SGD, Nesterov": (
        lambda rate: mlpcore.optimizers.SGD(rate, momentum=0.9, nesterov=True),
        (0.003, 0.01, 0.03),
    ),
    "Adagrad": (lambda rate: mlpcore.optimizers.Adagrad(rate), (0.003, 0.01, 0.03)),
    "RMSprop": (lambda rate: mlpcore.optimizers.RMSprop(rate), (0.0003, 0.001, 0.003)),
    "Adam": (lambda rate: mlpcore.optimizers.Adam(rate), (0.0003, 0.001, 0.003)),
    "Nadam": (lambda rate: mlpcore.optimizers.Nadam(rate), (0.0003, 0.001, 0.003)),
    "AdamW": (lambda rate: mlpcore.optimizers.AdamW(rate), (0.0003, 0.001, 0.003)),
}


def fitted(optimizer, data, epochs):
    mlpcore.utils.set_random_seed(42)
    dense = mlpcore.layers.Dense
    model = mlpcore.Sequential(
        [
            dense(100, "relu", kernel_initializer="he_normal"),
            dense(100, "relu", kernel_initializer="he_normal"),
            dense(10, "softmax"),
        ]
    )
    model.compile(
        loss="sparse_categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"]
    )
    start = time.perf_counter()
    history = model.fit(
        data.X_train,
        data.y_train,
        epochs=epochs,
        validation_data=(data.X_valid, data.y_valid),
        verbose=0,
    )
    return history.history, time.perf_counter() - start


def main():
    chosen = options(__doc__)
    data = fashion_mnist(chosen)
    epochs = 2 if chosen.quick else 5
    print(f"{epochs} epochs of batches of 32; the best of three rates")
    print(
        "                  | rate   | training loss | validation loss | accuracy | s an epoch"
    )
    for name, (make, rates) in OPTIMIZERS.items():
        results = [(fitted(make(rate), data, epochs), rate) for rate in rates]
        (history, seconds), rate = min(
            results, key=lambda result: result[0][0]["val_loss"][-1]
        )
        loss, val_loss, accuracy = (
            history[key][-1] for key in ("loss", "val_loss", "val_accuracy")
        )
        print(
            f"{name:18}| {rate:<6g} | {loss:13.4f} | {val_loss:15.4f} | {accuracy:.4f}   "
            f"| {seconds / epochs:.2f}"
        )


if __name__ == "__main__":
    main()
