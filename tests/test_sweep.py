"""`sweep:` in a scenario: a scenario for each point of a grid."""

import pytest
from made import plan_of

from mtbench.cli.main import main
from mtbench.suite.resolve import Resolved
from mtbench.suite.sweep import base, expand

SWEEP = "scenarios.joint.sweep={weighting.weights.retrieval: [1, 3, 10]}"
VALUE = {
    "towers": {"query": {"name": "embedding"}, "candidate": {"name": "embedding"}},
    "tasks": {"ranking": {"units": [8]}, "retrieval": None},
    "train": {"epochs": 2, "optimizer": {"name": "adam", "learning_rate": 0.1}},
    "weighting": {"name": "fixed", "weights": {"ranking": 7}},
    "labels": None,
}


def points(sweep):
    """Each point's name with what is different in it."""
    resolved = Resolved("j", ["ranking", "retrieval"], VALUE, (("scenarios", "j"),))
    return {
        one.name: (one.trained, {k: v for k, v in one.value.items() if v != VALUE[k]})
        for one in expand(resolved, sweep)
    }


def test_a_sweep_is_its_points(make_suite):
    suite = make_suite(SWEEP)
    names = [f"joint[weights.retrieval={w}]" for w in (1, 3, 10)]
    assert list(suite.scenarios) == ["rating-only", "retrieval-only", *names]
    weights = [suite.scenarios[name].weighting.weights for name in names]
    assert weights == [{"retrieval": 1}, {"retrieval": 3}, {"retrieval": 10}]
    assert [base(name) for name in names] == ["joint"] * 3


def test_more_keys_make_a_grid_and_other_options_stay():
    both = ["ranking", "retrieval"]
    optimizer = {"name": "adam", "learning_rate": 0.01}
    assert points({"train.optimizer.learning_rate": [0.01], "weighting.x": [True, None]}) == {
        "j[learning_rate=0.01, x=true]": (
            both,
            {
                "train": {"epochs": 2, "optimizer": optimizer},
                "weighting": {**VALUE["weighting"], "x": True},
            },
        ),
        "j[learning_rate=0.01, x=none]": (
            both,
            {
                "train": {"epochs": 2, "optimizer": optimizer},
                "weighting": {**VALUE["weighting"], "x": None},
            },
        ),
    }
    assert VALUE["weighting"] == {"name": "fixed", "weights": {"ranking": 7}}


def test_zipped_paths_go_together():
    dims = {f"towers.{side}.embedding_dim": [8, 16] for side in ("query", "candidate")}
    found = points({"zip": dims, "train.epochs": [1, 3]})
    assert list(found) == [
        f"j[embedding_dim={d}, epochs={e}]" for d, e in ((8, 1), (8, 3), (16, 1), (16, 3))
    ]
    towers = found["j[embedding_dim=16, epochs=1]"][1]["towers"]
    assert [tower["embedding_dim"] for tower in towers.values()] == [16, 16]


def test_names_of_components_are_theirs():
    names = {f"towers.{side}.name": ["mlp", "bag"] for side in ("query", "candidate")}
    assert list(points({"zip": names})) == ["j[towers=mlp]", "j[towers=bag]"]
    names["towers.candidate.name"] = ["mlp", "embedding"]
    assert list(points({"zip": names})) == ["j[towers=mlp]", "j[query=bag, candidate=embedding]"]
    assert list(points({"weighting.name": ["equal"]})) == ["j[weighting=equal]"]


def test_several_zips_are_directions_of_the_grid():
    found = points(
        {"zip": [{"train.epochs": [1, 2], "train.batch_size": [10, 20]}, {"weighting.a": [5, 6]}]}
    )
    assert list(found) == [
        f"j[epochs={e}, batch_size={b}, a={a}]" for e, b in ((1, 10), (2, 20)) for a in (5, 6)
    ]


def test_whole_components_and_trained_tasks_can_be_swept():
    values = ["mlp", {"name": "mlp", "units": [4, 2]}]
    found = points({"towers.query": values, "tasks": [["ranking"]]})
    names = ("mlp", "mlp(units=[4, 2])")
    assert list(found) == [f"j[query={name}, tasks=[ranking]]" for name in names]
    assert [trained for trained, _ in found.values()] == [["ranking"]] * 2
    assert [value["towers"]["query"] for _, value in found.values()] == values


def test_a_task_without_options_can_be_given_some():
    assert points({"tasks.retrieval.temperature": [0.5]}) == {
        "j[retrieval.temperature=0.5]": (
            ["ranking", "retrieval"],
            {"tasks": {"ranking": {"units": [8]}, "retrieval": {"temperature": 0.5}}},
        )
    }


