"""Reading suites: YAML with lines, overrides, components."""

import dataclasses
from pathlib import Path

import pydantic
import pytest
from public import FORMS, PREPARED

from mtbench.errors import SuiteError
from mtbench.plugin.registry import installed
from mtbench.suite.reader import load_suite
from mtbench.suite.training import Train

SUITES = sorted((Path(__file__).parent.parent / "suites").glob("*.yaml"))
PLAIN = {
    "optimizer": {"momentum": None, "weight_decay": None, "l2": 0.0},
    "train": {
        "groups": {},
        "schedule": {"name": "constant", "end": 0.01, "warmup_epochs": 0.0},
        "clip_norm": None,
        "validate_every": None,
        "early_stopping": None,
    },
}


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_suites_of_the_project(path, registry):
    suite = load_suite(path, registry)
    assert suite.name == path.stem
    alone = {s.tasks for s in suite.scenarios.values() if len(s.tasks) == 1}
    assert any(len(s.tasks) > 1 for s in suite.scenarios.values())
    if path.stem == "conversion":  # whose tasks read each other
        return
    if path.stem in {*FORMS, *PREPARED}:  # of public data, with tasks of their own
        assert alone
        return
    assert ("ranking",) in alone
    assert ("retrieval",) in alone or path.stem == "transfer"


def test_the_strategies_suite_has_every_strategy(registry):
    suite = load_suite(SUITES[0].parent / "ml100k-strategies.yaml", registry)
    known = {cls.name for cls, _ in registry if cls.kind == "weighting"}
    assert {s.weighting.name for s in suite.scenarios.values() if s.weighting} == known
    assert all(n == s.weighting.name for n, s in suite.scenarios.items() if n in known)
    fixed = [n for n, s in suite.scenarios.items() if s.weighting and s.weighting.name == "fixed"]
    assert fixed == [f"fixed[weights.retrieval={w}]" for w in (3, 10, 30, 100)]


def test_ml100k_is_the_tutorial(registry):
    suite = load_suite(SUITES[0].parent / "ml100k.yaml", registry)
    assert suite.train.model_dump() == {
        "epochs": 3,
        "batch_size": 8192,
        "optimizer": {"name": "adagrad", "learning_rate": 0.1} | PLAIN["optimizer"],
        "reshuffle": False,
        "diagnostics": False,
        **PLAIN["train"],
    }
    assert suite.tasks["ranking"].units == (256, 128)
    assert (suite.tasks["ranking"].reduction, suite.tasks["retrieval"].reduction) == ("mean", "sum")
    assert suite.towers["query"].embedding_dim == suite.towers["candidate"].embedding_dim == 32
    assert suite.split.test_share == 0.2
    assert suite.scenarios["joint"].weighting.weights == {"ranking": 1, "retrieval": 1}
    assert suite.scenarios["rating-only"].weighting is None


def test_defaults(tiny, registry):
    suite = load_suite(tiny, registry, overrides=["train={}"])
    assert suite.train == Train()
    assert suite.tasks["ranking"].name == "ranking"  # the key is the name
    assert suite.seeds == (0, 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        suite.seeds = (1,)


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("3", (0, 1, 2)), ("[3]", (3,)), ("3,4", (3, 4)), ("7,", (7,)), ("[2, 1, 2]", (2, 1))],
)
def test_seeds(tiny, registry, text, seeds):
    assert load_suite(tiny, registry, seeds=text).seeds == seeds


def test_overrides(make_suite):
    suite = make_suite(
        "scenarios.joint.weighting=uncertainty",
        "scenarios.joint.weighting.initial_log_variance=0.5",
        "train.optimizer.learning_rate=1e-3",
        "tasks.second={name: ranking, units: [4]}",
        "scenarios.joint.tasks=[second, retrieval, ranking]",
    )
    joint = suite.scenarios["joint"]
    assert (joint.weighting.name, joint.weighting.initial_log_variance) == ("uncertainty", 0.5)
    assert suite.train.optimizer.learning_rate == 0.001
    assert joint.tasks == ("ranking", "retrieval", "second")  # in the order of the suite


def test_synthetic_stands_in(tiny, registry):
    suite = load_suite(tiny, registry, overrides=["dataset=movielens"], synthetic=True)
    assert (suite.dataset.name, suite.dataset.num_users) == ("synthetic", 943)
    assert suite.stands_in_for == "movielens (config=100k, candidate=title)"


