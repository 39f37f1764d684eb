"""Logic gates of threshold logic units: set by hand, learnt, and the one that takes two layers.

Run it with ``python examples/logic_gates.py``.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from mlpcore import MLPClassifier, Perceptron

INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
A, B = INPUTS.T

GATES = {  # name -> (weights of A and B, bias, the truth table it should have)
    "A": ([1, 0], -0.5, A),
    "A AND B": ([1, 1], -1.5, A & B),
    "A OR B": ([1, 1], -0.5, A | B),
    "NOT A": ([-1, 0], 0.5, 1 - A),
    "A AND NOT B": ([1, -1], -0.5, A & (1 - B)),
}
XOR = A ^ B


def fire(X, W, b):
    """Return h(X) = heaviside(X W + b): X (rows, inputs), W (inputs, units), b (units,)."""
    return np.heaviside(X @ W + b, 1).astype(int)


def threshold_unit(weights, bias):
    """Return a Perceptron of one unit whose weights are set rather than learnt."""
    unit = Perceptron(step="heaviside")
    unit.classes_ = np.array([0, 1])
    unit.coef_ = np.array([weights], dtype=float)
    unit.intercept_ = np.array([bias], dtype=float)
    return unit


def gates_by_hand():
    """Compute every gate by one unit, in NumPy and as a Perceptron: {name: outputs (4,)}."""
    outputs = {}
    for name, (weights, bias, _) in GATES.items():
        outputs[name] = threshold_unit(weights, bias).predict(INPUTS)
        assert (fire(INPUTS, np.array([weights]).T, bias)[:, 0] == outputs[name]).all()
    return outputs


def gates_learnt():
    """Learn all the gates at once, one unit per column: outputs (4, gates)."""
    targets = np.column_stack([table for _, _, table in GATES.values()])
    return Perceptron(tol=None, max_iter=50).fit(INPUTS, targets).predict(INPUTS)


def xor_by_one_layer():
    """Return how many of the four rows a single unit gets right; no line separates XOR."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        unit = Perceptron(max_iter=1000, n_iter_no_change=1000).fit(INPUTS, XOR)
    return round(4 * unit.score(INPUTS, XOR))


def xor_by_hand():
    """Compute XOR by two layers of units: (A OR B) AND NOT (A AND B)."""
    hidden = fire(INPUTS, np.array([[1, 1], [1, 1]]), np.array([-0.5, -1.5]))  # OR, AND
    return fire(hidden, np.array([[1], [-1]]), np.array([-0.5]))[:, 0]


def xor_learnt():
    """Learn XOR by a multilayer perceptron of one hidden layer."""
    network = MLPClassifier(
        (4,), activation="tanh", solver="lbfgs", random_state=0, max_iter=200
    )
    return network.fit(INPUTS, XOR).predict(INPUTS)


def main():
    print("A B  " + "  ".join(GATES))
    outputs = gates_by_hand()
    for row, inputs in enumerate(INPUTS):
        cells = (f"{outputs[name][row]:^{len(name)}}" for name in GATES)
        print(*inputs, "", "  ".join(cells))
    tables = np.column_stack([table for _, _, table in GATES.values()])
    print(
        "learnt by a Perceptron of",
        tables.shape[1],
        "units:",
        (gates_learnt() == tables).all(),
    )
    print("XOR by one unit:", xor_by_one_layer(), "of 4 rows right")
    print("XOR by two layers set by hand:", xor_by_hand())
    print("XOR by a multilayer perceptron:", xor_learnt())


if __name__ == "__main__":
    main()
