"""Choosing options: equal budgets, on the validation part, worked out again from records."""

import json
import random
from dataclasses import replace

import made
import numpy as np
import pytest
from test_suite_baselines import PLUGIN

import mtbench
from mtbench.cli.main import main
from mtbench.errors import SuiteError
from mtbench.plugin.registry import installed
from mtbench.records import store as records
from mtbench.records.tuning import Tuning
from mtbench.runs.observers import Observers
from mtbench.runs.stages import Stages
from mtbench.suite.reader import load_suite
from mtbench.train.stopping import score
from mtbench.tune import tuner as module
from mtbench.tune.options import options_of
from mtbench.tune.study import Study, best
from mtbench.workers import performer
from mtbench.workers.agenda import Agenda, Wanted
from mtbench.workers.driver import Driver

SUITE = """
name: tuned
plugins: [simple.py]
dataset: {name: synthetic, num_users: 30, num_items: 40, num_ratings: 600}
split: {name: random, test_share: 0.2, validation_share: 0.2}
towers:
  query: {name: embedding, embedding_dim: 4}
  candidate: {name: embedding, embedding_dim: 4}
tasks:
  ranking: {units: [8]}
  retrieval: {top_k: [1, 5]}
scenarios:
  rating-only: {tasks: [ranking]}
  joint:
    tasks: [ranking, retrieval]
    weighting: fixed
    tune: {space: {weighting.weights.retrieval: {log: [0.1, 10]}}}
baselines:
  counts: {tune: {space: {power: {uniform: [0.5, 2]}}}}
  mean:
train: {epochs: 2, batch_size: 64}
seeds: 2
tune:
  trials: 4
  metrics: [ranking/rmse, retrieval/top_5_seen_removed]
  space:
    train.optimizer.learning_rate: {log: [0.001, 1]}
    train.epochs: {int: [1, 4]}
    towers.*.embedding_dim: [2, 4]
    tasks.ranking.l2: {log: [1.0e-4, 1]}
"""
PRUNED = ["tune.pruner=asha", "train.epochs=4", "tune.trials=6", "tune.space.train.epochs=[4]"]


@pytest.fixture
def path(tmp_path):
    (tmp_path / "simple.py").write_text(PLUGIN)
    path = tmp_path / "tuned.yaml"
    path.write_text(SUITE)
    return path


def executed(run, stages, listener, place):
    """Stands for `execute`: metrics that follow from the options, epoch by epoch."""
    setup, rows = run.setup, []
    task = setup.tasks["ranking"]
    rate = 1.0 if setup.baseline else setup.train.optimizer.learning_rate
    power = getattr(setup.baseline, "power", 1.0)
    if rate > 1e20 or getattr(setup.baseline, "name", "") == "nan":
        told = made.record(run.scenario, run.seed, status="failed")
        return made.changed(told, run_id=run.id)
    width = setup.towers["query"].embedding_dim if setup.towers else 4
    for epoch in range(1, setup.train.epochs + 1):
        rmse = 1 + abs(np.log10(rate) + 1) / 10 + abs(epoch - 3) / 50 + task.l2 + run.seed / 1e5
        top = 0.3 + width / 100 + power / 50 - rate / 100
        values = {"ranking": {"rmse": rmse}, "retrieval": {"top_5_seen_removed": top}}
        values = {
            name: values[name] for name in values if not setup.baseline or name in setup.trained
        }
        if setup.train.validates:
            rows.append({"epoch": epoch, "metrics": values})
            if listener.validated(epoch, values):
                break
    kept = 3 if setup.train.early_stopping else epoch
    question, answer = (json.loads(json.dumps(half)) for half in (run.run.question, run.run.answer))
    about = {"run_id": run.id, "question": question, "answer": answer, "metrics": values}
    about["metric_info"] = {
        task: [made.metric(name, higher=name != "rmse") for name in found]
        for task, found in values.items()
    }
    return made.record(
        run.scenario,
        run.seed,
        question_id=run.run.question_id,
        validation=rows,
        epoch=kept,
        **about,
    )


