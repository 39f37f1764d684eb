"""Stretch pants: a network larger than needed, with early stopping, against networks cut to size."""

from example_data import california_housing, options

import mlpcore


def fitted(widths, data, epochs, patience):
    mlpcore.utils.set_random_seed(42)
    model = mlpcore.Sequential()
    for width in widths:
        model.add(
            mlpcore.layers.Dense(width, activation="relu", kernel_initializer="he_normal")
        )
    model.add(mlpcore.layers.Dense(1))
    model.compile(loss="mse", optimizer=mlpcore.optimizers.Adam(3e-3))
    callbacks = []
    if patience:
        callbacks = [
            mlpcore.callbacks.EarlyStopping(patience=patience, restore_best_weights=True)
        ]
    history = model.fit(
        data.X_train,
        data.y_train[:, None],
        batch_size=64,
        epochs=epochs,
        validation_data=(data.X_valid, data.y_valid[:, None]),
        callbacks=callbacks,
        verbose=0,
    )
    losses = history.history["val_loss"]
    return (
        model.evaluate(data.X_test, data.y_test[:, None], verbose=0) ** 0.5,
        len(losses),
        min(losses) ** 0.5,
    )


def main():
    chosen = options(__doc__)
    data = california_housing(chosen)
    epochs, patience = (30, 5) if chosen.quick else (300, 20)
    print(f"up to {epochs} epochs; error on the test rows (root mean square)")
    print("hidden layers     | to the end | stopped early (epochs)")
    for widths in ((4,), (16,), (50, 50), (300, 300, 300)):
        end, _, _ = fitted(widths, data, epochs, None)
        early, n_epochs, _ = fitted(widths, data, epochs, patience)
        print(f"{'-'.join(map(str, widths)):17} | {end:10.4f} | {early:.4f} ({n_epochs})")


if __name__ == "__main__":
    main()
