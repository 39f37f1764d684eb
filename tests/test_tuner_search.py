"""Tuners: what trials get, what they leave behind, what is printed."""

import subprocess
import sys

import numpy as np
import pytest

import mlpcore
import mlpcore.tuner as kt
from mlpcore.callbacks import Callback
from pretend_model import PretendModel, build_pretend_model

optuna = pytest.importorskip("optuna")


def random_search(tmp_path, build=build_pretend_model, max_trials=4, **options):
    options = {"objective": "val_accuracy", "seed": 0, "directory": tmp_path, "project_name": "p"} | options
    return kt.RandomSearch(build, max_trials=max_trials, **options)


def test_importing_the_tuner_loads_neither_optuna_nor_scikit_learn():
    code = "import mlpcore.tuner, sys; print([m for m in ('optuna', 'sklearn', 'scipy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_without_optuna_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r"pip install 'mlpcore\[tuner\]'"):
        random_search(tmp_path)


def test_the_best_models_have_the_weights_of_their_best_epochs(tmp_path):
    class Falling(PretendModel):
        def fit(self, *args, callbacks, epochs, **kwargs):
            history = type("History", (), {"history": {"val_accuracy": []}})()
            for callback in callbacks:
                callback.set_model(self)
                callback.on_train_begin()
            for epoch in range(epochs):
                self.built, self.epochs = True, epoch + 1
                history.history["val_accuracy"].append(self.best - abs(epoch - 2) / 10)
                for callback in callbacks:
                    callback.on_epoch_end(epoch, {"val_accuracy": history.history["val_accuracy"][-1]})
            return history

    tuner = random_search(tmp_path, lambda hp: Falling(hp.Float("best", 0, 1)))
    tuner.search(epochs=6, verbose=0)
    trials = tuner.oracle.get_best_trials(4)
    assert [trial.score for trial in trials] == sorted((t.score for t in trials), reverse=True)
    assert all(trial.best_step == 2 for trial in trials)
    assert all(trial.score == trial.hyperparameters["best"] for trial in trials)
    models = tuner.get_best_models(2)
    assert [model.best for model in models] == [trial.score for trial in trials[:2]]
    assert [model.epochs for model in models] == [3, 3]
    assert tuner.get_best_hyperparameters()[0].values == trials[0].hyperparameters.values
    assert tuner.oracle.get_best_trials(1)[0].metrics.get_last_value("val_accuracy") == trials[0].score


def test_subclassed_models_are_searched(tmp_path):
    class Net(mlpcore.Model):
        def __init__(self, units):
            super().__init__()
            self.hidden = mlpcore.layers.Dense(units, activation="relu")
            self.out = mlpcore.layers.Dense(1)

        def call(self, inputs):
            return self.out(self.hidden(inputs))

    def build(hp):
        model = Net(hp.Int("units", 2, 4))
        model.compile(loss="mse", optimizer="adam")
        return model

    tuner = random_search(tmp_path, build, objective="val_loss", max_trials=2)
    x = np.random.default_rng(0).normal(size=(20, 3))
    tuner.search(x, x[:, 0], epochs=2, validation_data=(x, x[:, 0]), verbose=0)
    (model,) = tuner.get_best_models(1)
    assert model.evaluate(x, x[:, 0], verbose=0) == pytest.approx(tuner.oracle.get_best_trials(1)[0].score, rel=1e-5)


def test_fit_gets_the_arguments_and_each_trial_its_copies_of_callbacks(tmp_path):
    seen = []

    class Counter(Callback):
        def __init__(self):
            super().__init__()
            self.epochs = 0

        def on_epoch_end(self, epoch, logs=None):
            self.epochs += 1
            seen.append((id(self), self.epochs))

    counter = Counter()
    tuner = random_search(tmp_path, max_trials=2, executions_per_trial=2)
    tuner.search(0.0, epochs=3, validation_data=(1, 2), callbacks=[counter], verbose=0)
    assert counter.epochs == 0
    assert [epochs for _, epochs in seen] == [1, 2, 3] * 4
    assert tuner.oracle.get_trial("0").score == pytest.approx(
        np.mean([tuner.oracle.get_trial("0").metrics.get_last_value("val_accuracy")])
    )


def test_callbacks_that_cannot_be_copied_are_named(tmp_path):
    class Stubborn(Callback):
        def __deepcopy__(self, memo):
            raise RuntimeError("no")

    tuner = random_search(tmp_path, max_consecutive_failed_trials=1)
    with pytest.warns(RuntimeWarning, match=r"trial \d failed"), pytest.raises(RuntimeError, match="deepcopy fails"):
        tuner.search(0.0, callbacks=[Stubborn()], verbose=0)


