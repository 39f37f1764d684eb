"""HyperParameters: registering, defaults, scopes, conditions; and what studies are asked for."""

import json
from itertools import pairwise

import pytest

import mlpcore.tuner as kt
from mlpcore.tuner.objective import make_objective
from mlpcore.tuner.parameters import Boolean, Choice, Fixed
from mlpcore.tuner.ranges import Float, Int

optuna = pytest.importorskip("optuna")


def test_the_first_question_registers_and_further_ones_return_the_value():
    hp = kt.HyperParameters()
    assert hp.Int("n", 0, 8, default=2) == 2
    hp.values["n"] = 7
    assert hp.Int("n", 0, 8) == 7
    assert [each.name for each in hp.space] == ["n"]


def test_defaults():
    hp = kt.HyperParameters()
    assert hp.Float("f", 0.5, 1) == 0.5
    assert hp.Choice("c", ["a", "b"]) == "a"
    assert hp.Choice("c2", ["a", "b"], default="b") == "b"
    assert hp.Boolean("b") is False
    assert hp.Boolean("b2", default=True) is True
    assert hp.Fixed("x", [1, 2]) == [1, 2]
    assert hp["f"] == hp.get("f") == 0.5
    assert "f" in hp
    assert "g" not in hp


def test_unknown_and_inactive_names_are_told_apart():
    hp = kt.HyperParameters()
    hp.Choice("optimizer", ["sgd", "adam"])
    hp.Float("momentum", 0, 1, parent_name="optimizer", parent_values=["adam"])
    with pytest.raises(KeyError, match="did you mean 'optimizer'"):
        hp.get("optimiser")
    with pytest.raises(ValueError, match="'momentum' is inactive"):
        hp.get("momentum")
    with pytest.raises(ValueError, match="no hyperparameter 'optimizr' to depend on; did you mean 'optimizer'"):
        hp.Int("n", 1, 2, parent_name="optimizr", parent_values=["adam"])


def test_conditional_scopes_nest_and_share_names():
    hp = kt.HyperParameters()
    hp.values = {"kind": "deep", "wide": True}
    hp.Choice("kind", ["shallow", "deep"])
    with hp.conditional_scope("kind", ["shallow"]):
        assert hp.Int("units", 1, 4) is None
    with hp.conditional_scope("kind", ["deep"]):
        assert hp.Int("units", 10, 40) == 10
        assert hp.Boolean("wide") is True
        with hp.conditional_scope("wide", [True]):
            assert hp.Int("extra", 3, 5) == 3
    assert hp.values == {"kind": "deep", "wide": True, "units": 10, "extra": 3}
    assert len(hp.space) == 5
    again = kt.HyperParameters.from_config(json.loads(json.dumps(hp.get_config())))
    assert again.get_config() == hp.get_config()
    assert again.copy().is_active("units")


def test_name_scopes_nest():
    hp = kt.HyperParameters()
    with hp.name_scope("net"), hp.name_scope("top"):
        hp.Int("units", 4, 8)
        assert hp.get("units") == 4
    assert list(hp.values) == ["net/top/units"]


def test_a_hyperparameter_cannot_depend_on_itself():
    hp = kt.HyperParameters()
    hp.Int("n", 1, 3)
    with pytest.raises(ValueError, match="'n' cannot depend on itself"):
        hp.Int("n", 1, 3, parent_name="n", parent_values=[1])


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda hp: hp.Int("n", 5, 1), "min_value 5 is greater than max_value 1"),
        (lambda hp: hp.Int("n", 0, 1, sampling="log"), "needs a positive min_value, got 0"),
        (lambda hp: hp.Float("n", 1, 9, sampling="lgo"), "did you mean 'log'"),
        (lambda hp: hp.Float("n", 1, 9, step=1, sampling="log"), "greater than 1, got 1"),
        (lambda hp: hp.Int("n", 1, 2.5), "max_value must be an integer, got 2.5"),
        (lambda hp: hp.Choice("c", []), "needs at least one value"),
        (lambda hp: hp.Choice("c", ["a"], default="b"), "the default 'b'"),
        (lambda hp: hp.Choice("c", ["a", "b"], ordered=True), "only numbers can be ordered"),
    ],
)
def test_wrong_definitions_are_refused(ask, message):
    with pytest.raises(ValueError, match=message):
        ask(kt.HyperParameters())


