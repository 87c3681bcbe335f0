"""`mtbench advise`: the arms that are run, and what is said of them."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from made import failed, record, repeated, write

import mtbench
from mtbench import api, evidence
from mtbench.cli.main import main
from mtbench.errors import RecordError, SuiteError
from mtbench.plugin.registry import installed
from mtbench.records.results import Results
from mtbench.suite.advice import SEEDS, STRATEGIES, advice_suite
from mtbench.suite.reader import load_suite

ROOT = Path(__file__).parent.parent
ARMS = ("constant", *STRATEGIES)


@pytest.fixture(scope="module")
def templates():
    """A record of each arm."""
    alone = {f"{task}-alone": record(f"{task}-alone", 0, tasks=(task,)) for task in
             ("ranking", "retrieval")}  # fmt: skip
    return alone | {name: record(name, 0) for name in ARMS}


def made(templates, gains, noise=0.01, seeds=10, rng=None):
    """Results in which arms gain something in ranking and in retrieval over each task alone.

    Args:
        templates: A record of each arm.
        gains: By arm the gains in both tasks; an arm that is not named has (0, 0).
        noise: Standard deviation of each value.
        seeds: Number of seeds.
        rng: Draws the noise.
    """
    rng = rng or np.random.default_rng(0)
    runs = []
    for name, one in templates.items():
        ranking, retrieval = gains.get(name, (0.0, 0.0))
        for seed in range(seeds):
            first, second = rng.normal(0, noise, 2)
            values = (
                {"rmse": 1.0 - ranking + first, "mae": 1.0},
                {"top_5": 0.5 + retrieval + second},
            )
            runs.append(repeated(one, seed, ranking=values[0], retrieval=values[1]))
    return Results.of(runs)


def same(ranking, retrieval):
    """All weightings alike."""
    return dict.fromkeys(ARMS, (ranking, retrieval))


CASES = {
    "both gain": (same(0.1, 0.1), "together", "constant", False),
    "both lose": (same(-0.1, -0.1), "apart", "constant", False),
    "one loses": (same(0.0, -0.1), "apart", "constant", False),
    "one each way": (same(0.1, -0.1), "depends", "constant", False),
    "one strategy saves it": (
        same(-0.1, -0.1) | {"imtl-g": (0.1, 0.1)}, "together", "imtl-g", True,
    ),
    "a strategy is better": (
        same(0.1, 0.1) | {"uncertainty": (0.2, 0.1)}, "together", "uncertainty", True,
    ),
    "a strategy is better and worse": (
        same(0.1, 0.1) | {"uncertainty": (0.2, 0.05)}, "together", "constant", False,
    ),
    "the constant is best": (
        same(0.1, 0.1) | {"constant": (0.2, 0.2)}, "together", "constant", True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_answer_follows_from_what_is_known_of_each_task(templates, case):
    gains, answer, weighting, settled = CASES[case]
    found = evidence.advice(made(templates, gains))
    assert (found.answer, found.arm.name) == (answer, weighting)
    assert found.weighting_is_settled is settled
    assert found.arms[0].name == "constant"


def test_small_differences_are_open_or_within_the_margin(templates):
    nothing = made(templates, {}, noise=0.01)
    assert evidence.advice(nothing, margin=1).answer == "open"
    within = evidence.advice(nothing, margin=8)
    assert within.answer == "no difference"
    assert all(r.reading == "no difference" for arm in within.arms for r in arm.against_alone)
    said = evidence.advice_sentences(evidence.advice(nothing, margin=1))
    assert said[0] == "the data does not say whether to train ranking and retrieval together"
    assert "four of five further suites like this one would find a difference of" in said[1]
    assert "10 seeds" in said[1]


def test_a_margin_is_held_to_at_both_ends(templates):
    """A loss, or a gain, that is known to be beyond it is none that does not matter."""
    for gain, answer in ((-0.012, "apart"), (0.012, "together")):
        found = evidence.advice(made(templates, same(gain, gain), noise=0.001), margin=1)
        assert {r.reading for r in found.arm.against_alone} == {"better" if gain > 0 else "worse"}
        assert found.answer == answer
    for gain in (-0.003, 0.003):  # known, and nothing that matters
        found = evidence.advice(made(templates, same(gain, gain), noise=0.0005), margin=1)
        assert {r.of.verdict for r in found.arm.against_alone} == {
            "better" if gain > 0 else "worse"
        }
        assert found.answer == "no difference"


def test_yes_asks_that_no_other_task_may_lose(templates):
    """Not that it gains: that a loss beyond the margin is ruled out."""
    gains = same(0.0, 0.1)
    unknown, known = (evidence.advice(made(templates, gains), margin=m) for m in (0.5, 5))
    assert (unknown.answer, unknown.arm.unknown, unknown.arm.unharmed) == (
        "partly",
        ["ranking"],
        [],
    )
    assert (known.answer, known.arm.unknown, known.arm.unharmed) == ("together", [], ["ranking"])
    first = [evidence.advice_sentences(each)[0] for each in (unknown, known)]
    assert first[0] == (
        "yes, if retrieval is what matters: train ranking and retrieval together, with constant: "
        "retrieval gains, whether ranking loses the data does not say"
    )
    assert first[1] == (
        "yes: train ranking and retrieval together, with constant: retrieval gains, ranking loses "
        "nothing that matters"
    )


def test_the_main_task_decides(templates):
    results = made(templates, same(0.1, -0.1))
    for task, answer in (("ranking", "together"), ("retrieval", "apart")):
        about = evidence.advice(dataclasses.replace(results, main=task))
        assert (about.answer, about.judged, about.main) == (answer, (task,), task)
        assert f", by {task}, the main task" in evidence.advice_sentences(about)[0]


def test_no_verdict_is_its_own(templates):
    """What is better or worse is what the page says, corrected for the same comparisons."""
    rng = np.random.default_rng(7)
    for _ in range(20):
        results = made(templates, {a: rng.normal(0, 0.02, 2) for a in ARMS}, 0.02, 5, rng)
        planned = {(one.metric, one.a, one.b): one for one in evidence.planned(results)}
        found = evidence.advice(results)
        for read in (r for arm in found.arms for r in (*arm.against_alone, *arm.against_first)):
            there = planned[read.of.metric, read.of.a, read.of.b]
            assert read.of == there
            if read.reading != "no difference":
                known = there.verdict in ("better", "worse")
                assert read.reading == (there.verdict if known else "open")


def test_where_nothing_is_true_hardly_anything_is_said(templates):
    rng, said = np.random.default_rng(3), 0
    for _ in range(100):
        found = evidence.advice(made(templates, {}, 0.02, 5, rng), margin=0.1)
        said += found.answer != "open"
    assert said <= 10  # 5 % of 100, and what chance adds to that in 1 of 90


def test_failed_runs_are_told_and_lack(templates):
    results = made(templates, same(0.1, 0.1))
    runs = [failed(r) if r.scenario == "ranking-alone" else r for r in results.records]
    found = evidence.advice(Results.of(runs))
    assert found.answer == "partly"
    assert found.arm.lacking == ("ranking",)
    said = evidence.advice_sentences(found)
    assert said[0].endswith("retrieval gains, whether ranking loses the data does not say")
    assert "  ranking: the data does not say: no run of it alone has results" in said
    assert "failed: 10 runs, which count nowhere" in said


def test_what_is_no_answer_is_refused(templates):
    both = made(templates, {}).records
    for few, why in (
        ([r for r in both if r.scenario.endswith("-alone")], "scenarios of several tasks"),
        ([r for r in both if not r.scenario.endswith("-alone")], "a task alone and with others"),
    ):
        with pytest.raises(RecordError, match=why):
            evidence.advice(Results.of(few))


def test_few_seeds_support_nothing(templates):
    found = evidence.advice(made(templates, same(0.1, 0.1), seeds=2))
    assert found.answer == "open"
    assert "too few" in evidence.advice_sentences(found)[1]


def test_it_is_json_and_words(templates):
    found = api.Advice(api.Results.of(made(templates, same(0.1, 0.1)).records))
    values = json.loads(json.dumps(found.values, allow_nan=False))
    assert (found.answer, found.weighting) == ("together", "constant")
    assert values["arms"]["constant"]["against_alone"][0]["reading"] == "better"
    assert str(found).splitlines() == values["said"]
    assert str(found).startswith("yes: train ranking and retrieval together, with constant: ")


# -- the arms --------------------------------------------------------------------------------------

TASKS = {"ranking": {"interaction": "dot"}, "retrieval": {"top_k": [5]}, "click": {}}


def suite(**changes):
    """A suite of three tasks."""
    tower = {"name": "embedding", "embedding_dim": 4}
    return {
        "name": "mine",
        "dataset": {"name": "synthetic", "num_users": 30, "num_items": 20, "num_ratings": 200},
        "split": {"name": "random", "test_share": 0.2, "validation_share": 0.1},
        "towers": {"query": tower, "candidate": tower},
        "tasks": TASKS,
        "scenarios": {
            "alone": {"tasks": ["ranking"]},
            "pair": {"tasks": ["retrieval", "ranking"], "weighting": "equal"},
            "all": {"extends": "pair", "tasks": [*TASKS], "labels": {"ranking": 0.5},
                    "train": {"epochs": 6}},
        },
        "train": {"epochs": 3, "optimizer": {"name": "adam", "learning_rate": 0.01}},
        "executor": "inline",
        **changes,
    }  # fmt: skip


def arms_of(said, **options):
    registry = installed()
    return advice_suite(load_suite(said, registry), registry, **options)


def test_the_arms_are_each_task_alone_a_constant_and_strategies_at_one_budget():
    made = arms_of(suite())
    assert made.name == "mine-advise"
    assert [*made.scenarios] == [*(f"{task}-alone" for task in TASKS), *ARMS]
    assert made.scenarios["constant"].weighting.name == "fixed"
    assert [*made.scenarios["constant"].tasks] == [*TASKS]
    assert {budget.trials for budget in made.budgets.values()} == {8}
    assert len(made.seeds) == SEEDS
    assert {made.setup(arm).train.epochs for arm in made.arms} == {6}  # as `all` has it
    assert {arm for arm in made.arms if made.setup(arm).labels} == {"ranking-alone", *ARMS}
    space = {"train.optimizer.learning_rate", "train.epochs"}
    weights = {"weighting.weights.retrieval", "weighting.weights.click"}
    for arm, budget in made.budgets.items():
        assert {*budget.space} == (space | weights if arm == "constant" else space)
    assert made.tune.metrics == ("ranking/rmse", "retrieval/top_5_seen_kept", "click/auc")
    assert load_suite(made.asked.suite, installed(), overrides=made.asked.overrides,
                      seeds=made.asked.seeds) == made  # as a worker reads it  # fmt: skip


def test_a_scenario_may_be_named_and_the_suites_tuning_stays():
    tune = {
        "trials": 3, "metrics": ["retrieval/recall_5_seen_removed"], "sampler": "grid",
        "space": {"towers.*.embedding_dim": [4, 8], "tasks.retrieval.temperature": [0.5, 1.0]},
    }  # fmt: skip
    tasks = {**TASKS, "retrieval": {"top_k": [5], "measures": ["recall"]}}
    scenarios = {k: v for k, v in suite()["scenarios"].items() if k != "alone"}
    scenarios["own"] = {"extends": "all", "tune": {"space": {"weighting": ["equal"]}}}
    said = suite(tune=tune, seeds=[4, 5], main="retrieval", tasks=tasks, scenarios=scenarios)
    made = arms_of(said, scenario="pair", strategies=["pcgrad"])
    assert [*made.scenarios] == ["ranking-alone", "retrieval-alone", "constant", "pcgrad"]
    assert made.seeds == (4, 5)
    assert made.main == "retrieval"
    assert made.tune.metrics == ("retrieval/recall_5_seen_removed", "ranking/rmse")
    assert {budget.trials for budget in made.budgets.values()} == {3}  # a grid's would differ
    assert {*made.budgets["pcgrad"].space} == {*tune["space"]}
    assert {*made.budgets["ranking-alone"].space} == {"towers.*.embedding_dim"}
    own = {*made.budgets["constant"].space} - {*made.budgets["pcgrad"].space}
    assert own == {"weighting.weights.ranking"}  # that of the main task stays 1
    assert {b.trials for b in arms_of(said, scenario="pair", trials=5).budgets.values()} == {5}


def test_seeds_that_nobody_gave_are_none_of_tuning():
    tune = {"trials": 2, "seeds": [3, 5], "metrics": ["ranking/rmse", "retrieval/top_5_seen_kept"]}
    scenarios = {"pair": suite()["scenarios"]["pair"]}
    made = arms_of(suite(tune=tune, scenarios=scenarios))
    assert made.seeds == (0, 1, 2, 4, 6, 7, 8, 9, 10, 11)
    assert made.tune.seeds == [3, 5]


def test_the_scenario_is_taken_without_its_sweep_and_subsets():
    swept = {"extends": "pair", "tasks": [*TASKS], "train": {"epochs": 9}, "subsets": True,
             "sweep": {"train.optimizer.learning_rate": [0.5, 0.7]}}  # fmt: skip
    made = arms_of(suite(scenarios={"pair": suite()["scenarios"]["pair"], "swept": swept}))
    assert [*made.scenarios] == [*(f"{task}-alone" for task in TASKS), *ARMS]
    assert {(t.epochs, t.optimizer.learning_rate) for t in
            (made.setup(arm).train for arm in made.arms)} == {(9, 0.01)}  # fmt: skip
    assert made.tune.space["train.epochs"].int == [5, 18]


@pytest.mark.parametrize(
    ("changes", "options", "told"),
    [
        ({"tasks": {"ranking": {}}, "scenarios": {"a": {"tasks": ["ranking"]}}}, {},
         "suite: tasks: expected several tasks, to train together or apart, found ranking alone"),
        ({}, {"scenario": "alone"}, "suite: scenarios.alone.tasks: expected several tasks"),
        ({}, {"scenario": "al"}, r"--scenario al: unknown scenario 'al' \(did you mean 'all'\?\)"),
        ({"split": "random"}, {}, "suite: split: expected a split with a validation part"),
        ({}, {"strategies": ["pcgrd"]}, "--strategies: unknown weighting 'pcgrd'"),
        ({}, {"strategies": ["fixed"]}, "--strategies: expected strategies besides the constant"),
        ({}, {"strategies": ["mgda", "mgda"]}, "--strategies: expected strategies besides"),
        ({"tasks": {"click": {}, "conversion": {"form": "click-space"}},
          "scenarios": {"a": {"tasks": ["click", "conversion"], "weighting": "equal"}}},
         {}, "suite: an arm of the advice: scenarios.conversion-alone.tasks: expected 'click'"),
        ({"main": "click"}, {"scenario": "pair"}, "main: expected a task that is trained"),
    ],
)  # fmt: skip
def test_what_no_arms_can_be_made_of_is_told_in_one_line(changes, options, told):
    with pytest.raises(SuiteError, match=told) as caught:
        arms_of(suite(**changes), **options)
    assert len(caught.value.faults) == 1


def test_the_command_says_so_with_code_2(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(yaml.safe_dump(suite(split="random")))
    assert main(["advise", "mine.yaml"]) == 2
    assert "mine.yaml: split: expected a split with a validation part" in capsys.readouterr().err
    Path("mine.yaml").write_text(yaml.safe_dump(suite()))
    assert main(["advise", "mine.yaml", "--strategies", "mgda,"]) == 2
    assert "--strategies mgda,: expected names" in capsys.readouterr().err
    assert not Path("results").exists()


@pytest.mark.thorough
def test_a_suite_is_advised_on_and_what_is_done_is_not_done_again(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(yaml.safe_dump(suite()))
    words = ["advise", "mine.yaml", "--scenario", "pair", "--trials", "1", "--seeds", "3"]
    assert main([*words, "--strategies", "uncertainty"]) == 0
    out = capsys.readouterr().out
    assert "rests on: 4 arms (ranking-alone, retrieval-alone, constant and uncertainty), 3" in out
    assert "tuned: 1 trial for each arm on the validation part of seed 1000" in out
    assert main([*words, "--strategies", "uncertainty", "--json"]) == 0
    told = capsys.readouterr()
    assert "12 of 12 runs are done already" in told.err
    found = mtbench.advise("mine.yaml", scenario="pair", trials=1, seeds=3, progress=False,
                           strategies=["uncertainty"])  # fmt: skip
    assert json.loads(told.out) == json.loads(json.dumps(found.values))
    assert str(found) == out.rstrip("\n")
    again = evidence.advice(Results.read(Path("results/mine-advise")))
    assert evidence.advice_sentences(again) == str(found).splitlines()


def test_records_of_a_folder_are_enough(templates, tmp_path):
    runs = made(templates, same(0.1, 0.1), seeds=3).records
    found = evidence.advice(Results.read(write(tmp_path / "mine", runs)))
    assert found.answer == evidence.advice(Results.of(runs)).answer