@pytest.fixture
def quick(monkeypatch):
    """Let trials be of made-up numbers."""
    monkeypatch.setattr(performer, "execute", executed)
    monkeypatch.setattr(Stages, "prepare", lambda *_: None)


class Trying:
    """The studies of a suite, to be done in a folder."""

    def __init__(self, suite, registry, folder, scenarios):
        self.suite, self.registry, self.folder = suite, registry, records.trials_of(folder)
        wanted = Wanted(scenarios, results=False)
        self.agenda = Agenda(suite, registry, folder, wanted)
        self.studies = self.agenda.tuner.studies


@pytest.fixture
def tuner(path, tmp_path):
    """Makes the tuner of the suite with some values replaced, in a folder of results."""

    def make(*overrides, scenarios=(), folder="results"):
        registry = installed()
        suite = load_suite(path, registry, overrides=overrides)
        return Trying(suite, registry, tmp_path / folder / suite.name, scenarios)

    return make


def tuned(tuner):
    records.prepare_folder(tuner.folder)
    suite, registry = tuner.suite, tuner.registry
    Driver(suite, registry, tuner.agenda, Observers(registry)).work()
    return tuner.agenda.trials


def test_what_is_tuned_of_each_arm(tuner):
    spaces = {study.arm: list(study.budget.space) for study in tuner().studies}
    shared = ["train.optimizer.learning_rate", "train.epochs", "towers.*.embedding_dim"]
    assert spaces == {
        "rating-only": [*shared, "tasks.ranking.l2"],
        "joint": [*shared, "tasks.ranking.l2", "weighting.weights.retrieval"],
        "counts": ["power"],
        "mean": [],
    }
    sizes = {study.arm: (study.size, study.budget.because) for study in tuner().studies}
    assert sizes == {
        **dict.fromkeys(("rating-only", "joint", "counts"), (4, None)),
        "mean": (1, "it has nothing to tune"),
    }


def test_an_arm_may_differ_and_say_why(tuner):
    space = "{space: {train.epochs: null, tasks.ranking.l2: [0.5]}, trials: 2, because: it is slow}"
    (study,) = tuner(f"scenarios.rating-only.tune={space}", scenarios=["rating-only"]).studies
    assert list(study.budget.space) == [
        "train.optimizer.learning_rate",
        "towers.*.embedding_dim",
        "tasks.ranking.l2",
    ]
    assert study.budget.space["tasks.ranking.l2"].choices == [0.5]
    assert (study.size, study.budget.because) == (2, "it is slow")


def test_what_a_scenario_tunes_is_inherited(tuner):
    more = "scenarios.more={extends: joint, tune: {space: {train.epochs: [3]}}}"
    (study,) = tuner(more, scenarios=["more"]).studies
    assert "weighting.weights.retrieval" in study.budget.space
    assert study.budget.space["train.epochs"].choices == [3]


def test_trials_are_records_of_the_validation_part_with_the_seeds_of_tuning(tuner, quick):
    tuning = tuner("tune.seeds=[7, 8]", scenarios=["joint"])
    ((study, trials),) = tuned(tuning).items()
    assert [trial.number for trial in trials] == [0, 1, 2, 3]
    records = [record for trial in trials for record in trial.records]
    assert [record.seed for record in records] == [7, 8] * 4
    assert all(record.ok and record.question.evaluate_on == "validation" for record in records)
    assert all(record.question.train_on == "train" for record in records)
    assert len(list(tuning.folder.glob("*.json"))) == len({r.run_id for r in records}) == 8
    for trial in trials:
        expected = [score(study.metrics, record.metrics) for record in trial.records]
        assert trial.score == pytest.approx(np.mean(expected), rel=1e-12)
        rmse = np.mean([record.metrics["ranking"]["rmse"] for record in trial.records])
        assert trial.value("ranking/rmse") == pytest.approx(rmse, rel=1e-12)
    by_hand = [
        (
            np.log(r.metrics["retrieval"]["top_5_seen_removed"])
            - np.log(r.metrics["ranking"]["rmse"])
        )
        / 2
        for r in trials[0].records
    ]
    assert trials[0].score == pytest.approx(np.mean(by_hand), rel=1e-12)