@pytest.mark.parametrize(
    ("parameter", "grid"),
    [
        (Int("n", 1, 3), [1, 2, 3]),
        (Int("n", 6, 13, step=3), [6, 9, 12]),
        (Int("n", 2, 32, step=2, sampling="log"), [2, 4, 8, 16, 32]),
        (Float("f", 0, 1, step=0.2), [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (Float("f", 0.001, 10, step=10, sampling="log"), [0.001, 0.01, 0.1, 1, 10]),
        (Float("f", 1, 8, step=2, sampling="reverse_log"), [8, 7, 5, 1]),
        (Choice("c", ["a", "b"], default="b"), ["b", "a"]),
        (Boolean("b"), [False, True]),
        (Fixed("x", 3), [3]),
    ],
)
def test_grids_are_kerastuners(parameter, grid):
    assert parameter.grid() == pytest.approx(grid) if isinstance(grid[0], float) else parameter.grid() == grid


def test_a_range_without_a_step_has_ten_points_on_its_scale():
    grid = Float("f", 1e-4, 1.0, sampling="log").grid()
    assert len(grid) == 10
    ratios = [b / a for a, b in pairwise(grid)]
    assert ratios == pytest.approx([10**0.4] * 9)


@pytest.mark.parametrize(
    "parameter",
    [
        Int("n", 1, 9),
        Int("n", 1, 10, step=4),
        Int("n", 1, 1000, sampling="log"),
        Int("n", 2, 40, step=2, sampling="log"),
        Int("n", 1, 100, sampling="reverse_log"),
        Float("f", -1, 1),
        Float("f", 0, 1, step=0.3),
        Float("f", 1e-4, 1e-2, sampling="log"),
        Float("f", 1e-4, 1e-2, sampling="reverse_log"),
        Choice("c", [1, 2, 3]),
        Boolean("b"),
    ],
    ids=repr,
)
def test_samples_are_in_range_and_on_the_steps(parameter):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    values = [parameter.sample(study.ask()) for _ in range(60)]
    assert len(set(values)) > 1
    if isinstance(parameter, Int | Float):
        assert all(parameter.min_value <= value <= parameter.max_value for value in values)
        assert all(isinstance(value, int if isinstance(parameter, Int) else float) for value in values)
        if parameter.step is not None:
            assert set(values) == set(parameter.grid())
    else:
        assert set(values) == set(parameter.grid())


def test_scales_put_values_where_they_say():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    middle = {
        sampling: sorted(Float(sampling, 1.0, 100.0, sampling=sampling).sample(study.ask()) for _ in range(301))[150]
        for sampling in ("linear", "log", "reverse_log")
    }
    assert middle["log"] == pytest.approx(10, rel=0.5)
    assert middle["linear"] == pytest.approx(50, rel=0.2)
    assert middle["reverse_log"] == pytest.approx(91, rel=0.1)


def test_objectives_know_their_direction():
    for name in ("val_accuracy", "accuracy", "val_auc", "val_precision_1", "score", "val_sparse_categorical_accuracy"):
        assert str(make_objective(name)) == f'Objective(name="{name}", direction="max")'
    for name in ("val_loss", "loss", "val_mse", "val_root_mean_squared_error", "mean_absolute_error"):
        assert make_objective(name).direction == "min"
    with pytest.raises(ValueError, match=r'pass Objective\("val_fancy", direction="min"\)'):
        make_objective("val_fancy")
    several = make_objective(["val_accuracy", kt.Objective("latency", "min")])
    assert several.get_value({"val_accuracy": 0.75, "latency": 2.0, "loss": 9.0}) == 1.25
    assert str(several).startswith('MultiObjective(name="multi_objective", direction="min"): [Objective(')
