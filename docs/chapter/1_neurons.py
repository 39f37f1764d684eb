"""
1. From logic gates to the perceptron
=====================================

The first artificial neurons could do no more than a logic gate. That is a good place to begin: everything that a
network does can be seen in a table of four rows.
"""

# %%
# A unit that decides by a threshold
# ----------------------------------
#
# A *threshold logic unit* multiplies each input by a weight, adds a bias, and fires if the sum is not negative:
#
# | z = w₁ x₁ + w₂ x₂ + … + wₙ xₙ + b
# | h(x) = step(z), where step(z) is 1 for z ≥ 0 and 0 for z < 0.
#
# With the right weights, one unit computes NOT, AND, OR and AND NOT. ``examples/logic_gates.py`` sets them by hand.
# This prints what each unit answers to the rows 00, 01, 10 and 11, and whether that is the gate's truth table:

import matplotlib.pyplot as plt
import numpy as np
from logic_gates import GATES, INPUTS, XOR, gates_by_hand, xor_by_hand, xor_by_one_layer
from sklearn.datasets import make_moons

import mlpcore
from mlpcore import plot

outputs = gates_by_hand()
for name, (weights, bias, table) in GATES.items():
    as_wanted = (outputs[name] == table).all()
    print(f"{name:11} weights {weights!s:7}, bias {bias:4}:", outputs[name], as_wanted)

# %%
# A unit that learns
# ------------------
#
# Rosenblatt's *perceptron* finds the weights itself. Whenever the output for a row is wrong, each weight is moved by
# the input it belongs to, towards the right answer:
#
# | w ← w + η (y - ŷ) x,
#
# with a learning rate η. If a line separates the two classes, this comes to an end. If none does, it goes on for ever,
# and XOR is the smallest case: the points (0, 1) and (1, 0) cannot be cut off from (0, 0) and (1, 1) by one line. In
# the pictures, a colour is what the unit answers in that part of the plane.

figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
for ax, name in zip(axes, ["A AND B", "A OR B", "XOR"], strict=True):
    table = XOR if name == "XOR" else GATES[name][2]
    unit = mlpcore.Perceptron(tol=None, max_iter=50).fit(INPUTS, table)
    plot.decision_regions(unit, INPUTS, table, ax=ax, feature_names=("A", "B"))
    ax.set_title(f"{name}: {4 * unit.score(INPUTS, table):.0f} of 4 rows right")
print("XOR by one unit, after 1000 epochs:", xor_by_one_layer(), "of 4 rows right")

# %%
# :class:`~mlpcore.Perceptron` has scikit-learn's parameters and ends with the same weights as scikit-learn's, bit for
# bit where nothing is penalised (``tests/test_perceptron.py`` compares them).
#
# Two layers
# ----------
#
# XOR is (A OR B) AND NOT (A AND B). So two units in a first layer and one in a second are enough, set by hand:

print("XOR by two layers:", xor_by_hand())

# %%
# To *learn* two layers takes one more idea. The step is flat everywhere, so it does not tell in which direction to move
# a weight. A smooth activation does. Here is a *multilayer perceptron* with four hidden units and tanh:

network = mlpcore.MLPClassifier(
    (4,), activation="tanh", solver="lbfgs", random_state=0
).fit(INPUTS, XOR)
print("XOR learnt:", network.predict(INPUTS))

# %%
# With more units it bends around whatever it is shown. On the right, two interleaved half moons:

X, y = make_moons(300, noise=0.15, random_state=0)
moons = mlpcore.MLPClassifier((20, 20), solver="lbfgs", alpha=0.01, random_state=0).fit(
    X, y
)

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
plot.decision_regions(network, INPUTS, XOR, ax=axes[0], feature_names=("A", "B"))
plot.decision_regions(moons, X, y, ax=axes[1])
axes[0].set_title("XOR, 4 hidden units")
_ = axes[1].set_title("two moons, 20 and 20 hidden units")
assert np.array_equal(network.predict(INPUTS), XOR)

# %%
# The next page looks into such a network while it learns. The gates as a script: ``python examples/logic_gates.py``.
