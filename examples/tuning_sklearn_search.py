"""Depth and width as two integers in scikit-learn's searches, and an Optuna study that prunes by epoch."""

import warnings

from example_data import california_housing, options, told
from scipy.stats import loguniform, randint
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingRandomSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpcore import MLPRegressor
from mlpcore.tuner import LayerSizes, optuna_objective


def main():
    chosen = options(__doc__)
    data = california_housing(chosen)
    warnings.filterwarnings(
        "ignore", message=".*(reached and the optimization|failed to converge)"
    )
    n_iter, max_iter = (4, 5) if chosen.quick else (15, 30)

    model = make_pipeline(
        StandardScaler(),
        MLPRegressor(hidden_layer_sizes=LayerSizes(), max_iter=max_iter, random_state=42),
    )
    space = {
        "mlpregressor__hidden_layer_sizes__depth": randint(1, 5),
        "mlpregressor__hidden_layer_sizes__width": randint(10, 100),
        "mlpregressor__learning_rate_init": loguniform(3e-4, 3e-2),
    }
    searches = [
        RandomizedSearchCV(model, space, n_iter=n_iter, cv=3, random_state=42),
        HalvingRandomSearchCV(
            model,
            space,
            n_candidates=n_iter,
            min_resources=len(data.X_train) // 4,
            cv=3,
            random_state=42,
        ),
    ]
    for search in searches:
        search.fit(data.X_train, data.y_train)
        test = search.score(data.X_test, data.y_test)
        print(
            f"\n{type(search).__name__}: R2 {search.best_score_:.4f} in cross-validation, "
            f"{test:.4f} on test rows"
        )
        best = {
            name.split("__", 1)[1]: each for name, each in search.best_params_.items()
        }
        print(f"  {told(best)}")

    try:
        import optuna
    except ImportError:
        print("\nFor the study: pip install optuna")
        return

    def build(trial):
        sizes = LayerSizes(
            trial.suggest_int("depth", 1, 4),
            trial.suggest_int("width", 10, 100, log=True),
        )
        rate = trial.suggest_float("rate", 3e-4, 3e-2, log=True)
        return MLPRegressor(
            hidden_layer_sizes=sizes,
            learning_rate_init=rate,
            max_iter=max_iter,
            random_state=42,
        )

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=42),
        pruner=optuna.pruners.MedianPruner(3),
    )
    valid = (data.X_valid, data.y_valid)
    study.optimize(
        optuna_objective(build, data.X_train, data.y_train, validation_data=valid),
        n_trials=2 * n_iter,
    )
    n_pruned = sum(trial.state.name == "PRUNED" for trial in study.trials)
    print(
        f"\nOptuna: R2 {study.best_value:.4f} on validation rows; "
        f"{n_pruned} of {len(study.trials)} trials pruned"
    )
    print(f"  {told(study.best_params)}")


if __name__ == "__main__":
    main()
