"""Reading suites: YAML with lines, overrides, components."""

import dataclasses
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mtbench import marks
from mtbench.errors import SuiteError
from mtbench.suite import Train, load_suite

SUITES = sorted((Path(__file__).parent.parent / "suites").glob("*.yaml"))


def read(tmp_path, text):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    return marks.read(path, "x.yaml")


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_suites_of_the_project(path, registry):
    suite = load_suite(path, registry)
    assert suite.name == path.stem
    names = ["rating-only", "retrieval-only", "joint", "joint-uncertainty"]
    assert list(suite.scenarios) == names


def test_ml100k_is_the_tutorial(registry):
    suite = load_suite(SUITES[0].parent / "ml100k.yaml", registry)
    assert suite.train.model_dump() == {
        "epochs": 3,
        "batch_size": 8192,
        "optimizer": {"name": "adagrad", "learning_rate": 0.1},
        "reshuffle": False,
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


def test_lines(tmp_path):
    document = read(tmp_path, "a: 1\nb:\n  c: [1,\n      2]\n")
    places = {".".join(map(str, path)): place for path, place in document.places.items()}
    assert places == {
        "": "x.yaml:1",
        "a": "x.yaml:1",
        "b": "x.yaml:2",
        "b.c": "x.yaml:3",
        "b.c.0": "x.yaml:3",
        "b.c.1": "x.yaml:4",
    }
    assert str(document.fault(("b", "d", "e"), "wrong")) == "x.yaml:2: b.d.e: wrong"


def test_values(tmp_path):
    text = "base: &b {x: 1, y: 2}\nmine: {<<: *b, y: 3}\nsmall: 1e-3\n1: one\nyes: no\n"
    assert read(tmp_path, text).value == {
        "base": {"x": 1, "y": 2},
        "mine": {"x": 1, "y": 3},
        "small": 0.001,
        "1": "one",
        "yes": False,
    }


def test_several_documents_are_refused(tmp_path):
    with pytest.raises(SuiteError, match=r"x\.yaml:2: YAML: but found another document"):
        read(tmp_path, "a: 1\n---\nb: 1\n")


_TEXT = st.text("abcä :#-&*!|>%@`[]{},?'\"\\\n\t")
_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner),
    max_leaves=10,
)


@given(st.dictionaries(_TEXT, _PLAIN, min_size=1))
def test_what_yaml_dumps_is_read_back(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("yaml")
    assert read(folder, yaml.safe_dump(value, allow_unicode=True)).value == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\n? [b, c]\n: 2\n", "x.yaml:2: YAML: expected a name as key"),
        ("a: 1\nb: 2020-99-99\n", "x.yaml:2: YAML: cannot be read as timestamp"),
        ("a: 1\nb: !!int abc\n", "x.yaml:2: YAML: cannot be read as int"),
        ("a: 1\nb: !!bool abc\n", "x.yaml:2: YAML: cannot be read as bool"),
        ("a: 1\nb: " + "9" * 5000, "x.yaml:2: YAML: cannot be read as int"),
        ("a: 1\nb: " + "[" * 2000 + "]" * 2000, "x.yaml: YAML: is nested too deeply"),
    ],
)
def test_what_python_cannot_construct_is_one_line(tmp_path, text, message):
    with pytest.raises(SuiteError) as caught:
        read(tmp_path, text)
    assert str(caught.value) == message


def test_a_control_character_is_one_line(tmp_path):
    with pytest.raises(SuiteError, match="unacceptable character #x0007") as caught:
        read(tmp_path, "a: 1\nb: \x07\n")
    assert len(str(caught.value).splitlines()) == 1
