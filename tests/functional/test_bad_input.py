"""Bad input: one clear line each, exit code 2, nothing half-written. A golden test.

`MTBENCH_UPDATE_GOLDEN=1 pytest tests/functional/test_bad_input.py` writes the golden file anew.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cases import read_cases, write_case
from made import some

from mtbench import __version__
from mtbench.cli.main import main

GOLDEN = Path(__file__).parents[1] / "golden" / "bad_input.txt"
BASE = """\
name: bad
dataset: {name: synthetic, num_users: 30, num_items: 40, num_ratings: 300}
split: {name: random, test_share: 0.2}
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
    weighting: {name: fixed, weights: {ranking: 1}}
train:
  epochs: 2
  batch_size: 64
seeds: 2
"""
PLUGIN = '''\
"""A weighting."""
import mtbench


class Mine(mtbench.LossWeighting):
    """Mine."""

    name = "mine"

    def build(self, tasks):
        return sum


@mtbench.hookimpl
def mtbench_weightings():
    return [Mine]
'''


def edit(old, new, text=BASE):
    assert old in text
    return text.replace(old, new)


RUN = ["run", "bad.yaml"]
MINE = [*RUN, "-p", "plugin.py"]
# name: (command line, suite, plugin.py)
CASES = {
    "unknown key, top level": (RUN, edit("seeds:", "seed:"), None),
    "unknown key, section": (RUN, edit("epochs:", "epoch:"), None),
    "unknown key, nested section": (RUN, edit("epochs: 2", "optimizer: {rate: 1}"), None),
    "unknown key, option": (RUN, edit("test_share:", "test_size:"), None),
    "unknown key, towers": (RUN, edit("  query:", "  user:"), None),
    "unknown key, scenario": (RUN, edit("    weighting:", "    weights:"), None),
    "part without an optimizer": (
        RUN, edit("epochs: 2", "groups: {rankin: {name: sgd}}"), None
    ),
    "schedule that there is not": (RUN, edit("epochs: 2", "schedule: {name: cosin}"), None),
    "momentum of another optimizer": (
        RUN, edit("epochs: 2", "optimizer: {name: adam, momentum: 0.9}"), None
    ),
    "early stopping by an unknown metric": (
        RUN, edit("epochs: 2", "early_stopping: {metrics: [ranking/rmsee]}"), None
    ),
    "early stopping by nothing": (RUN, edit("epochs: 2", "early_stopping: {patience: 3}"), None),
    "histories of candidates": (
        RUN, edit("candidate: {name: embedding,", "candidate: {name: bag,"), None
    ),
    "task with the name of a tower": (RUN, edit("  ranking: {units: [8]}", "  ranking: {units: [8]}\n  query: {name: ranking}"), None),
    "part to score that there is not": (RUN, edit("seeds: 2", "seeds: 2\nevaluate_on: tests"), None),
    "no validation part": (RUN, edit("seeds: 2", "seeds: 2\nevaluate_on: validation"), None),
    "early stopping without a validation part": (
        ["check", "bad.yaml"],
        edit("epochs: 2", "epochs: 2\n  early_stopping: {metrics: [ranking/rmse]}"), None,
    ),
    "towers of two sizes": (["check", "bad.yaml"], edit("query: {name: embedding, embedding_dim: 4}", "query: {name: embedding, embedding_dim: 8}"), None),
    "file that is not there": (["check", "bad.yaml"], edit("dataset:", "dataset: {name: table, path: absent.csv}\n#"), None),
    "wrong type": (RUN, edit("epochs: 2", "epochs: many"), None),
    "wrong type, option": (RUN, edit("units: [8]", "units: 8"), None),
    "wrong type, section": (RUN, edit("towers:\n", "towers: 3\nrest:\n"), None),
    "unknown plugin": (RUN, edit("name: fixed", "name: fixd"), None),
    "unknown task plugin": (RUN, edit("  ranking: {units", "  rating: {units"), None),
    "duplicate name": (["run", "bad.yaml", "-p", "plugin.py"], BASE, edit('"mine"', '"fixed"', PLUGIN)),
    "duplicate key": (RUN, edit("seeds: 2", "seeds: 2\nname: again"), None),
    "weight for a task that does not exist": (RUN, edit("weights: {ranking", "weights: {rankin"), None),
    "negative weight": (RUN, edit("ranking: 1}", "ranking: -1}"), None),
    "weights all zero": (RUN, edit("{ranking: 1}", "{ranking: 0, retrieval: 0}"), None),
    "scenario without tasks": (RUN, edit("{tasks: [ranking]}", "{tasks: []}"), None),
    "scenario that is empty": (RUN, edit("rating-only: {tasks: [ranking]}", "rating-only:"), None),
    "unknown task": (RUN, edit("[ranking, retrieval]", "[ranking, retrival]"), None),
    "task given twice": (RUN, edit("[ranking, retrieval]", "[ranking, ranking]"), None),
    "no weighting": (RUN, edit("    weighting: {name: fixed, weights: {ranking: 1}}\n", ""), None),
    "batch size 0": (RUN, edit("batch_size: 64", "batch_size: 0"), None),
    "test share 1.5": (RUN, edit("test_share: 0.2", "test_share: 1.5"), None),
    "option out of a list": (RUN, edit("epochs: 2", "optimizer: {name: adamm}"), None),
    "too many ratings": (RUN, edit("num_ratings: 300", "num_ratings: 3000"), None),
    "missing section": (RUN, edit("split: {name: random, test_share: 0.2}\n", ""), None),
    "no seeds": (RUN, edit("seeds: 2", "seeds: []"), None),
    "a name that is no folder": (RUN, edit("name: bad", "name: ../bad"), None),
    "several faults": (
        RUN,
        edit("epochs: 2", "epochs: 0", edit("0.2", "2", edit("embedding_dim: 4}\n  c", "dim: 4}\n  c"))),
        None,
    ),
    "empty file": (RUN, "", None),
    "a list": (RUN, "- name: bad\n", None),
    "YAML syntax error": (RUN, edit("[ranking, retrieval]", "[ranking, retrieval"), None),
    "YAML tag": (RUN, edit("seeds: 2", "seeds: !!python/object:os.system {}"), None),
    "YAML that contains itself": (RUN, edit("seeds: 2", "seeds: &a [*a]"), None),
    "missing suite": (["run", "nowhere.yaml"], BASE, None),
    "missing data": (["run", "bad.yaml", "-o", "dataset=movielens"], BASE, None),
    "no stand-in": (["run", "bad.yaml", "--synthetic"], BASE, None),
    "plugin raises on import": (
        ["run", "bad.yaml", "-p", "plugin.py"], BASE, edit("import mtbench\n", "import mtbench\n1 / 0\n", PLUGIN)
    ),
    "plugin with a syntax error": (
        ["run", "bad.yaml", "-p", "plugin.py"], BASE, edit("return sum", "return (", PLUGIN)
    ),
    "plugin without hookimpl": (
        ["run", "bad.yaml", "-p", "plugin.py"], BASE, edit("@mtbench.hookimpl\n", "", PLUGIN)
    ),
    "plugin with a misspelt hook": (
        ["run", "bad.yaml", "-p", "plugin.py"], BASE, edit("mtbench_weightings", "mtbench_weighting", PLUGIN)
    ),
    "plugin without a hook": (["run", "bad.yaml", "-p", "plugin.py"], BASE, "x = 1\n"),
    "plugin that gives no list": (
        ["run", "bad.yaml", "-p", "plugin.py"], BASE, edit("return [Mine]", "return Mine", PLUGIN)
    ),
    "plugin that gives another class": (
        ["run", "bad.yaml", "-p", "plugin.py"], BASE, edit("return [Mine]", "return [dict]", PLUGIN)
    ),
    "plugin without a name": (
        ["run", "bad.yaml", "-p", "plugin.py"], BASE, edit('    name = "mine"\n', "", PLUGIN)
    ),
    "plugin file of the suite is missing": (RUN, BASE + "plugins: [nowhere.py]\n", None),
    "unwritable output": (["run", "bad.yaml", "--results", "plugin.py"], BASE, PLUGIN),
    "unknown command": (["rnu", "bad.yaml"], BASE, None),
    "unknown option": (["run", "bad.yaml", "--sedes", "3"], BASE, None),
    "unknown format": (["run", "bad.yaml", "--format", "cvs"], BASE, None),
    "unknown scenario": (["run", "bad.yaml", "--scenario", "joined"], BASE, None),
    "unknown kind": (["plugins", "weightings"], BASE, None),
    "unknown component": (["plugins", "weighting", "uncertanty"], BASE, None),
    "override without a value": (["run", "bad.yaml", "-o", "train.epochs"], BASE, None),
    "override of an unknown key": (["run", "bad.yaml", "-o", "train.epoch=3"], BASE, None),
    "override that is no YAML": (["run", "bad.yaml", "-o", "train.epochs=[3"], BASE, None),
    "override below a value": (["run", "bad.yaml", "-o", "train.epochs.more=3"], BASE, None),
    "bad seeds": (["run", "bad.yaml", "--seeds", "ten"], BASE, None),
    "negative seeds": (["run", "bad.yaml", "--seeds", "-3"], BASE, None),
    "report on nothing": (["report", "nowhere"], BASE, None),
    "import of what is no archive": (["data", "import", "bad.yaml"], BASE, None),
    "import of nothing": (["data", "import", "nowhere.zip"], BASE, None),
    "nothing after the name": (RUN, edit("name: bad", "name:"), None),
    "unknown key, no near one": (RUN, BASE + "zzz: 3\n", None),
    "unknown option of a nested component": (RUN, edit("units: [8]", "unit: [8]"), None),
    "wrong type, fraction": (RUN, edit("epochs: 2", "epochs: 2.5"), None),
    "wrong type, element of a list": (RUN, edit("top_k: [1, 5]", "top_k: [1, five]"), None),
    "wrong type, weight": (RUN, edit("{ranking: 1}", "{ranking: high}"), None),
    "wrong type, component": (RUN, edit("weighting: {name: fixed, weights: {ranking: 1}}", "weighting: 3"), None),
    "wrong type, plugins": (RUN, BASE + "plugins: mine.py\n", None),
    "infinite": (RUN, edit("epochs: 2", "epochs: .inf"), None),
    "one tower": (RUN, edit("  candidate: {name: embedding, embedding_dim: 4}\n", ""), None),
    "a tower that is none": (RUN, edit("query: {name: embedding", "query: {name: embeding"), None),
    "missing dataset": (RUN, edit(BASE.splitlines(keepends=True)[1], ""), None),
    "missing name": (RUN, edit("name: bad\n", ""), None),
    "scenario that is a list": (RUN, edit("rating-only: {tasks: [ranking]}", "rating-only: [ranking]"), None),
    "tasks that are a word": (RUN, edit("{tasks: [ranking]}", "{tasks: ranking}"), None),
    "negative seed in a list": (RUN, edit("seeds: 2", "seeds: [1, -1]"), None),
    "faults of file and command line": (
        ["run", "bad.yaml", "-o", "train.epochs=0", "-o", "tasks.ranking.units=[0]"],
        edit("batch_size: 64", "batch_size: 0", edit("name: random", "name: rand")),
        None,
    ),
    "only a comment": (RUN, "# later\n", None),
    "a word": (RUN, "hello\n", None),
    "a tab": (RUN, edit("  epochs", "\tepochs"), None),
    "a date that there is none of": (RUN, edit("epochs: 2", "epochs: 2020-99-99"), None),
    "a list as a key": (RUN, BASE + "? [a, b]\n: 3\n", None),
    "unknown anchor": (RUN, edit("seeds: 2", "seeds: *few"), None),
    "a merged number": (RUN, BASE + "<<: 3\n", None),
    "several documents": (RUN, BASE + "---\nname: more\n", None),
    "suite that is a folder": (["run", "."], BASE, None),
    "unknown config of the data": (["run", "bad.yaml", "-o", "dataset={name: movielens, config: 2m}"], BASE, None),
    "plugin raises in a function": (
        MINE, BASE, edit("import mtbench\n", "import mtbench\ndef f():\n    raise OSError('no\\nluck')\nf()\n", PLUGIN)
    ),
    "plugin imports what is not there": (MINE, BASE, "import nosuchmodule\n" + PLUGIN),
    "plugin whose hook raises": (MINE, BASE, edit("return [Mine]", "return 1 / 0", PLUGIN)),
    "plugin whose hook takes arguments": (MINE, BASE, edit("weightings()", "weightings(registry)", PLUGIN)),
    "plugin that gives nothing": (MINE, BASE, edit("return [Mine]", "pass", PLUGIN)),
    "plugin that gives an instance": (MINE, BASE, edit("return [Mine]", "return [Mine()]", PLUGIN)),
    "plugin that gives a name": (MINE, BASE, edit("return [Mine]", 'return "Mine"', PLUGIN)),
    "plugin that gives another kind": (MINE, BASE, edit("mtbench_weightings", "mtbench_towers", PLUGIN)),
    "plugin that is no Python": (["run", "bad.yaml", "-p", "bad.yaml"], BASE, None),
    "plugin file is missing": (MINE, BASE, None),
    "plugin of the suite raises": (RUN, BASE + "plugins: [plugin.py]\n", "1 / 0\n"),
    "option of a plugin is missing": (
        [*MINE, "-o", "scenarios.joint.weighting=mine"], BASE, edit('"mine"\n', '"mine"\n    power: float\n', PLUGIN)
    ),
    "no command": ([], BASE, None),
    "no suite": (["run"], BASE, None),
    "a word too many": (["check", "bad.yaml", "more"], BASE, None),
    "option without its value": (["check", "bad.yaml", "-o"], BASE, None),
    "unknown option with a value": (["run", "bad.yaml", "--sedes=3"], BASE, None),
    "unknown command of data": (["data", "imprt", "ml-100k.zip"], BASE, None),
    "override without a key": (["run", "bad.yaml", "-o", "=3"], BASE, None),
    "override with a tag": (["run", "bad.yaml", "-o", "seeds=!!python/object:os.system {}"], BASE, None),
    "override of an element": (["run", "bad.yaml", "-o", "tasks.retrieval.top_k.0=3"], BASE, None),
    "seeds with a fraction": (["run", "bad.yaml", "--seeds", "1.5"], BASE, None),
    "no seeds on the command line": (["run", "bad.yaml", "--seeds", "0"], BASE, None),
    "seeds that are no YAML": (["run", "bad.yaml", "--seeds", "[3"], BASE, None),
    "report on a file": (["report", "bad.yaml"], BASE, None),
    "import of a folder": (["data", "import", "."], BASE, None),
    "a circle of tasks that read each other": (
        ["check", "bad.yaml"],
        edit("  ranking: {units", "  one: {name: conversion, click: two}\n  two: {name: conversion, click: one}\n  ranking: {units"),
        None,
    ),
    "a task that reads what there is not": (
        ["check", "bad.yaml"], edit("  ranking: {units", "  conversion: {click: retrival}\n  ranking: {units"), None
    ),
    "a task that reads what hands on nothing such": (
        ["check", "bad.yaml"], edit("  ranking: {units", "  conversion: {click: ranking}\n  ranking: {units"), None
    ),
    "a task that reads what nothing trains": (
        ["check", "bad.yaml"],
        edit("[ranking]", "[conversion]", edit("  ranking: {units", "  conversion: {gradients: false}\n  click: {threshold: 1}\n  ranking: {units")),
        None,
    ),
    "a mask that leaves no row": (
        RUN,
        edit("[ranking]", "[conversion]", edit("num_ratings: 300", "num_ratings: 300, cascade: {}", edit(
            "  ranking: {units", "  conversion: {where: {click: {least: 2}}}\n  click: {threshold: 1, label: click}\n  ranking: {units"
        ))),
        None,
    ),
}  # fmt: skip


@pytest.fixture
def told(tmp_path, monkeypatch, capsys, registry):
    """Run a case in a folder of its own and give its lines on the standard error."""

    def run(words, suite, plugin):
        (tmp_path / "bad.yaml").write_text(suite)
        if plugin:
            (tmp_path / "plugin.py").write_text(plugin)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("TFDS_DATA_DIR", "empty")
        monkeypatch.setattr(registry.find("dataset", "movielens"), "_in_reach", lambda self: False)
        before = contents(tmp_path)
        try:
            code = main(words)
        except SystemExit as stopped:
            code = stopped.code
        output, errors = capsys.readouterr()
        assert code == 2
        assert output == ""
        assert "Traceback" not in errors
        assert contents(tmp_path) == before  # nothing is left in the results, nor anywhere else
        return errors.splitlines()

    return run


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name, told):
    lines = [
        line.replace(f"mtbench {__version__}", "mtbench VERSION") for line in told(*CASES[name])
    ]
    if os.environ.get("MTBENCH_UPDATE_GOLDEN"):
        write_case(GOLDEN, CASES, name, lines)
    assert lines == read_cases(GOLDEN)[name]
    indented = [line for line in lines if line.startswith("  - ")]  # ways out, below their line
    assert len(lines) > len(indented)
    assert all(line.startswith("mtbench") for line in lines if line not in indented)


def test_the_golden_file_has_these_cases_only():
    assert list(read_cases(GOLDEN)) == list(CASES)


# name: (command line, suite, plugin.py, start of the one line there should be)
BROKEN = {
    "task that is a mapping": (
        RUN, edit("[ranking, retrieval]", "[ranking, {name: retrieval}]"), None,
        r"bad\.yaml:13: scenarios\.joint\.tasks\.1: ",
    ),
    "task that is a list": (
        RUN, edit("[ranking, retrieval]", "[ranking, [retrieval]]"), None,
        r"bad\.yaml:13: scenarios\.joint\.tasks\.1: ",
    ),
    "plugin that exits": (MINE, BASE, "import sys\nsys.exit(3)\n" + PLUGIN, r"plugin\.py:2: SystemExit"),
    "observer of what there is not": (
        MINE, BASE, "import mtbench\n@mtbench.hookimpl\ndef mtbench_run_started(rnu): ...\n",
        r"plugin\.py.*mtbench_run_started.*rnu",
    ),
    "plugin whose check raises": (
        [*MINE, "-o", "scenarios.joint.weighting=mine"], BASE,
        edit("    def build", "    def check(self, tasks):\n        return 1 / 0\n\n    def build", PLUGIN),
        r".*plugin\.py.*ZeroDivisionError",
    ),
    "plugin whose validator raises": (
        [*MINE, "-o", "scenarios.joint.weighting=mine"], BASE,
        edit("    def build", "    def model_post_init(self, _):\n        1 / 0\n\n    def build", PLUGIN),
        r".*plugin\.py.*ZeroDivisionError",
    ),
    "option that has no JSON Schema": (
        ["schema", "-p", "plugin.py"], BASE,
        "import typing\n" + edit('"mine"\n', '"mine"\n    power: typing.Callable = len\n', PLUGIN), r".*power",
    ),
    "option that has no JSON form": (
        ["plan", "bad.yaml", *MINE[2:], "-o", "scenarios.joint.weighting=mine"], BASE,
        edit('"mine"\n', '"mine"\n    power: object = object()\n', PLUGIN), r".*power",
    ),
    "component of a suite's plugin, beside a fault": (
        RUN, edit("epochs: 2", "epochs: 0", edit("name: fixed, weights: {ranking: 1}", "name: mine"))
        + "plugins: [plugin.py]\n", PLUGIN,
        r"bad\.yaml:16: train\.epochs: expected greater than or equal to 1, found 0$",
    ),
    "plugin file of the suite, with its line": (
        RUN, BASE + "plugins: [nowhere.py]\n", None, r"bad\.yaml:19: plugins\.0: ",
    ),
    "key of two lines": (RUN, BASE + '"a\\nb": 2\n', None, r"bad\.yaml:19: .*unknown key"),
    "infinite learning rate": (
        RUN, edit("epochs: 2", "optimizer: {learning_rate: .inf}"), None,
        r"bad\.yaml:16: train\.optimizer\.learning_rate: expected .*found inf",
    ),
    "a yes for a number": (
        RUN, edit("epochs: 2", "epochs: yes"), None, r"bad\.yaml:16: train\.epochs: expected .*found True",
    ),
    "a key twice on the command line": (
        ["run", "bad.yaml", "-o", "train={epochs: 1, epochs: 2}"], BASE, None, r"-o train=.*given twice",
    ),
    "a date that there is none of, on the command line": (
        ["run", "bad.yaml", "-o", "train.epochs=2020-99-99"], BASE, None, r"-o train\.epochs=2020-99-99: ",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_bad_input_that_is_not_told_well(name, told, monkeypatch):
    *case, pattern = BROKEN[name]
    # a suite that is wrongly taken for valid is not to be executed
    monkeypatch.setattr("mtbench.runs.execute.execute", lambda *_: iter(()))
    lines = told(*case)
    assert len(lines) == 1
    assert re.match(f"mtbench: {pattern}", lines[0])


def test_a_number_of_seeds_that_no_memory_holds(tmp_path):
    (tmp_path / "bad.yaml").write_text(edit("seeds: 2", "seeds: 2000000000"))
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30));"
        "import sys; from mtbench.cli import main; sys.exit(main(['check', 'bad.yaml']))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("mtbench: bad.yaml:18: seeds: ")


BEFORE = [
    "unknown key, option",
    "unknown plugin",
    "negative weight",
    "several faults",
    "plugin without hookimpl",
]


@pytest.mark.parametrize("name", some(BEFORE, "several faults"))
def test_before_tensorflow_is_imported(name, tmp_path):
    words, suite, plugin = CASES[name]
    (tmp_path / "bad.yaml").write_text(suite)
    (tmp_path / "plugin.py").write_text("import tensorflow as tf\n" + (plugin or PLUGIN))
    code = (
        "import sys; from mtbench.cli import main; code = main(sys.argv[1:]);"
        "assert 'tensorflow.python' not in sys.modules; sys.exit(code)"
    )
    command = [sys.executable, "-c", code, *MINE, *words[4:]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()) == (2, read_cases(GOLDEN)[name])


def test_an_installed_plugin_that_fails_to_load_is_named(tmp_path, monkeypatch, capsys):
    """A warning, quoted again where the suite needs something that is missing."""
    info = tmp_path / "broken-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[mtbench]\nbroken = broken_plugin\n")
    (tmp_path / "broken_plugin.py").write_text("raise OSError('no luck')\n")
    (tmp_path / "bad.yaml").write_text(BASE.replace("name: fixed", "name: lucky"))
    (tmp_path / "good.yaml").write_text(BASE)
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["check", str(tmp_path / "good.yaml")]) == 0
    reason = "plugin broken (broken) failed to load: OSError: no luck"
    assert f"mtbench: warning: {reason}\n" in capsys.readouterr().err
    assert main(["check", str(tmp_path / "bad.yaml")]) == 2
    told = capsys.readouterr().err
    assert "unknown weighting 'lucky' (known: aligned-mtl, auto-lambda, " in told
    assert f", uncertainty, upgrad, uw-so); {reason}" in told
