"""Bad input: one clear line each, exit code 2, nothing half-written. A golden test.

`MTBENCH_UPDATE_GOLDEN=1 pytest tests/functional/test_bad_input.py` writes the golden file anew.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mtbench.cli import main

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
# name: (command line, suite, plugin.py)
CASES = {
    "unknown key, top level": (RUN, edit("seeds:", "seed:"), None),
    "unknown key, section": (RUN, edit("epochs:", "epoch:"), None),
    "unknown key, nested section": (RUN, edit("epochs: 2", "optimizer: {rate: 1}"), None),
    "unknown key, option": (RUN, edit("test_share:", "test_size:"), None),
    "unknown key, towers": (RUN, edit("  query:", "  user:"), None),
    "unknown key, scenario": (RUN, edit("    weighting:", "    weights:"), None),
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
}  # fmt: skip


def read_golden():
    cases, name = {}, None
    for line in GOLDEN.read_text().splitlines() if GOLDEN.exists() else ():
        if line.startswith("## "):
            name = line[3:]
            cases[name] = []
        elif name and line:
            cases[name].append(line)
    return cases


def write_golden(name, lines):
    cases = {**read_golden(), name: lines}
    text = [f"## {key}\n" + "\n".join(cases[key]) + "\n" for key in CASES if key in cases]
    GOLDEN.write_text("\n".join(text))


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name, tmp_path, monkeypatch, capsys, registry):
    words, suite, plugin = CASES[name]
    (tmp_path / "bad.yaml").write_text(suite)
    if plugin:
        (tmp_path / "plugin.py").write_text(plugin)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", "empty")
    monkeypatch.setattr(registry.find("dataset", "movielens"), "_in_reach", lambda self: False)
    try:
        code = main(words)
    except SystemExit as stopped:
        code = stopped.code
    output, told = capsys.readouterr()
    lines = [line for line in told.splitlines() if line]
    if os.environ.get("MTBENCH_UPDATE_GOLDEN"):
        write_golden(name, lines)
    assert code == 2
    assert output == ""
    assert lines == read_golden()[name]
    assert "Traceback" not in told
    results = tmp_path / "results"
    assert not results.exists() or not [path for path in results.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "name", ["unknown key, option", "unknown plugin", "plugin without hookimpl"]
)
def test_before_tensorflow_is_imported(name, tmp_path):
    words, suite, plugin = CASES[name]
    (tmp_path / "bad.yaml").write_text(suite)
    if plugin:
        (tmp_path / "plugin.py").write_text("import tensorflow as tf\n" + plugin)
    code = (
        "import sys; from mtbench.cli import main; code = main(sys.argv[1:]);"
        "assert 'tensorflow.python' not in sys.modules; sys.exit(code)"
    )
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 2, done.stderr


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
    assert (
        f"unknown weighting 'lucky' (known: fixed, uncertainty); {reason}"
        in capsys.readouterr().err
    )