def test_the_first_trial_has_the_options_as_they_are(tuner, quick):
    tuning = tuner(scenarios=["joint", "counts"])
    for study, trials in tuned(tuning).items():
        first = trials[0].records[0].answer
        plain = tuning.suite.setup(study.arm).answer(tuning.registry.identity)
        assert first.train == plain["train"]
        assert {k: v.options for k, v in first.towers.items()} == {
            k: v["options"] for k, v in plain["towers"].items()
        }
        assert trials[0].values == {}
        assert all(set(trial.values) == set(study.budget.space) for trial in trials[1:])


def test_values_lie_in_the_space_and_reach_the_setup(tuner, quick):
    tuning = tuner(scenarios=["joint"])
    ((study, trials),) = tuned(tuning).items()
    for trial in trials[1:]:
        assert all(study.budget.space[path].has(value) for path, value in trial.values.items())
        assert options_of(study.setup(trial.values), study.budget.space) == trial.values


def test_all_arms_draw_the_same_values_at_first(tuner, quick):
    """So that no arm is luckier than another in what is tried of what they share."""
    found = tuned(tuner(scenarios=["rating-only", "joint"]))
    one, two = ([trial.values for trial in trials] for trials in found.values())
    assert [{k: v for k, v in values.items() if "weighting" not in k} for values in two] == one


@pytest.mark.thorough
def test_the_best_is_trained_on_both_parts_and_scored_on_the_test(path, tmp_path):
    results = mtbench.run(path, results=tmp_path / "results", progress=False)
    assert not results.failed
    assert {record.question.evaluate_on for record in results.records} == {"test"}
    assert {record.question.train_on for record in results.records} == {"train+validation"}
    assert {(record.scenario, record.seed) for record in results.records} == {
        (arm, seed) for arm in ("rating-only", "joint", "counts", "mean") for seed in (0, 1)
    }
    for record in results.records:
        assert record.data.validation == 0
        assert record.data.train + record.data.test == 600
        tuning = record.answer.tuning
        assert isinstance(tuning, Tuning)
        assert tuning.trials == len(tuning.scores) == (1 if record.scenario == "mean" else 4)
        assert tuning.scores[tuning.best] == max(tuning.scores)
    joint = next(record for record in results.records if record.scenario == "joint")
    chosen = joint.answer.tuning.options
    if joint.answer.tuning.best:
        assert joint.answer.train["epochs"] == chosen["train.epochs"]
        assert (
            joint.answer.towers["query"].options["embedding_dim"]
            == (chosen["towers.*.embedding_dim"])
        )
    again = mtbench.run(path, results=tmp_path / "results", progress=False)
    assert [record.started for record in again.records] == [r.started for r in results.records]


def test_early_stopping_chooses_the_epochs(tuner, quick):
    stop = ["train.early_stopping={metrics: [ranking/rmse], patience: 1}", "train.epochs=6"]
    tuning = tuner(*stop, "tune.space={tasks.ranking.l2: [0.0, 0.1]}", scenarios=["rating-only"])
    ((study, trials),) = tuned(tuning).items()
    setup = module.final(study, trials)
    (kept,) = best(trials).records
    assert setup.train.epochs == setup.tuning["epochs"] == kept.epoch
    assert not setup.train.validates


def test_a_baseline_asks_for_no_validation_part_in_the_end(tuner, quick):
    """However the models are trained: what it learns from has no validation part left."""
    stop = "train.early_stopping={metrics: [ranking/rmse]}"
    for override in (stop, "train.validate_every=1"):
        for study, trials in tuned(tuner(override)).items():
            setup = module.final(study, trials)
            assert not setup.train.validates, study.arm
            assert setup.train_on == "train+validation"