def test_a_misspelt_argument_is_refused_before_the_first_trial(tmp_path):
    tuner = random_search(tmp_path)
    with pytest.raises(TypeError, match=r"fit: unknown argument 'valid_data'; did you mean 'validation_data'\?"):
        tuner.search(0.0, epochs=10, valid_data=(1, 2))
    assert tuner.oracle.trials == {}


def test_hypermodels_may_have_hyperparameters_of_fit(tmp_path):
    class Net(kt.HyperModel):
        def build(self, hp):
            return build_pretend_model(hp)

        def fit(self, hp, model, *args, **kwargs):
            return model.fit(*args, batch_size=hp.Choice("batch_size", [16, 32]), **kwargs)

    tuner = random_search(tmp_path, Net())
    tuner.search(0.0, epochs=1, verbose=0)
    assert {trial.hyperparameters["batch_size"] for trial in tuner.oracle.trials.values()} <= {16, 32}
    assert "batch_size" in [each.name for each in tuner.oracle.get_space().space]


def test_a_fit_that_drops_the_callbacks_is_told_so(tmp_path):
    class Net(kt.HyperModel):
        def build(self, hp):
            return build_pretend_model(hp)

        def fit(self, hp, model, *args, **kwargs):
            return 0.5

    tuner = random_search(tmp_path, Net(), max_trials=1)
    tuner.search(0.0, verbose=0)
    with pytest.raises(FileNotFoundError, match=r"trial 0 left no weights.* must pass its callbacks on"):
        tuner.get_best_models()


@pytest.mark.parametrize(
    ("returned", "score"),
    [(0.25, 0.25), ({"val_accuracy": 0.5, "loss": 1.0}, 0.5), ([0.25, {"val_accuracy": 0.75}], 0.5)],
)
def test_trials_may_return_numbers_and_dicts(tmp_path, returned, score):
    class Own(kt.RandomSearch):
        def run_trial(self, trial, x):
            assert x == "rows"
            trial.hyperparameters.Float("x", 0, 1)
            return returned

    tuner = Own(objective="val_accuracy", max_trials=2, directory=tmp_path)
    tuner.search("rows")
    assert [trial.score for trial in tuner.oracle.trials.values()] == [score] * 2


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, r"must return a History, a dict of metrics, a number or a list of these, got NoneType"),
        ({"val_accuracy_": 1.0}, r"returned no 'val_accuracy', but \['val_accuracy_'\]; did you mean 'val_accuracy_'"),
        ({"loss": 1.0}, r"pass validation_data or validation_split to search\(\)"),
        (float("nan"), r"val_accuracy is NaN"),
    ],
)
def test_failing_trials_are_kept_with_their_error_and_end_the_search(tmp_path, returned, message):
    class Own(kt.RandomSearch):
        def run_trial(self, trial):
            trial.hyperparameters.Float("x", 0, 1)
            return returned

    tuner = Own(objective="val_accuracy", max_trials=9, directory=tmp_path, max_retries_per_trial=1)
    failed = pytest.raises(RuntimeError, match=f"(?s)3 trials in a row failed.*{message}")
    with pytest.warns(RuntimeWarning, match=rf"trial \d failed: .*{message}"), failed:
        tuner.search()
    assert [trial.status for trial in tuner.oracle.trials.values()] == ["FAILED"] * 3
    assert tuner.oracle.get_best_trials(9) == []


def test_a_failed_trial_is_retried(tmp_path):
    attempts = []

    class Own(kt.RandomSearch):
        def run_trial(self, trial):
            attempts.append(trial.hyperparameters.Float("x", 0, 1))
            if len(attempts) == 1:
                raise ValueError("once")
            return 1.0

    tuner = Own(max_trials=1, directory=tmp_path, max_retries_per_trial=1)
    tuner.search()
    assert attempts[0] == attempts[1]
    assert tuner.oracle.get_trial("0").status == "COMPLETED"


def test_an_interrupted_trial_goes_on_in_the_next_search(tmp_path):
    values = []

    class Own(kt.RandomSearch):
        def run_trial(self, trial):
            values.append(trial.hyperparameters.Float("x", 0, 1))
            if len(values) == 2:
                raise KeyboardInterrupt
            return values[-1]

    tuner = Own(max_trials=3, directory=tmp_path, seed=0)
    with pytest.raises(KeyboardInterrupt):
        tuner.search()
    tuner.search()
    assert values[1] == values[2]
    assert [trial.score for trial in tuner.oracle.trials.values()] == [values[0], values[1], values[3]]


