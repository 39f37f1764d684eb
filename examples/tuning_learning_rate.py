"""Learning rate: a range test, what training with its suggestion gives, and schedules from there."""

from example_data import fashion_mnist, options

import mlpcore
from mlpcore.learning_rate import find_learning_rate


def new_model(optimizer):
    mlpcore.utils.set_random_seed(42)
    dense = mlpcore.layers.Dense
    model = mlpcore.Sequential(
        [dense(300, "relu"), dense(100, "relu"), dense(10, "softmax")]
    )
    model.compile(
        loss="sparse_categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"]
    )
    return model


def main(show=False):
    chosen = options(__doc__)
    data = fashion_mnist(chosen)
    epochs, n_steps = (3, 150) if chosen.quick else (8, 500)
    found = find_learning_rate(
        new_model("sgd"), data.X_train, data.y_train, min_rate=1e-5, n_steps=n_steps
    )
    print(found)
    if show:
        found.plot()
    schedules = mlpcore.optimizers.schedules
    n_batches = epochs * -(-len(data.X_train) // 32)
    rate = found.suggestion
    rates = {
        "a thirtieth of the suggestion": rate / 30,
        "a fifth of the suggestion": rate / 5,
        "the suggestion": rate,
        "ten times the suggestion": rate * 10,
        "exponential decay from it": schedules.ExponentialDecay(
            rate, n_batches // 4, 0.5
        ),
        "cosine decay from twice it": schedules.CosineDecay(2 * rate, n_batches),
    }
    print(f"{epochs} epochs of plain SGD, batches of 32")
    for name, learning_rate in rates.items():
        model = new_model(mlpcore.optimizers.SGD(learning_rate))
        history = model.fit(
            data.X_train,
            data.y_train,
            epochs=epochs,
            validation_data=(data.X_valid, data.y_valid),
            verbose=0,
        ).history
        print(
            f"{name:32}: training loss {history['loss'][-1]:.4f}, accuracy {history['val_accuracy'][-1]:.4f}"
        )
    return found


if __name__ == "__main__":
    main()