@pytest.mark.parametrize(
    ("path", "counts"),
    [("quickstart", (4, 2)), ("ml100k", (4, 3)), ("ml100k-weighting", (4, 5))],
)
def test_figures_of_the_suites_of_the_project(registry, path, counts):
    suite = load_suite(SUITES[0].parent / f"{path}.yaml", registry)
    assert (len(suite.scenarios), len(suite.seeds)) == counts
    assert suite.split.test_share == 0.2
    assert suite.stands_in_for is None
    expected = {
        "rating-only": (("ranking",), None),
        "retrieval-only": (("retrieval",), None),
        "joint": (("ranking", "retrieval"), "fixed"),
        "joint-uncertainty": (("ranking", "retrieval"), "uncertainty"),
    }
    found = {
        name: (scenario.tasks, scenario.weighting and scenario.weighting.name)
        for name, scenario in suite.scenarios.items()
    }
    assert found == expected


def test_the_weighting_suite_compares_means(registry):
    suite = load_suite(SUITES[0].parent / "ml100k-weighting.yaml", registry)
    assert {task.reduction for task in suite.tasks.values()} == {"mean"}
    assert suite.scenarios["joint"].weighting.weights == {}
    assert suite.tasks["retrieval"].sampling_correction


@pytest.fixture
def small(tmp_path):
    """A suite that says as little as it may."""
    path = tmp_path / "small.yaml"
    path.write_text(
        "name: small\ndataset: synthetic\nsplit: random\n"
        "towers: {query: embedding, candidate: mlp}\n"
        "tasks: {ranking: , find: retrieval, more: {name: ranking, units: []}}\n"
        "scenarios: {one: {tasks: [find]}, all: {tasks: [more, find, ranking], weighting: fixed}}\n"
    )
    return path


def test_defaults_and_bare_names(small, registry):
    suite = load_suite(small, registry)
    assert suite.name == "small"
    assert suite.train.model_dump() == {
        "epochs": 3,
        "batch_size": 8192,
        "optimizer": {"name": "adagrad", "learning_rate": 0.1} | PLAIN["optimizer"],
        "reshuffle": True,
        "diagnostics": False,
        **PLAIN["train"],
    }
    assert suite.seeds == (0, 1, 2)
    assert (suite.dataset.num_users, suite.dataset.num_ratings) == (943, 100_000)
    assert (suite.split.name, suite.split.test_share) == ("random", 0.2)
    assert list(suite.towers) == ["query", "candidate"]
    assert [tower.name for tower in suite.towers.values()] == ["embedding", "mlp"]
    assert {name: task.name for name, task in suite.tasks.items()} == {
        "ranking": "ranking",  # the key is the name
        "find": "retrieval",
        "more": "ranking",
    }
    assert (suite.tasks["ranking"].units, suite.tasks["more"].units) == ((256, 128), ())
    assert suite.scenarios["all"].tasks == ("ranking", "find", "more")  # in the suite's order
    assert suite.scenarios["all"].weighting.weights == {}
    assert suite.scenarios["one"].weighting is None


def test_a_suite_is_frozen(small, registry):
    suite = load_suite(small, registry)
    for thing, name in (
        (suite, "name"),
        (suite.scenarios["one"], "tasks"),
        (suite.train, "epochs"),
        (suite.train.optimizer, "learning_rate"),
        (suite.tasks["more"], "units"),
        (suite.dataset, "num_users"),
    ):
        with pytest.raises((dataclasses.FrozenInstanceError, pydantic.ValidationError)):
            setattr(thing, name, getattr(thing, name))


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("5", (0, 1, 2, 3, 4)), ("[3]", (3,)), ("[7, 0, 7]", (7, 0)), ("[2147483647]", (2**31 - 1,))],
)
def test_seeds_of_the_file(small, registry, text, seeds):
    small.write_text(small.read_text() + f"seeds: {text}\n")
    assert load_suite(small, registry).seeds == seeds
    assert load_suite(small, registry, overrides=["seeds=[9]"]).seeds == (9,)
    assert load_suite(small, registry, overrides=["seeds=[9]"], seeds="8, 9").seeds == (8, 9)


