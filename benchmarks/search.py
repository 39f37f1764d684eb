"""The search of docs/chapter/6_tuning.py by keras-tuner (Keras on JAX) and by mlpcore.tuner, on the same trials.

    python benchmarks/search.py --data FOLDER
    python benchmarks/search.py --quick

keras-tuner draws: it runs the search as it stands there, by default 5 trials of 10 epochs of Fashion-MNIST.
mlpcore.tuner gets the hyperparameters of these trials, so both train the same networks on the same rows for the
same number of steps. Initial weights and orders of rows are each library's own; the accuracies stand side by
side to show that both have learned. Each library works in a process of its own on one thread, silently. The
clock runs from the making of the tuner to the end of its search; imports and data come before it. "outside of
fit" is what the search needs besides training: draws, storage (of mlpcore both are Optuna's), building of models.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from rows import NoData, digits, fashion_mnist
from worker import environment, peak_memory

LIBRARIES = {"keras-tuner": ("keras", "keras_tuner", "jax"), "mlpcore": ("mlpcore", "mlpcore.tuner", "optuna")}
CLOCKS = {"seconds": perf_counter, "processor": process_time}
SEED = 42


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of fashion_mnist.npz (or MLPCORE_DATA)")
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=1, help="how often both search, in turn; medians are reported")
    parser.add_argument("--json", type=Path, help="write every number here")
    parser.add_argument("--quick", action="store_true", help="scikit-learn's digits, two trials of one epoch")
    parser.add_argument("--library", choices=LIBRARIES, help="search with this one, in this process; print JSON")
    parser.add_argument("--values", type=json.loads, help="hyperparameters of the trials, JSON; else they are drawn")
    return parser.parse_args(argv)


def build_model(hp, keras):
    """Return the chapter's model; `keras` is Keras or mlpcore."""
    n_hidden = hp.Int("n_hidden", min_value=0, max_value=8, default=2)
    n_neurons = hp.Int("n_neurons", min_value=16, max_value=256)
    learning_rate = hp.Float("learning_rate", min_value=1e-4, max_value=1e-2, sampling="log")
    optimizer = hp.Choice("optimizer", values=["sgd", "adam"])
    if optimizer == "sgd":
        optimizer = keras.optimizers.SGD(learning_rate=learning_rate)
    else:
        optimizer = keras.optimizers.Adam(learning_rate=learning_rate)
    model = keras.Sequential()
    model.add(keras.layers.Flatten())
    for _ in range(n_hidden):
        model.add(keras.layers.Dense(n_neurons, activation="relu"))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(loss="sparse_categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    return model


def search(args: argparse.Namespace) -> dict:
    """Search with one library; return times, versions, and values and score of each trial."""
    names = LIBRARIES[args.library]
    keras, kt, below = (importlib.import_module(name) for name in names)
    _ = keras.Sequential, keras.layers.Dense, keras.optimizers.Adam  # mlpcore imports a part when it is first asked for
    imported = process_time()
    X, y = digits(1797) if args.quick else fashion_mnist(60000)
    side, n_valid = int(X.shape[1] ** 0.5), len(X) // 12  # 5000 of Fashion-MNIST's
    X = X.reshape(-1, side, side)
    inside = dict.fromkeys(CLOCKS, 0.0)

    class Net(kt.HyperModel):
        def build(self, hp):
            return build_model(hp, keras)

        def fit(self, hp, model, *fit_args, **fit_kwargs):
            begun = {name: clock() for name, clock in CLOCKS.items()}
            history = super().fit(hp, model, *fit_args, **fit_kwargs)
            for name, clock in CLOCKS.items():
                inside[name] += clock() - begun[name]
            return history

    keras.utils.set_random_seed(SEED)
    with tempfile.TemporaryDirectory() as folder:
        begun = {name: clock() for name, clock in CLOCKS.items()}
        tuner = kt.RandomSearch(
            Net(), objective="val_accuracy", max_trials=args.trials, overwrite=True, directory=folder, seed=SEED
        )
        for values in args.values or ():
            tuner.oracle.project.study.enqueue_trial(values)
        tuner.search(
            X[:-n_valid],
            y[:-n_valid],
            epochs=args.epochs,
            validation_data=(X[-n_valid:], y[-n_valid:]),
            verbose=0,
        )
        took = {name: clock() - begun[name] for name, clock in CLOCKS.items()}
        trials = [(dict(trial.hyperparameters.values), trial.score) for trial in tuner.oracle.trials.values()]
    return {
        **took,
        "outside": {name: took[name] - inside[name] for name in CLOCKS},
        "imports": imported,
        "memory_mb": peak_memory(),
        "trials": trials,
        "versions": ", ".join(f"{module.__name__} {module.__version__}" for module in (keras, below)),
    }


def in_process(library: str, args: argparse.Namespace, values: list[dict] | None) -> dict:
    """Search in a process of one thread."""
    command = [sys.executable, __file__, "--library", library, f"--trials={args.trials}", f"--epochs={args.epochs}"]
    command += ["--quick"] if args.quick else []
    command += [f"--values={json.dumps(values)}"] if values else []
    variables = {**environment(1), "KERAS_BACKEND": "jax", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def table(rounds: dict[str, list[dict]]) -> str:
    """Return the trials with both accuracies, the times, and their ratio."""
    theirs, ours = rounds["keras-tuner"], rounds["mlpcore"]
    lines = [f"{'accuracy of each trial':44}keras-tuner   mlpcore"]
    for (values, their_score), (_, our_score) in zip(theirs[0]["trials"], ours[0]["trials"], strict=True):
        told = "{n_hidden} layers of {n_neurons:3}, {optimizer:4}, rate {learning_rate:.6f}".format(**values)
        lines.append(f"{told:44}{their_score:11.4f}{our_score:10.4f}")
    for name, title in (("processor", "processor seconds"), ("seconds", "seconds")):
        a, b = (median(one[name] for one in each) for each in (theirs, ours))
        lines.append(f"{title:44}{a:11.1f}{b:10.1f}   {a / b:.1f} x")
        a, b = (median(one["outside"][name] / one[name] for one in each) for each in (theirs, ours))
        lines.append(f"{'  of these outside of fit':44}{a:11.2%}{b:10.2%}")
    for name, title in (("imports", "processor seconds of imports before"), ("memory_mb", "most memory, MB")):
        a, b = (median(one[name] for one in each) for each in (theirs, ours))
        lines.append(f"{title:44}{a:11.1f}{b:10.1f}")
    return "\n".join([*lines, f"versions: {theirs[0]['versions']}; {ours[0]['versions']}"])


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    if args.data:
        os.environ["MLPCORE_DATA"] = str(args.data.resolve())
    if args.quick:
        args.trials, args.epochs = 2, 1
    if args.library:
        try:
            print(json.dumps(search(args)))
        except NoData as reason:
            sys.exit(str(reason))
        return
    rounds: dict[str, list[dict]] = {name: [] for name in LIBRARIES}
    for _ in range(args.rounds):
        rounds["keras-tuner"].append(in_process("keras-tuner", args, None))
        values = [values for values, _ in rounds["keras-tuner"][-1]["trials"]]
        rounds["mlpcore"].append(in_process("mlpcore", args, values))
        assert [each for each, _ in rounds["mlpcore"][-1]["trials"]] == values
    print(table(rounds))
    if args.json:
        args.json.write_text(json.dumps(rounds, indent=1))


if __name__ == "__main__":
    main()