def test_a_sweep_is_chosen_by_its_name(tiny):
    for name, runs in (("joint", 6), ("joint[weights.retrieval=3]", 2), ("rating-only", 2)):
        assert len(plan_of(tiny, SWEEP, scenarios=[name])) == runs


def test_points_have_ids_of_their_own_and_that_of_the_plain_scenario_stays(tiny):
    plain = {run.id for run in plan_of(tiny)}
    swept = {run.id for run in plan_of(tiny, SWEEP)}
    assert len(swept) == 10
    assert len(plain & swept) == 4  # the single tasks


@pytest.mark.parametrize(
    ("sweep", "told"),
    [
        (
            "3",
            "joint.sweep: expected dotted paths such as train.epochs, each with a list",
        ),
        (
            "{}",
            "joint.sweep: expected dotted paths such as train.epochs, each with a list",
        ),
        ("{train.epochs: 3}", "joint.sweep.train.epochs: expected a list of values, found 3"),
        ("{train.epochs: []}", "joint.sweep.train.epochs: expected a list of values, found []"),
        ("{weighting.: [3]}", "joint.sweep.weighting.: unknown path 'weighting.'"),
        ("{train.epoch: [1]}", "sweep.train.epoch: unknown key (did you mean 'epochs'?)"),
        ("{epochs: [1]}", "sweep.epochs: unknown path 'epochs' (did you mean 'train.epochs'?)"),
        ("{trian.epochs: [1]}", "unknown path 'trian.epochs' (did you mean 'train.epochs'?)"),
        (
            "{weights.retrieval: [1]}",
            "unknown path 'weights.retrieval' (did you mean 'weighting.weights.retrieval'?)",
        ),
        ("{weighting.weights.retrieval: [-1]}", "joint.sweep.weighting.weights.retrieval: "),
        ("{weighting.weight: [1]}", "unknown key (did you mean 'weights'?)"),
        (
            "{weighting: [fixd]}",
            "weighting: unknown weighting 'fixd' (did you mean 'fixed'?)",
        ),
        ("{weighting.name.x: [1]}", "weighting.name is 'fixed', which has no keys"),
        ("{train.epochs.x: [1]}", "train.epochs is 2, which has no keys"),
        ("{train.epochs: [x]}", "joint.sweep.train.epochs: expected an integer, found 'x'"),
        ("{train.epochs: [1, 1]}", "joint.sweep: the point joint[epochs=1] is there twice"),
        ("{towers.qury.embedding_dim: [3]}", "unknown key (did you mean 'query'?)"),
        ("{towers.query.dim: [3]}", "joint.sweep.towers.query.dim: unknown key"),
        ("{tasks.rating.l2: [3]}", "unknown task 'rating' (did you mean 'ranking'?)"),
        ("{tasks: [[rating]]}", "unknown task 'rating' (did you mean 'ranking'?)"),
        ("{seeds: [1]}", "unknown path 'seeds'"),
        ("{tasks.retrieval.top_k: [[3]]}", "how a task is scored belongs to the suite"),
        ("{zip: 3}", "joint.sweep.zip: expected dotted paths, each with a list of as many values"),
        (
            "{zip: {train.epochs: [1, 2], train.batch_size: [3]}}",
            "expected as many values of each path, found 2 of train.epochs, 1 of train.batch_size",
        ),
        ("{zip: [{train.epochs: 3}]}", "joint.sweep.zip.0.train.epochs: expected a list of values"),
    ],
)
def test_a_wrong_sweep_is_told(tiny, capsys, sweep, told):
    assert main(["check", str(tiny), "-o", f"scenarios.joint.sweep={sweep}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"mtbench: -o scenarios.joint.sweep={sweep}: scenarios.joint.sweep")
    assert told in line


def test_a_path_that_is_not_there_is_told_with_its_line(tiny, capsys):
    text = tiny.read_text().replace(
        "weighting: fixed}", "weighting: fixed,\n    sweep: {\n      train.epoch: [1]}}"
    )
    tiny.write_text(text)
    line = text.splitlines().index("      train.epoch: [1]}}") + 1
    assert main(["check", str(tiny)]) == 2
    told = f"tiny.yaml:{line}: scenarios.joint.sweep.train.epoch: unknown key (did you mean"
    assert told in capsys.readouterr().err


def test_a_weighting_that_is_not_there_has_no_options(tiny, capsys):
    sweep = "scenarios.rating-only.sweep={weighting.x: [1]}"
    assert main(["check", str(tiny), "-o", sweep]) == 2
    assert (
        "weighting.name: expected the name of a weighting, found nothing" in capsys.readouterr().err
    )