def test_overrides_of_bare_names_and_absent_sections(small, registry):
    suite = load_suite(
        small,
        registry,
        overrides=[
            "dataset.num_users=10",
            "towers.query.embedding_dim=5",
            "towers.candidate.embedding_dim=5",
            "split=random",
            "train.optimizer.name=sgd",
            "scenarios.all.weighting.weights.find=0.5",
            "scenarios.two={tasks: [ranking]}",
            "train.epochs=1",
            "train.epochs=2",  # the last one counts
            "dataset.num_ratings=100",
        ],
    )
    assert (suite.dataset.name, suite.dataset.num_users) == ("synthetic", 10)
    assert suite.towers["query"].embedding_dim == 5
    assert suite.train.optimizer.model_dump(exclude_defaults=True) == {"name": "sgd"}
    assert suite.train.epochs == 2
    assert suite.scenarios["all"].weighting.weights == {"find": 0.5}
    assert list(suite.scenarios) == ["one", "all", "two"]


def test_an_override_mends_a_fault_of_the_file(small, registry):
    small.write_text(small.read_text() + "train: {epochs: 0}\n")
    assert load_suite(small, registry, overrides=["train.epochs=4"]).train.epochs == 4


def test_synthetic_keeps_the_shape_of_the_release(small, registry):
    suite = load_suite(
        small, registry, overrides=["dataset={name: movielens, config: 1m}"], synthetic=True
    )
    dataset = suite.dataset
    assert (dataset.num_users, dataset.num_items, dataset.num_ratings) == (6040, 3883, 1_000_209)
    assert suite.stands_in_for == "movielens (config=1m, candidate=title)"


def test_plugins_are_found_beside_the_suite(small, tmp_path, monkeypatch):
    small.write_text(small.read_text() + "plugins: [more/mine.py]\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "mine.py").write_text(
        "import mtbench\nclass Mine(mtbench.LossWeighting):\n    name = 'mine'\n"
        "@mtbench.hookimpl\ndef mtbench_weightings():\n    return [Mine]\n"
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    suite = load_suite(small, installed(), overrides=["scenarios.all.weighting=mine"])
    assert suite.scenarios["all"].weighting.name == "mine"


def test_every_fault_is_given_once_in_the_order_of_lines(tmp_path, registry):
    path = tmp_path / "x.yaml"
    path.write_text(
        "train: {epochs: 0}\nname: x\ndataset: nothing\nsplit: {name: random, test_share: 3}\n"
        "towers: {query: embedding, candidate: embedding}\ntasks:\n  ranking:\n    units: [0, 0]\n"
        "scenarios:\n  one: {tasks: [ranking], weights: 1}\n"
    )
    with pytest.raises(SuiteError) as caught:
        load_suite(path, registry)
    lines = [(fault.where.rpartition(":")[2], fault.key) for fault in caught.value.faults]
    assert lines == [
        ("1", "train.epochs"),
        ("3", "dataset.name"),
        ("4", "split.test_share"),
        ("8", "tasks.ranking.units.0"),
        ("8", "tasks.ranking.units.1"),
        ("10", "scenarios.one.weights"),
    ]


def faults(registry, small, *overrides):
    with pytest.raises(SuiteError) as caught:
        load_suite(small, registry, overrides=list(overrides))
    return str(caught.value).splitlines()


def test_towers_of_two_sizes_are_a_fault_of_the_suite(small, registry):
    """Where the towers say theirs; a scenario's own towers too, once for all that share them."""
    text = "expected towers of one embedding_dim, found 5 (query) and 32 (candidate)"
    found = faults(registry, small, "towers.query.embedding_dim=5")
    assert [line.endswith(f"towers.candidate.embedding_dim: {text}") for line in found] == [True]
    of_one = "scenarios.all.towers={query: {embedding_dim: 5}}"
    assert len(faults(registry, small, of_one)) == 1


def test_a_split_without_a_validation_part_is_a_fault_where_one_is_asked_for(small, registry):
    stopping = "train.early_stopping={metrics: [find/top_1_seen_kept]}"
    for asked, key in (
        ("train.validate_every=1", "train.validate_every"),
        (stopping, "train.early_stopping"),
        ("scenarios.all.train={validate_every: 2}", "scenarios.all.train.validate_every"),
        ("evaluate_on=validation", "evaluate_on"),
    ):
        (line,) = faults(registry, small, "split=random", asked)
        assert f"{key}: expected a split with a validation part, found 'random': " in line
        assert line.endswith("give it a validation_share")
        for split in ("{name: random, validation_share: 0.1}",):
            assert load_suite(small, registry, overrides=[f"split={split}", asked])
    (line,) = faults(registry, small, "split=leave-last-out", "train.validate_every=1")
    assert line.endswith("found 'leave-last-out': say validation: true")
