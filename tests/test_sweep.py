"""`sweep:` in a suite: a scenario for each point of a grid."""

import pytest
from made import plan_of

from mtbench.cli.main import main
from mtbench.errors import SuiteError
from mtbench.suite.reader import load_suite
from mtbench.suite.sweep import base, expand

SWEEP = "scenarios.joint.sweep={weights.retrieval: [1, 3, 10]}"


def test_a_sweep_is_its_points(make_suite):
    suite = make_suite(SWEEP)
    names = [f"joint[weights.retrieval={w}]" for w in (1, 3, 10)]
    assert list(suite.scenarios) == ["rating-only", "retrieval-only", *names]
    weights = [suite.scenarios[name].weighting.weights for name in names]
    assert weights == [{"retrieval": 1}, {"retrieval": 3}, {"retrieval": 10}]
    assert [base(name) for name in names] == ["joint"] * 3


def test_more_keys_make_a_grid_and_other_options_stay():
    spec = {
        "tasks": ["a", "b"],
        "weighting": {"name": "fixed", "weights": {"a": 7}},
        "sweep": {"weights.b": [1, 2], "x": [True]},
    }
    assert dict(expand("j", spec)) == {
        "j[weights.b=1, x=True]": {
            "tasks": ["a", "b"],
            "weighting": {"name": "fixed", "weights": {"a": 7, "b": 1}, "x": True},
        },
        "j[weights.b=2, x=True]": {
            "tasks": ["a", "b"],
            "weighting": {"name": "fixed", "weights": {"a": 7, "b": 2}, "x": True},
        },
    }
    assert spec["weighting"] == {"name": "fixed", "weights": {"a": 7}}


def test_a_scenario_without_one_is_left_alone():
    assert list(expand("j", {"tasks": ["a"]})) == [("j", {"tasks": ["a"]})]
    assert list(expand("j", 3)) == [("j", 3)]


def test_a_sweep_is_chosen_by_its_name(tiny):
    for name, runs in (("joint", 6), ("joint[weights.retrieval=3]", 2), ("rating-only", 2)):
        assert len(plan_of(tiny, SWEEP, scenarios=[name])) == runs
    with pytest.raises(SuiteError, match=r"unknown scenario \(did you mean 'joint'\?\)"):
        plan_of(tiny, SWEEP, scenarios=["joind"])


def test_points_have_ids_of_their_own_and_that_of_the_plain_scenario_stays(tiny):
    plain = {run.id for run in plan_of(tiny)}
    swept = {run.id for run in plan_of(tiny, SWEEP)}
    assert len(swept) == 10
    assert len(plain & swept) == 4  # the single tasks


@pytest.mark.parametrize(
    ("sweep", "told"),
    [
        ("3", "scenarios.joint.sweep: expected options of the weighting, each with a list"),
        ("{}", "scenarios.joint.sweep: expected options of the weighting, each with a list"),
        ("{weights.retrieval: 3}", "expected a list of values, found 3"),
        ("{weights.retrieval: []}", "expected a list of values, found []"),
        ("{weights.: [3]}", "expected an option, such as weights.retrieval: 'weights.'"),
        ("{weights.retrieval: [-1]}", "scenarios.joint.weighting.weights.retrieval: "),
        ("{weight: [1]}", "unknown key (did you mean 'weights'?)"),
        ("{name.x: [1]}", "name is 'fixed', which has no options"),
    ],
)
def test_a_wrong_sweep_is_told(tiny, capsys, sweep, told):
    assert main(["check", str(tiny), "-o", f"scenarios.joint.sweep={sweep}"]) == 2
    assert told in capsys.readouterr().err


def test_a_sweep_of_a_single_task_is_refused(tiny, registry):
    with pytest.raises(SuiteError, match="expected a weighting whose options to sweep"):
        load_suite(tiny, registry, overrides=["scenarios.rating-only.sweep={x: [1]}"])
