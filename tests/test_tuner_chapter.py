"""The chapter's search, on models that train."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import mlpcore
import mlpcore.tuner as kt

pytest.importorskip("optuna")
RNG = np.random.default_rng(0)
CENTERS = RNG.normal(size=(10, 8, 8))
Y = RNG.integers(0, 10, 400).astype(np.int32)
X = (CENTERS[Y] + 0.8 * RNG.normal(size=(400, 8, 8))).astype(np.float32)
TRAIN, VALID = (X[:300], Y[:300]), (X[300:], Y[300:])


def build_model(hp):
    n_hidden = hp.Int("n_hidden", min_value=0, max_value=8, default=2)
    n_neurons = hp.Int("n_neurons", min_value=16, max_value=256)
    learning_rate = hp.Float("learning_rate", min_value=1e-4, max_value=1e-2, sampling="log")
    optimizer = hp.Choice("optimizer", values=["sgd", "adam"])
    if optimizer == "sgd":
        optimizer = mlpcore.optimizers.SGD(learning_rate=learning_rate)
    else:
        optimizer = mlpcore.optimizers.Adam(learning_rate=learning_rate)

    model = mlpcore.Sequential()
    model.add(mlpcore.layers.Flatten())
    for _ in range(n_hidden):
        model.add(mlpcore.layers.Dense(n_neurons, activation="relu"))
    model.add(mlpcore.layers.Dense(10, activation="softmax"))
    model.compile(loss="sparse_categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    return model


def chapters_search(tmp_path, **options):
    options = {"max_trials": 5, "overwrite": True, "seed": 42} | options
    return kt.RandomSearch(
        build_model, objective="val_accuracy", directory=tmp_path, project_name="my_rnd_search", **options
    )


def test_the_chapters_search_runs_and_its_best_model_comes_back(tmp_path, capsys):
    tuner = chapters_search(tmp_path)
    tuner.search(*TRAIN, epochs=3, validation_data=VALID, verbose=0)
    best = tuner.oracle.get_best_trials()[0]
    assert best.score > 0.5
    for tuner_again in (tuner, chapters_search(tmp_path, overwrite=False)):
        model = tuner_again.get_best_models(num_models=1)[0]
        _, accuracy = model.evaluate(*VALID, verbose=0)
        assert accuracy == pytest.approx(best.score)
    values = tuner.get_best_hyperparameters(num_trials=1)[0].values
    assert list(values) == ["n_hidden", "n_neurons", "learning_rate", "optimizer"]
    fresh = build_model(tuner.get_best_hyperparameters()[0])
    assert len(fresh.layers) == 2 + values["n_hidden"]
    tuner.results_summary(num_trials=1)
    assert f"Score: {best.score}" in capsys.readouterr().out


def test_the_chapters_typing_error_gets_a_suggestion(tmp_path):
    with pytest.raises(TypeError, match=r"fit: unknown argument 'valid_data'; did you mean 'validation_data'\?"):
        chapters_search(tmp_path).search(*TRAIN, epochs=10, valid_data=VALID)


def test_the_seed_decides_the_whole_search_interrupted_or_not(tmp_path):
    scores = []
    for folder, stops in (("whole", [3]), ("parts", [1, 3])):
        for stop in stops:
            tuner = chapters_search(tmp_path / folder, max_trials=stop, overwrite=False)
            tuner.search(*TRAIN, epochs=2, validation_data=VALID, verbose=0)
        scores.append([trial.score for trial in tuner.oracle.trials.values()])
    assert scores[0] == scores[1]
    mlpcore.random.set_seed(1)
    expected = mlpcore.layers.Dense(2)(np.ones((1, 2)))
    mlpcore.random.set_seed(1)
    tuner = chapters_search(tmp_path / "other", max_trials=1)
    tuner.search(*TRAIN, epochs=1, validation_data=VALID, verbose=0)
    assert_array_equal(mlpcore.layers.Dense(2)(np.ones((1, 2))), expected)


def test_hyperband_with_early_stopping_and_a_hypermodel(tmp_path):
    class Net(kt.HyperModel):
        def build(self, hp):
            return build_model(hp)

        def fit(self, hp, model, X, y, **kwargs):
            if hp.Boolean("normalize"):
                X = (X - X.mean()) / X.std()
            return model.fit(X, y, **kwargs)

    tuner = kt.Hyperband(
        Net(), objective="val_accuracy", seed=42, max_epochs=4, factor=2, directory=tmp_path, project_name="hyperband"
    )
    callbacks = [mlpcore.callbacks.EarlyStopping(patience=2)]
    tuner.search(*TRAIN, epochs=10, validation_data=VALID, callbacks=callbacks, verbose=0)
    assert {trial.status for trial in tuner.oracle.trials.values()} == {"PRUNED", "COMPLETED"}
    assert "normalize" in tuner.get_best_hyperparameters()[0].values


def test_each_trial_has_its_page_in_tensorboard(tmp_path):
    pytest.importorskip("tensorboardX")
    tuner = chapters_search(tmp_path, max_trials=2, executions_per_trial=2)
    board = mlpcore.callbacks.TensorBoard(tmp_path / "logs")
    tuner.search(*TRAIN, epochs=1, validation_data=VALID, callbacks=[board], verbose=0)
    folders = sorted(str(path.relative_to(tmp_path / "logs")) for path in (tmp_path / "logs").glob("*/*"))
    assert folders == [f"{trial}/execution{execution}" for trial in "01" for execution in "01"]
    for trial in tuner.oracle.trials.values():
        files = [path for path in (tmp_path / "logs" / trial.trial_id).rglob("*events*") if path.is_file()]
        written = b"".join(path.read_bytes() for path in files)
        assert b"n_neurons" in written
        assert b"learning_rate" in written


def test_a_killed_training_goes_on_from_its_backup(tmp_path):
    class Stop(mlpcore.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(epoch)
            if len(seen) == 2:
                raise KeyboardInterrupt

    seen = []
    tuner = chapters_search(tmp_path, max_trials=1)
    backup = mlpcore.callbacks.BackupAndRestore(tmp_path / "not used")
    arguments = {"epochs": 4, "validation_data": VALID, "callbacks": [Stop(), backup], "verbose": 0}
    with pytest.raises(KeyboardInterrupt):
        tuner.search(*TRAIN, **arguments)
    tuner.search(*TRAIN, **arguments)
    assert seen == [0, 1, 1, 2, 3]
    assert tuner.oracle.get_trial("0").status == "COMPLETED"
    assert not (tmp_path / "not used").exists()
