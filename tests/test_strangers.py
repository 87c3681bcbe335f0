"""What a stranger's suite and plugins may do: names, bombs, exceptions, and that they are code."""

import time
from pathlib import Path

import pytest

from mtbench.cli.main import main

TINY = """
name: tiny
dataset: {name: synthetic, num_users: 30, num_items: 40, num_ratings: 300}
split: {name: random, test_share: 0.2}
towers:
  query: {name: embedding, embedding_dim: 4}
  candidate: {name: embedding, embedding_dim: 4}
tasks: {ranking: {units: [8]}}
scenarios: {only: {tasks: [ranking]}}
train: {epochs: 1, batch_size: 64}
seeds: 1
"""


@pytest.fixture
def said(tmp_path, monkeypatch, capsys):
    """Lines that `check` or another command says of a suite, which has to be refused."""
    monkeypatch.chdir(tmp_path)

    def run(text, *words, command="check"):
        Path("s.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        assert main([command, "s.yaml", *words]) == 2
        return capsys.readouterr().err.removeprefix("mtbench: ").splitlines()

    return run


NAME = "expected a name of letters, digits, '_' and '-', a letter or digit first"
ARM = "expected a name that begins with a letter or digit, and can be printed"


@pytest.mark.parametrize("name", ["a/b", "a.b", "a b", "", "-a", "a\\n", "../a", "a:b", "é/", "_"])
def test_names_of_tasks_have_a_grammar(said, name):
    """`task/metric` is a key of every table."""
    text = TINY.replace("{ranking: {units: [8]}}", f'{{"{name}": {{name: ranking}}}}')
    found = said(text.replace("[ranking]", f'["{name}"]'))
    assert [line for line in found if line.endswith(NAME)], found


@pytest.mark.parametrize("name", ["", " a", "a ", "-a", "a\\nb", "a\\e", "=a", "[x]"])
def test_names_of_scenarios_and_baselines_too(said, name):
    found = said(TINY.replace("{only:", f'{{"{name}":'))
    assert [line for line in found if line.endswith(ARM)], found
    found = said(f'{TINY}baselines: {{"{name}": {{name: ease}}}}\n')
    assert [line for line in found if line.endswith(ARM)], found


def test_names_of_other_languages_are_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = TINY.replace("{ranking: {units: [8]}}", "{оценка: {name: ranking}}")
    text = text.replace("[ranking]", "[оценка]").replace("only:", "été (2):")
    Path("s.yaml").write_text(text)
    assert main(["check", "s.yaml"]) == 0


MANY = ": YAML: expected at most 50000 values, found more"
LONG = ": YAML: expected a number of at most 100 digits, found"
TEXTS = f"b: &b [{','.join(['*s'] * 300)}]\nc: [{','.join(['*b'] * 300)}]"
ALIASES = "\n".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))
BOMBS = {
    "aliases": ("a0: &a0 [1]\n" + ALIASES, MANY),
    "texts": (f"s: &s {'x' * 5000}\n{TEXTS}", MANY),
    "depth": ("a: " + "[" * 5000, ":1: YAML: expected at most 50 levels, found more"),
    "mappings": ("x: 1\na: " + "{a: " * 2500, ":2: YAML: expected at most 50 levels, found more"),
    "digits": ("\na: " + "9" * 5000, f":2{LONG} 5000"),
    "hexadecimal": ("seeds: 0x" + "f" * 9000, f":1{LONG} 9002"),
    "sexagesimal": ("seeds: 1" + ":59" * 3000, f":1{LONG} 9001"),
    "merged itself": ("a: &a {<<: *a}", ":1: YAML: a value contains itself"),
    "binary": (b"name: x\n\n\xff\xfe", ":3: is not UTF-8 text"),
    "a character": ("name: x\ny: \x07", ":2: YAML: found the character U+0007"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "fault"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_one_line_at_once(said, text, fault):
    started = time.process_time()
    (line,) = said(text)
    assert line.startswith("s.yaml")
    assert fault in line
    assert time.process_time() - started < 10  # of what took for ever


def test_a_sweep_has_a_bounded_number_of_points(said):
    keys = "".join(f", train.k{n}: [{','.join(map(str, range(50)))}]" for n in range(9))
    sweep = f"{{tasks: [ranking], sweep: {{train.epochs: [1, 2]{keys}}}}}"
    found = said(TINY.replace("{tasks: [ranking]}", sweep))
    assert f"expected at most 1000 points, found {2 * 50**9}" in found[0]


def test_a_file_without_end_is_no_suite(capsys):
    assert main(["check", "/dev/zero"]) == 2
    assert capsys.readouterr().err == (
        "mtbench: /dev/zero: expected a suite, found more than 5000000 bytes\n"
    )


PLUGIN = """
import pathlib
import mtbench
from mtbench_plugins.tasks.ranking import Ranking
from mtbench_plugins.datasets.synthetic import Synthetic

pathlib.Path("executed").touch()

class Mine(Ranking):
    \"\"\"Mine.\"\"\"
    name = "mine"
    TASK

class Made(Synthetic):
    \"\"\"Made.\"\"\"
    name = "made"
    DATA

@mtbench.hookimpl
def mtbench_tasks():
    return [Mine]

@mtbench.hookimpl
def mtbench_datasets():
    return [Made]
"""
WITH_PLUGIN = TINY.replace("tasks: {ranking: {units: [8]}}", "tasks: {ranking: {name: mine}}")
WITH_PLUGIN = WITH_PLUGIN.replace("name: synthetic", "name: made") + "plugins: [mine.py]\n"


def plugin(method="", body="", of="TASK"):
    text = f"def {method}(self):\n        {body}" if method else ""
    Path("mine.py").write_text(PLUGIN.replace(of, text).replace("TASK", "").replace("DATA", ""))


@pytest.mark.parametrize("command", ["check", "plan", "run", "tune"])
def test_without_plugins_none_is_executed(said, command):
    plugin()
    line = "expected none, found plugin files, which --no-plugins does not execute"
    found = said(WITH_PLUGIN, "--no-plugins", command=command)
    assert [each.endswith(f"plugins: {line}") for each in found] == [True]
    assert not Path("executed").exists()
    assert main(["check", "s.yaml"]) == 0
    assert Path("executed").exists()


RAISES = [("raise ValueError('on\\n purpose')", "ValueError: on purpose")]
RAISES += [
    ("raise SystemExit(0)", "SystemExit: 0"),
    ("return 1 / 0", "ZeroDivisionError: division"),
]


@pytest.mark.parametrize("method", ["metrics", "needs", "learns_from", "reads", "scored_options"])
@pytest.mark.parametrize(("body", "fault"), RAISES)
def test_a_task_that_raises_when_it_is_asked(said, method, body, fault):
    plugin(method, body)
    (line,) = said(WITH_PLUGIN)
    assert line.startswith(f"mine.py: task 'mine' failed: {fault}")


@pytest.mark.parametrize(
    ("method", "body", "fault"),
    [
        ("metrics", "return 3", "metrics: expected some mtbench.Metric, found 3"),
        ("metrics", "return ()", "metrics: expected names, each once, found []"),
        ("metrics", "return ('rmse',)", "metrics: expected some mtbench.Metric, found ('rmse',)"),
        ("metrics", "return 2 * super().metrics()", "metrics: expected names, each once, found ['"),
        ("needs", "return 'user_rating'", "needs: expected names of columns, found 'user_rating'"),
        ("needs", "return [1]", "needs: expected names of columns, found [1]"),
        ("learns_from", "return None", "learns_from: expected names of columns, found None"),
        ("reads", "return ['other']", "reads: expected some mtbench.Read, found ['other']"),
        (
            "reads",
            "return [mtbench.Read('a', 'logit')]",
            "reads: expected names of what is handed on, found 'logit'",
        ),
        (
            "reads",
            "return 2 * [mtbench.Read('a')]",
            "reads: expected tasks, each once, found ['a', 'a']",
        ),
    ],
)
def test_a_task_that_says_what_nobody_understands(said, method, body, fault):
    plugin(method, body)
    (line,) = said(WITH_PLUGIN)
    assert line.startswith(f"mine.py: task 'mine' failed: TypeError: {fault}")


@pytest.mark.parametrize("method", ["stand_in", "content", "require", "source_digest", "load"])
@pytest.mark.parametrize(("body", "fault"), RAISES)
def test_a_dataset_that_raises_when_it_is_asked(said, method, body, fault):
    plugin(method, body, of="DATA")
    words = ["--synthetic"] if method == "stand_in" else []
    (*_, line) = said(WITH_PLUGIN, *words, command="run")
    assert line.startswith(f"mine.py: dataset 'made' failed: {fault}")


def test_a_dataset_whose_content_is_no_text(said):
    plugin("content", "return b'x'", of="DATA")
    (line,) = said(WITH_PLUGIN, command="plan")
    assert line == (
        "mine.py: dataset 'made' failed: TypeError: content: expected a digest or None, found b'x'"
    )


@pytest.mark.parametrize("path", ["a\\0b.py", "x" * 300 + ".py"])
def test_a_plugin_file_that_cannot_be(said, path):
    (line,) = said(f'{TINY}plugins: ["{path}"]\n')
    assert line.startswith("s.yaml:12: plugins.0: ")


@pytest.mark.parametrize("space", ["1", "x", "[a]", "0.5"])
def test_a_space_that_is_none(said, space):
    tune = "tune: {trials: 2, metrics: [ranking/rmse], space: {train.epochs: [1, 2]}}\n"
    scenario = f"{{only: {{tasks: [ranking], tune: {{space: {space}}}}}}}"
    suite = TINY.replace("0.2}", "0.2, validation_share: 0.2}")
    found = said(suite.replace("{only: {tasks: [ranking]}}", scenario) + tune)
    assert any("scenarios.only.tune.space: expected a mapping" in line for line in found), found


def test_a_name_that_is_a_mapping(said):
    towers = "towers: {query: {name: {a: 1}}}"
    found = said(
        TINY.replace("{only: {tasks: [ranking]}}", f"{{only: {{tasks: [ranking], {towers}}}}}")
    )
    assert any("expected the name of a tower, found {'a': 1}" in line for line in found), found