@pytest.mark.thorough
def test_a_study_that_is_killed_again_and_again_ends_the_same(tuner, quick, monkeypatch):
    undisturbed = tuned(tuner(*PRUNED, scenarios=["joint"], folder="whole"))
    (expected,) = ([(t.values, t.score, t.pruned) for t in ts] for ts in undisturbed.values())
    assert any(pruned for _, _, pruned in expected)
    rng, execute = random.Random(3), performer.execute
    kills = []

    def killed(run, stages, listener, place):
        if len(kills) < 20 and rng.random() < 0.8:
            kills.append(run.id)
            raise KeyboardInterrupt
        return execute(run, stages, listener, place)

    monkeypatch.setattr(performer, "execute", killed)
    while True:
        try:
            found = tuned(tuner(*PRUNED, scenarios=["joint"]))
            break
        except KeyboardInterrupt:
            continue
    assert len(kills) >= 10
    (actual,) = ([(t.values, t.score, t.pruned) for t in ts] for ts in found.values())
    assert actual == expected


def test_nothing_is_done_twice(tuner, quick, monkeypatch):
    tuned(tuner(*PRUNED, scenarios=["joint"]))
    monkeypatch.setattr(performer, "execute", None)
    tuned(tuner(*PRUNED, scenarios=["joint"]))
    more = tuner(*PRUNED, "tune.trials=3", scenarios=["joint"])  # a smaller budget, too
    ((_, trials),) = tuned(more).items()
    assert len(trials) == 3


def test_a_record_that_was_ended_early_is_no_whole_trial(tuner, quick):
    """Nor is a whole one more than the trial saw."""
    pruned = tuned(tuner(*PRUNED, scenarios=["joint"]))
    whole = tuned(tuner(*PRUNED, "tune.pruner=none", "train.validate_every=1", scenarios=["joint"]))
    (before,), (after,) = pruned.values(), whole.values()
    assert any(trial.pruned for trial in before)
    assert not any(trial.pruned for trial in after)
    assert {len(trial.records[0].validation) for trial in after} == {4}
    again = tuned(tuner(*PRUNED, scenarios=["joint"]))
    (last,) = again.values()
    assert [(t.values, t.score, t.pruned) for t in last] == [
        (t.values, t.score, t.pruned) for t in before
    ]


def test_a_damaged_record_is_done_again(tuner, quick):
    tuning = tuner(scenarios=["counts"])
    ((_, before),) = tuned(tuning).items()
    next(tuning.folder.glob("*.json")).write_text("{")
    ((_, after),) = tuned(tuner(scenarios=["counts"])).items()
    assert [trial.score for trial in after] == [trial.score for trial in before]


def test_a_grid_is_gone_through_after_the_options_as_they_are(tuner, quick):
    grid = "tune.space={train.epochs: [1, 3], towers.*.embedding_dim: [2, 8]}"
    tuning = tuner(
        grid, "tune.sampler=grid", "scenarios.joint.tune=null", "baselines={}", "tune.trials=9",
        scenarios=["rating-only"],
    )  # fmt: skip
    ((study, trials),) = tuned(tuning).items()
    assert study.size == 5
    assert [tuple(trial.values.values()) for trial in trials] == [
        (),
        (1, 2),
        (1, 8),
        (3, 2),
        (3, 8),
    ]


def test_a_trial_that_fails_is_none_to_choose(tuner, quick):
    fail = "tune.space={train.optimizer.learning_rate: [1.0e+30]}"
    tuning = tuner(fail, scenarios=["rating-only"])
    ((study, trials),) = tuned(tuning).items()
    assert [trial.score is None for trial in trials] == [False, True, True, True]
    assert best(trials).number == 0
    told = json.loads(json.dumps(module.final(study, trials).tuning))
    assert told["scores"][1:] == [None] * 3
    assert Tuning.model_validate_json(json.dumps(told))


def test_where_all_fail_the_options_stay_as_they_are(tuner, quick):
    tuning = tuner("baselines={nan: }", scenarios=["nan"])
    ((study, trials),) = tuned(tuning).items()
    assert best(trials) is trials[0]
    assert module.final(study, trials).baseline == tuning.suite.baselines["nan"]
    assert (
        list(study.told(trials))[1] == "  ranking/rmse failed, with the options as they were failed"
    )


