"""Small trainings that use each layer; run as a script beside Keras 3, it prints what Keras makes of them."""

import numpy as np

N_ROWS, N_FEATURES = 40, 6


def numbers(*shape, phase=0.0):
    """Return numbers that look random and need no generator."""
    return np.sin(1 + phase + 0.7 * np.arange(np.prod(shape, dtype=int)) ** 1.1).reshape(shape)


X = (2 * numbers(N_ROWS, N_FEATURES)).astype(np.float32)
Y = (X[:, :1] * X[:, 1:2] + 0.5 * X[:, 2:3] ** 2).astype(np.float32)
STEPS = (np.arange(N_ROWS * 5).reshape(N_ROWS, 5) * 7 % 11).astype(np.int32)

# name -> the layers between the input and a last Dense(1), by their module, and by the modules of Keras
CASES = {
    "Dense tanh": lambda k: [k.layers.Dense(5, "tanh")],
    "Dense of a sequence": lambda k: [k.layers.Reshape((3, 2)), k.layers.Dense(4, "elu"), k.layers.Flatten()],
    "Dense without bias": lambda k: [k.layers.Dense(5, "silu", use_bias=False)],
    "Dense with l2": lambda k: [k.layers.Dense(5, "softplus", kernel_regularizer=k.regularizers.L2(0.02))],
    "Dense with l1 and l2": lambda k: [
        k.layers.Dense(5, "relu", kernel_regularizer=k.regularizers.L1L2(0.02, 0.01), bias_regularizer="l2")
    ],
    "Dense with an activity penalty": lambda k: [
        k.layers.Dense(5, "tanh", activity_regularizer=k.regularizers.L1L2(0.01, 0.02))
    ],
    "Dense with constraints": lambda k: [
        k.layers.Dense(5, "tanh", kernel_constraint=k.constraints.MaxNorm(0.5), bias_constraint="non_neg"),
        k.layers.Dense(4, "tanh", kernel_constraint=k.constraints.UnitNorm()),
        k.layers.Dense(4, "tanh", kernel_constraint=k.constraints.MinMaxNorm(0.4, 0.8, rate=0.5)),
    ],
    "Dense with orthogonal rows": lambda k: [
        k.layers.Dense(5, kernel_regularizer=k.regularizers.OrthogonalRegularizer(0.05))
    ],
    "BatchNormalization": lambda k: [k.layers.Dense(5, use_bias=False), k.layers.BatchNormalization(momentum=0.8)],
    "BatchNormalization of a sequence": lambda k: [
        k.layers.Reshape((3, 2)),
        k.layers.BatchNormalization(axis=1, momentum=0.8, epsilon=0.01),
        k.layers.Flatten(),
    ],
    "frozen BatchNormalization": lambda k: [k.layers.Dense(5), k.layers.BatchNormalization(trainable=False)],
    "LayerNormalization": lambda k: [k.layers.Dense(5, "relu"), k.layers.LayerNormalization()],
    "activations": lambda k: [
        k.layers.Dense(5),
        k.layers.LeakyReLU(),
        k.layers.Dense(5),
        k.layers.ELU(),
        k.layers.Dense(5),
        k.layers.PReLU(),
        k.layers.Dense(5),
        k.layers.ReLU(max_value=1.0, negative_slope=0.1),
        k.layers.Dense(5),
        k.layers.Softmax(),
    ],
    "gelu": lambda k: [k.layers.Dense(5), k.layers.Activation("gelu"), k.layers.Dense(5, "mish")],
    "selu and softsign": lambda k: [k.layers.Dense(5, "selu"), k.layers.Dense(5, "softsign")],
    "hard activations": lambda k: [k.layers.Dense(5, "hard_sigmoid"), k.layers.Dense(5, "hard_silu")],
    "moved numbers": lambda k: [
        k.layers.Reshape((2, 3)),
        k.layers.Permute((2, 1)),
        k.layers.GlobalAveragePooling1D(),
        k.layers.RepeatVector(2),
        k.layers.Flatten(),
    ],
    "TimeDistributed": lambda k: [
        k.layers.Reshape((3, 2)),
        k.layers.TimeDistributed(k.layers.Dense(4, "tanh")),
        k.layers.TimeDistributed(k.layers.LayerNormalization()),
        k.layers.Flatten(),
    ],
    "Rescaling": lambda k: [k.layers.Rescaling(0.5, offset=0.1), k.layers.Dense(4, "relu")],
    "given Normalization": lambda k: [k.layers.Normalization(mean=0.5, variance=2.0), k.layers.Dense(4, "relu")],
    "ActivityRegularization": lambda k: [k.layers.Dense(4), k.layers.ActivityRegularization(l2=0.05)],
    "Embedding": lambda k: [k.layers.Embedding(11, 3, embeddings_regularizer="l2"), k.layers.Flatten()],
}


def start_values(weights):
    """Return initial values for weights of these names and shapes."""
    values = []
    for place, (name, shape) in enumerate(weights):
        value = 0.4 * numbers(*shape, phase=place)
        values.append(0.5 + value**2 if name in {"gamma", "moving_variance"} else value)
    return values


def trained(k, name):
    """Train the case of that name with Keras, or with what calls itself so.

    Parameters
    ----------
    k : module
        Has `layers`, `regularizers`, `constraints`, `Sequential`, `optimizers`.

    Returns
    -------
    losses : list of float
        Of five epochs.
    sums : list of float
        For each weight, its sum of squares at the end.
    """
    x = STEPS if name == "Embedding" else X
    inputs = k.layers.Input(x.shape[1:], dtype="int32" if name == "Embedding" else "float32")
    model = k.Sequential([inputs, *CASES[name](k), k.layers.Dense(1)])
    model.set_weights(start_values([(w.name, tuple(w.shape)) for w in model.weights]))
    model.compile(loss="mse", optimizer=k.optimizers.Adam(0.02))
    history = model.fit(x, Y, batch_size=16, epochs=5, shuffle=False, verbose=0)
    sums = [float(np.sum(np.square(w.astype(np.float64)))) for w in model.get_weights()]
    return [float(loss) for loss in history.history["loss"]], sums


def main():
    """Print what Keras gives."""
    import keras

    print(
        f"# Keras {keras.__version__} on {keras.backend.backend()}: losses of five epochs, sums of squares of weights"
    )
    for name in CASES:
        losses, sums = trained(keras, name)
        print(f"    {name!r}: ({[float(f'{v:.6g}') for v in losses]}, {[float(f'{v:.6g}') for v in sums]}),")


if __name__ == "__main__":
    main()
