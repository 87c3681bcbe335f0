"""The JSON Schema of a suite."""

import copy
import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from mtbench.cli.main import main
from mtbench.suite.reader import load_suite
from mtbench.suite.schema import suite_schema

SUITE_KINDS = {"baseline", "dataset", "split", "tower", "task", "weighting"}
SUITES = sorted((Path(__file__).parent.parent / "suites").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator(registry):
    schema = suite_schema(registry)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture
def suite():
    return copy.deepcopy(yaml.safe_load((SUITES[0].parent / "ml100k.yaml").read_text()))


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_accepts_the_suites(validator, path):
    validator.validate(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("split.test_size", 0.2),
        ("split.test_share", 1.5),
        ("train.epochs", "many"),
        ("train.epoch", 3),
        ("towers.query.name", "embeding"),
        ("towers.middle", "mlp"),
        ("tasks.ranking.unit", [3]),
        ("tasks.more", {"name": "rank"}),
        ("scenarios.joint.weighting.weights.ranking", -1),
        ("scenarios.joint.tasks", []),
        ("seeds", 0),
        ("name", "../x"),
        ("name", 3),
        ("seeds", [-1]),
        ("seeds", 1.5),
        ("plugins", "mine.py"),
        ("dataset", "movielense"),
        ("dataset", 3),
        ("dataset", {"config": "100k"}),
        ("dataset.config", "2m"),
        ("split", {"test_share": 0.2}),
        ("split.test_share", "0.2 or so"),
        ("train", None),
        ("train.batch_size", 0),
        ("train.optimizer.name", "adamm"),
        ("train.optimizer.learning_rate", 0),
        ("towers.query", "embeding"),
        ("towers.query.embedding_dim", 0),
        ("towers", {"query": "embedding"}),
        ("tasks.ranking.units", [0]),
        ("tasks.ranking.units", 8),
        ("tasks.retrieval.top_k", ["one"]),
        ("tasks", {}),
        ("scenarios", {}),
        ("scenarios.joint", ["ranking"]),
        ("scenarios.joint.task", "ranking"),
        ("scenarios.joint.weighting", "fixd"),
        ("scenarios.joint.weighting", {"name": "uncertainty", "weights": {}}),
        ("scenarios.joint.weighting", {"weights": {"ranking": 1}}),
        ("rest", 1),
    ],
)
def test_refuses(validator, suite, path, value):
    *above, last = path.split(".")
    node = suite
    for part in above:
        node = node[part]
    node[last] = value
    assert not validator.is_valid(suite)


def test_a_missing_section_is_refused(validator, suite):
    del suite["split"]
    assert not validator.is_valid(suite)


def test_the_command_prints_it(registry, capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == suite_schema(registry)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("dataset", "movielens"),
        ("dataset", {"name": "synthetic", "num_users": 10}),
        ("split", "random"),
        ("train", {}),
        ("train.optimizer", {"name": "adam"}),
        ("seeds", [3, 4]),
        ("seeds", 1),
        ("plugins", ["mine.py"]),
        ("towers.query", "mlp"),
        ("towers.query", {"name": "mlp", "units": [], "dropout": 0.5}),
        ("tasks.ranking", None),
        ("tasks.ranking", {"name": "ranking"}),
        ("tasks.more", "ranking"),
        ("tasks.more", {"name": "ranking", "units": [8]}),
        ("scenarios.joint.weighting", {"name": "uncertainty", "learning_rate": None}),
    ],
)
def test_accepts_what_a_suite_may_say(validator, suite, path, value):
    *above, last = path.split(".")
    node = suite
    for part in above:
        node = node[part]
    node[last] = value
    assert validator.is_valid(suite)


@pytest.mark.parametrize("key", ["name", "dataset", "split", "towers", "tasks", "scenarios"])
def test_what_a_suite_has_to_say(validator, suite, key):
    del suite[key]
    (error,) = validator.iter_errors(suite)
    assert error.message == f"{key!r} is a required property"


@pytest.mark.parametrize("key", ["train", "seeds"])
def test_what_it_may_leave_out(validator, suite, key):
    del suite[key]
    validator.validate(suite)


def test_it_has_the_help_and_the_default_of_every_option(registry):
    """What an editor shows."""
    schema = suite_schema(registry)
    (fixed,) = [
        alternative
        for alternative in schema["$defs"]["weighting"]["anyOf"]
        if alternative.get("properties", {}).get("name") == {"const": "fixed"}
    ]
    weights = fixed["properties"]["weights"]
    assert weights["description"] == "Weight of each task; 1 for a task that is not named."
    assert weights["default"] == {}
    for kind in SUITE_KINDS:
        for alternative in schema["$defs"][kind]["anyOf"]:
            for name, option in alternative.get("properties", {}).items():
                assert name == "name" or {"description", "default"} <= option.keys(), name


def test_it_defines_what_it_refers_to_and_no_more(registry):
    """An observer is asked for on the command line, not in a suite."""
    schema = suite_schema(registry)
    referred = re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema))
    assert set(schema["$defs"]) - {"task"} == set(referred)  # a task may be its options alone
    assert set(schema["$defs"]) >= SUITE_KINDS


def test_a_plugin_of_a_file_is_in_it(suite, tmp_path, capsys):
    (tmp_path / "mine.py").write_text(
        "import mtbench\nclass Mine(mtbench.LossWeighting):\n    name = 'mine'\n"
        "    power: int\n    '''How much.'''\n"
        "@mtbench.hookimpl\ndef mtbench_weightings():\n    return [Mine]\n"
    )
    assert main(["schema", "-p", str(tmp_path / "mine.py")]) == 0
    validator = jsonschema.Draft202012Validator(json.loads(capsys.readouterr().out))
    for weighting, valid in (
        ({"name": "mine", "power": 2}, True),
        ({"name": "mine", "power": "two"}, False),
        ({"name": "mine"}, False),
    ):
        suite["scenarios"]["joint"]["weighting"] = weighting
        assert validator.is_valid(suite) == valid


def test_refuses_no_seeds(validator, suite):
    suite["seeds"] = []
    assert not validator.is_valid(suite)


@pytest.mark.parametrize("task", ["ranking", {"name": "retrieval", "top_k": [1]}])
def test_accepts_a_task_of_another_name(validator, suite, task, tmp_path, registry):
    suite["tasks"]["ranking"] = task
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(suite))
    load_suite(tmp_path / "x.yaml", registry)  # it is valid
    assert validator.is_valid(suite)