def test_a_space_that_is_used_up_ends_the_search(tmp_path):
    tuner = random_search(tmp_path, lambda hp: PretendModel(hp.Choice("best", [0.1, 0.2, 0.3])), max_trials=10)
    tuner.search(0.0, verbose=0)
    assert sorted(trial.score for trial in tuner.oracle.trials.values()) == pytest.approx([0.05, 0.1, 0.15])
    assert [t.hyperparameters["best"] for t in tuner.oracle.get_best_trials(9)] == [0.3, 0.2, 0.1]


def test_given_hyperparameters_replace_and_restrict(tmp_path):
    given = kt.HyperParameters()
    given.Int("units", 7, 8)
    tuner = random_search(tmp_path, hyperparameters=given, tune_new_entries=False, max_trials=5)
    tuner.search(0.0, verbose=0)
    found = [trial.hyperparameters.values for trial in tuner.oracle.trials.values()]
    assert sorted(each["units"] for each in found) == [7, 8]
    assert {each["optimizer"] for each in found} == {"sgd"}
    with pytest.raises(RuntimeError, match="'optimizer' is none of the given hyperparameters"):
        random_search(tmp_path, hyperparameters=given, allow_new_entries=False, project_name="q")


def test_a_tuners_optimizer_replaces_the_models(tmp_path):
    compiled = []

    class Compiled(PretendModel):
        optimizer, loss = "adam", "mse"

        def compile(self, **arguments):
            compiled.append(arguments)

    tuner = random_search(tmp_path, lambda hp: Compiled(hp.Float("b", 0, 1)), max_trials=1, optimizer="sgd")
    tuner.search(0.0, verbose=0)
    assert compiled == [{"optimizer": "sgd", "loss": "mse"}]


def test_hyperband_trains_most_trials_for_few_epochs(tmp_path):
    def build(hp):
        return PretendModel(hp.Float("best", 0, 1))

    tuner = kt.Hyperband(build, "val_accuracy", max_epochs=9, factor=3, seed=1, directory=tmp_path)
    tuner.search(0.0, epochs=100, verbose=0)
    trials = tuner.oracle.project.trials()
    epochs = [len(trial.intermediate_values) for trial in trials]
    assert len(trials) == tuner.oracle.max_trials == 9 + 5 + 3
    assert set(epochs) <= {1, 3, 9}
    assert sum(epochs) < 0.7 * 9 * len(epochs)
    assert {trial.status for trial in tuner.oracle.trials.values()} == {"PRUNED", "COMPLETED"}
    best = tuner.oracle.get_best_trials()[0]
    assert best.hyperparameters["best"] == max(
        trial.params["best"] for trial, n in zip(trials, epochs, strict=True) if n == 9
    )
    assert tuner.get_best_models()[0].epochs == 9


def test_bayesian_optimization_finds_the_hill(tmp_path):
    class Own(kt.BayesianOptimization):
        def run_trial(self, trial):
            hp = trial.hyperparameters
            return (hp.Float("x", -10, 10) - 3) ** 2 + (hp.Choice("kind", ["a", "b"]) == "a")

    tuner = Own(max_trials=40, seed=0, directory=tmp_path)
    tuner.search()
    best = tuner.get_best_hyperparameters()[0]
    assert best["kind"] == "b"
    assert abs(best["x"] - 3) < 1


def test_a_grid_has_every_combination_once_also_of_conditional_values(tmp_path):
    def build(hp):
        with_momentum = hp.Boolean("with_momentum")
        best = hp.Int("best", 1, 3) / 10
        with hp.conditional_scope("with_momentum", [True]):
            momentum = hp.Float("momentum", 0, 0.1, step=0.05)
        return PretendModel(best + (momentum if with_momentum else 0.0))

    tuner = kt.GridSearch(build, "val_accuracy", directory=tmp_path, seed=0)
    tuner.search(0.0, verbose=0)
    found = {tuple(sorted(trial.hyperparameters.values.items())) for trial in tuner.oracle.trials.values()}
    assert len(found) == len(tuner.oracle.trials) == 3 + 9
    tuner.search(0.0, verbose=0)
    assert len(tuner.oracle.trials) == 12