def test_several_studies_are_results_of_their_own(tuner, quick):
    found = tuned(tuner("tune.studies=2", "tune.trials=3", scenarios=["joint"]))
    setups = [module.final(study, trials) for study, trials in found.items()]
    assert [setup.scenario for setup in setups] == ["joint[study=1]", "joint[study=2]"]
    one, two = (setup.tuning for setup in setups)
    assert (one["study"], two["study"], one["studies"]) == (1, 2, 2)
    assert one["scores"][0] == two["scores"][0]
    assert one["scores"][1:] != two["scores"][1:]


def test_the_study_of_a_sweeps_point_is_named_within_it(tuner):
    sweep = "scenarios.rating-only.sweep={train.batch_size: [8, 16]}"
    names = [study.title for study in tuner(sweep, "tune.studies=2").studies]
    assert names[:2] == ["rating-only[batch_size=8, study=1]", "rating-only[batch_size=8, study=2]"]


def test_plan_tells_trials_runs_and_time(path, tmp_path, capsys):
    words = [str(path), "--results", str(tmp_path / "r"), "--scenario", "counts"]
    assert main(["plan", *words]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "to do    0 of 4 trials  counts"
    assert told[-2].startswith("4 trials, 0 done; 2 runs, 0 done in ")
    assert told[-1] == "how long they take is not measured yet"
    assert main(["tune", *words]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("counts: trial ")
    assert main(["plan", *words]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "done     4 of 4 trials  counts"
    assert [line.split()[-3:] for line in told[1:3]] == [["counts", "seed", str(n)] for n in (0, 1)]
    assert told[-2].startswith("4 trials, 4 done; 2 runs, 0 done in ")
    assert told[-1].endswith(" s to go, by the 4 runs measured here")
    assert main(["run", *words]) == 0
    capsys.readouterr()
    assert main(["plan", *words]) == 0
    assert (
        capsys.readouterr().out.splitlines()[-1].startswith("4 trials, 4 done; 2 runs, 2 done in")
    )


def test_to_tune_what_has_no_tune_is_refused(tiny, capsys):
    assert main(["tune", str(tiny)]) == 2
    assert "has no `tune`, so there is nothing to choose" in capsys.readouterr().err


@pytest.mark.thorough
def test_a_model_of_what_was_chosen_is_loaded_again(path, tmp_path, recwarn):
    results = mtbench.run(
        path, results=tmp_path / "results", progress=False, scenarios=["joint"], seeds=1,
        save_models=True,
    )  # fmt: skip
    (record,) = results.records
    folder, plugin = tmp_path / "results" / "tuned", tmp_path / "simple.py"
    model = mtbench.load_model(folder, record.run_id, plugins=[plugin])
    assert model.evaluate() == record.metrics
    assert not [str(w.message) for w in recwarn if "made with other" in str(w.message)]


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("tune=3", "tune: expected a mapping of keys to values, found 3"),
        ("tune.trials=0", "tune.trials: expected greater than or equal to 1, found 0"),
        ("tune.trails=3", "tune.trails: unknown key (did you mean 'trials'?)"),
        ("tune.sampler=tp", "tune.sampler: expected 'tpe', 'random' or 'grid', found 'tp'"),
        ("tune.pruner=hyperband", "tune.pruner: expected 'none', 'median' or 'asha'"),
        ("tune.seeds=[1]", "tune.seeds.0: 1 is a seed of the results"),
        ("tune.metrics=[ranking/rmes]", "tune.metrics.0: unknown metric 'ranking/rmes' (did you"),
        ("tune.metrics=[]", "tune.metrics: "),
        ("tune.metrics=[ranking/rmse]", "tune.metrics: none is of a task that 'counts' is for"),
        ("evaluate_on=validation", "evaluate_on: expected test, since `tune` chooses on the"),
        ("tune.space={train.epoch: [1]}", "tune.space.train.epoch: unknown key (did you mean"),
        ("tune.space={epochs: [1]}", "tune.space.epochs: unknown path 'epochs' (did you mean"),
        ("tune.space={train.epochs: 3}", "tune.space.train.epochs: expected a mapping of keys"),
        ("tune.space={train.epochs: []}", "tune.space.train.epochs.choices: "),
        ("tune.space={train.epochs: [x]}", "tune.space.train.epochs: expected an integer, found"),
        ("tune.space={train.epochs: {}}", "expected a list, or one of log, uniform and int, found"),
        ("tune.space={train.epochs: {lg: [1, 2]}}", "lg: unknown key (did you mean 'log'?)"),
        ("tune.space={train.epochs: {int: [0, 2]}}", "expected greater than or equal to 1, found"),
        ("tune.space={train.epochs: {int: [3, 2]}}", "expected the lower end first, found 3 and 2"),
        ("tune.space={train.epochs: {int: [1]}}", "tune.space.train.epochs.int: "),
        ("tune.space={train.epochs: {int: [1.5, 2]}}", "expected an integer, found 1.5"),
        ("tune.space={tasks.ranking.l2: {log: [0, 2]}}", "expected ends above 0 for log, found 0"),
        (
            "tune.space={tasks.rnking.l2: [1]}",
            "tune.space.tasks.rnking.l2: unknown task 'rnking'",
        ),
        ("scenarios.joint.tune=3", "scenarios.joint.tune: expected space or trials, found 3"),
        ("scenarios.joint.tune={trials: 3}", "expected trials and because together, found no bec"),
        (
            "scenarios.joint.tune={space: {weighting.weight: [1]}}",
            "scenarios.joint.tune.space.weighting.weight: unknown key (did you mean 'weights'?)",
        ),
        (
            "baselines.counts.tune.space={pwer: [1]}",
            "baselines.counts.tune.space.pwer: unknown key (did you mean 'power'?)",
        ),
    ],
)
def test_what_is_wrong_is_told_by_check(path, override, told):
    with pytest.raises(SuiteError) as caught:
        load_suite(path, installed(), overrides=[override])
    assert any(told in str(fault) for fault in caught.value.faults), str(caught.value)
    assert all(str(fault).startswith(f"-o {override}: ") for fault in caught.value.faults)


def test_the_command_line_reaches_into_a_space(tuner):
    values = ["tune.space.train.epochs=[3]", "tune.space.tasks.ranking.l2.log=[0.1, 0.2]"]
    more = ["scenarios.joint.tune.space.weighting.weights.ranking={int: [1, 2]}"]
    (study,) = tuner(*values, *more, scenarios=["joint"]).studies
    said = {path: values.said() for path, values in study.budget.space.items()}
    assert said["train.epochs"] == [3]
    assert said["tasks.ranking.l2"] == {"log": [0.1, 0.2]}
    assert said["weighting.weights.ranking"] == {"int": [1, 2]}


def test_a_range_cannot_be_a_grid(path):
    with pytest.raises(SuiteError, match="expected a list of values, since the sampler is grid"):
        load_suite(path, installed(), overrides=["tune.sampler=grid"])


def test_a_split_without_a_validation_part_is_told_before_anything_starts(tuner):
    with pytest.raises(SuiteError, match="tune: expected a split with a validation part, found"):
        tuner("split.validation_share=0")


def test_options_that_all_keys_agree_on(make_suite):
    setup = make_suite().setup("joint")
    paths = ["towers.*.embedding_dim", "towers.*.name", "train.epochs", "train.x", "weighting.name"]
    found = options_of(setup, paths)
    assert found == {
        "towers.*.embedding_dim": 4,
        "towers.*.name": "embedding",
        "train.epochs": 2,
        "weighting.name": "fixed",
    }
    query = setup.towers["query"].model_copy(update={"embedding_dim": 9})
    other = replace(setup, towers={**setup.towers, "query": query})
    assert "towers.*.embedding_dim" not in options_of(other, paths)


def test_the_choice_of_equal_trials_is_the_first(tuner, quick):
    """A budget that finds nothing better changes nothing."""
    study = tuner(scenarios=["mean"]).studies[0]
    assert isinstance(study, Study)
    ((_, trials),) = tuned(tuner(scenarios=["counts"])).items()
    same = [replace(trial, score=0.5) for trial in trials]
    assert best(same).number == 0
    assert best([replace(same[0], pruned=True), *same[1:]]).number == 1
