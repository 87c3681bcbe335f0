"""The JSON Schema of a suite."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from mtbench.cli import main
from mtbench.schema import suite_schema

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