def test_conditional_scopes_are_explored_before_the_search(tmp_path, capsys):
    def build(hp):
        kind = hp.Choice("kind", ["a", "b"])
        with hp.conditional_scope("kind", ["b"]):
            if kind == "b":
                hp.Int("of_b", 1, 2)
        return PretendModel(0.5)

    random_search(tmp_path, build).search_space_summary()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["Search space summary", "Default search space size: 2", "kind (Choice)"]
    assert lines[4] == "of_b (Int)"


def test_results_summary_looks_like_kerastuners(tmp_path, capsys):
    tuner = random_search(tmp_path, lambda hp: PretendModel(hp.Choice("best", [0.5])), max_trials=1)
    tuner.search(0.0, verbose=0)
    assert capsys.readouterr().out == ""
    tuner.results_summary(3)
    assert capsys.readouterr().out.splitlines() == [
        "Results summary",
        f"Results in {tmp_path / 'p'}",
        "Showing 3 best trials",
        'Objective(name="val_accuracy", direction="max")',
        "",
        "Trial 0 summary",
        "Hyperparameters:",
        "best: 0.5",
        "Score: 0.25",
    ]


def test_a_search_prints_its_trials(tmp_path, capsys):
    random_search(tmp_path, max_trials=1).search(0.0)
    out = capsys.readouterr().out
    assert "Search: Running Trial #1" in out
    assert "Value             |Best Value So Far |Hyperparameter" in out
    assert "Trial 1 Complete [00h 00m 00s]" in out
    assert "Best val_accuracy So Far: 0." in out


def test_a_search_goes_on_overwrites_or_refuses_another_objective(tmp_path, capsys):
    random_search(tmp_path, max_trials=2).search(0.0, verbose=0)
    (tmp_path / "p" / "notes.txt").write_text("mine")
    tuner = random_search(tmp_path, max_trials=4)
    assert "Reloading Tuner from" in capsys.readouterr().out
    assert tuner.remaining_trials == 2
    tuner.search(0.0, verbose=0)
    assert len(tuner.oracle.trials) == 4
    with pytest.raises(ValueError, match=r"holds a search for Objective\(name=\"val_accuracy\""):
        random_search(tmp_path, objective="val_loss")
    assert random_search(tmp_path, objective="val_loss", overwrite=True).oracle.trials == {}
    assert [path.name for path in (tmp_path / "p").iterdir() if path.name.startswith(("trial", "notes"))] == [
        "notes.txt"
    ]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: kt.RandomSearch(objective="val_loss"), ValueError, "RandomSearch needs a hypermodel"),
        (lambda: kt.RandomSearch(3), TypeError, "must be a function that takes hp"),
        (lambda: kt.Hyperband(build_pretend_model, factor=1), ValueError, "factor must be at least 2"),
        (lambda: kt.RandomSearch(build_pretend_model, max_trial=3), TypeError, "max_trial"),
        (lambda: kt.SklearnTuner("random", build_pretend_model), TypeError, "oracle must be an Oracle"),
        (lambda: kt.RandomSearch(build_pretend_model, directory=3), TypeError, "directory must be a path, got 3"),
        (lambda: kt.oracles.RandomSearch(tune_new_entries=False), ValueError, "need hyperparameters"),
    ],
)
def test_wrong_arguments_are_refused(make, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        make()


def test_sklearn_tuner_cross_validates(tmp_path):
    from sklearn.datasets import load_iris
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from mlpcore import MLPClassifier

    X, y = load_iris(return_X_y=True)

    def build(hp):
        sizes = kt.LayerSizes(hp.Int("depth", 1, 2), hp.Int("width", 4, 8))
        return make_pipeline(StandardScaler(), MLPClassifier(sizes, solver="lbfgs", max_iter=30, random_state=0))

    oracle = kt.oracles.BayesianOptimizationOracle(kt.Objective("score", "max"), max_trials=3, seed=0)
    tuner = kt.SklearnTuner(oracle, build, cv=3, metrics=balanced_accuracy_score, directory=tmp_path)
    with pytest.warns(Warning, match="lbfgs failed to converge"):
        tuner.search(X, y, verbose=0)
    best = tuner.oracle.get_best_trials()[0]
    assert best.score > 0.9
    assert best.metrics.get_last_value("balanced_accuracy_score") == pytest.approx(best.score, abs=0.02)  # folds differ
    assert tuner.get_best_models()[0].score(X, y) > 0.9
