"""Runs one search in a process of its own, which tests kill: `search_in_process.py KIND FOLDER PAUSE`."""

import os
import sys
import time
from pathlib import Path

import numpy as np

import mlpcore
import mlpcore.tuner as kt
from pretend_model import build_pretend_model


def build_small(hp):
    """Ask for few values, so that a grid has an end."""
    from pretend_model import PretendModel

    units = hp.Choice("units", [8, 16, 32])
    if hp.Boolean("momentum"):
        return PretendModel(0.5 + units / 256 + hp.Choice("rate", [0.01, 0.02, 0.03]))
    return PretendModel(0.5 + units / 256)


class Trained(kt.HyperModel):
    """A model that really trains, on few rows."""

    def build(self, hp):
        model = mlpcore.Sequential([mlpcore.layers.Dense(hp.Int("units", 4, 64), "relu"), mlpcore.layers.Dense(1)])
        model.compile(loss="mse", optimizer=mlpcore.optimizers.Adam(hp.Float("rate", 1e-3, 1e-1, sampling="log")))
        return model

    def fit(self, hp, model, pause, **arguments):
        time.sleep(pause)
        X = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
        return model.fit(X, X**2, validation_data=(X, X**2), **arguments)


class CrossValidated(kt.SklearnTuner):
    """A search over estimators, with the arguments that the others' search takes."""

    def __init__(self, **options):
        oracle = kt.oracles.RandomSearchOracle(kt.Objective("score", "max"), 8, options.pop("seed"))
        super().__init__(oracle, self.estimator, cv=2, **options)

    @staticmethod
    def estimator(hp):
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(hp.Int("n_neighbors", 1, 30))

    def search(self, pause, epochs, verbose):
        self.pause = pause
        X = np.random.default_rng(0).normal(size=(80, 2))
        super().search(X, X[:, 0] > 0, verbose=verbose)

    def run_trial(self, trial, *args, **kwargs):
        time.sleep(self.pause)
        return super().run_trial(trial, *args, **kwargs)


SEARCHES = {  # kind -> tuner, number of trials that it ends with
    "random": (lambda **o: kt.RandomSearch(build_pretend_model, "val_accuracy", 8, **o), 8),
    "grid": (lambda **o: kt.GridSearch(build_small, "val_accuracy", **o), 12),
    "bayesian": (
        lambda **o: kt.BayesianOptimization(build_pretend_model, "val_accuracy", 8, num_initial_points=3, **o),
        8,
    ),
    "trained": (lambda **o: kt.RandomSearch(Trained(), "val_loss", 8, **o), 8),
    "hyperband": (lambda **o: kt.Hyperband(build_pretend_model, "val_accuracy", max_epochs=4, factor=2, **o), 10),
    "sklearn": (CrossValidated, 8),
}


def make_tuner(kind, folder):
    """Open the search in a folder."""
    tuner, n_trials = SEARCHES[kind]
    return tuner(seed=3, directory=folder, project_name=kind), n_trials


def main(kind, folder, pause):
    """Search; write down each start of a trial."""
    tuner, _ = make_tuner(kind, folder)
    run_trial = tuner.run_trial

    def noted(trial, *args, **kwargs):
        with open(Path(folder) / "starts.txt", "a") as file:
            file.write(f"{trial.trial_id} {os.getpid()}\n")
        return run_trial(trial, *args, **kwargs)

    tuner.run_trial = noted
    tuner.search(float(pause), epochs=3, verbose=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
