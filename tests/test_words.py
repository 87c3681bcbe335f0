"""The words of the command line: no abbreviations, help that imports nothing, completion."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import made
import pytest
from click.shell_completion import ShellComplete

from mtbench.cli import main
from mtbench.cli.common import FORMATS, kinds
from mtbench.plugin.registry import installed

COMMANDS = importlib.import_module("mtbench.cli.main").commands


def context_of(command):
    return click.Context(command, **command.context_settings)


def walk(command, words=()):
    """Each command with its words, the groups among them."""
    yield words, command
    if isinstance(command, click.Group):
        context = context_of(command)
        for name in command.list_commands(context):
            yield from walk(command.get_command(context, name), (*words, name))


TREE = dict(walk(COMMANDS))
OPTIONS = [
    (*words, option)
    for words, command in TREE.items()
    for parameter in command.get_params(context_of(command))
    for option in parameter.opts
    if option.startswith("--")
]


def process(code, *words, **variables):
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(
        command, env=os.environ | variables, capture_output=True, text=True, check=True
    )


def test_the_commands_there_are():
    assert [" ".join(words) for words in TREE] == [
        *("", "run", "advise", "tune", "score", "check", "plan", "schema", "plugins"),
        *("check-plugin", "list", "show", "report", "compare", "gate", "export", "merge", "clean"),
        *("init", "new", "new plugin", "new suite", "data", "data import", "doctor"),
    ]


@pytest.mark.parametrize("words", OPTIONS, ids=" ".join)
def test_no_abbreviation_is_taken(words, capsys):
    """argparse took `--seed 3` for `--seeds 3`."""
    *above, option = words
    required = [p for p in TREE[tuple(above)].params if isinstance(p, click.Argument)]
    assert main([*above, *("x" for _ in required), option[:-1]]) == 2
    output, told = capsys.readouterr()
    assert output == ""
    expected = f"unrecognized arguments: {option[:-1]} (did you mean '{option}'?)"
    assert told == f"mtbench: {expected}\n"


@pytest.mark.parametrize("words", TREE, ids=lambda words: " ".join(words) or "mtbench")
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_says_what_it_is(words, option, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*words, option])
    output, told = capsys.readouterr()
    assert (stopped.value.code, told) == (0, "")
    assert output.startswith(" ".join(["usage: mtbench", *words]))
    for parameter in TREE[words].params:
        assert [word for word in parameter.opts if word in output or parameter.metavar in output]
        record = parameter.get_help_record(context_of(TREE[words]))
        assert " ".join(record[1].split()[:3]) in " ".join(output.split())
        assert record[1]


def test_the_help_of_plugins_names_all_kinds(capsys):
    with pytest.raises(SystemExit):
        main(["plugins", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert " or ".join([", ".join(kinds()[:-1]), kinds()[-1]]) in text


def test_help_comes_before_what_is_wrong_with_the_rest(capsys):
    for words in (["run", "--help", "--sedes"], ["run", "--sedes", "--help"], ["gate", "-h", "-x"]):
        with pytest.raises(SystemExit) as stopped:
            main(words)
        assert stopped.value.code == 0
        assert capsys.readouterr().out.startswith("usage: ")


def test_the_formats_are_those_of_reports():
    from mtbench import report

    assert set(FORMATS) == {"table", *report.FORMATS}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("run a --seed 3", "mtbench: unrecognized arguments: --seed 3 (did you mean '--seeds'?)"),
        ("run a --seed=3", "mtbench: unrecognized arguments: --seed=3 (did you mean '--seeds'?)"),
        ("run a --seeds 1 --seed 3", "mtbench: unrecognized arguments: --seed 3 (did you mean"),
        ("run a --forc 3", "mtbench: unrecognized arguments: --forc (did you mean '--force'?)"),
        ("run a -seeds 3", "mtbench: unrecognized arguments: -seeds 3 (did you mean '--seeds'?)"),
        ("run a -x", "mtbench: unrecognized arguments: -x (known: --data-dir, --executor, "),
        ("run --seeds", "mtbench run: argument --seeds: expected one argument"),
        ("run a --results --force", "mtbench run: argument --results: expected one argument"),
        ("run a --scenario --seeds=3", "mtbench run: argument --scenario: expected one argument"),
        ("run a -o -- x", "mtbench run: argument -o: expected one argument"),
        ("run a --force=3", "mtbench run: argument --force: expected no argument"),
        ("compare", "mtbench compare: the following arguments are required: A"),
        ("new plugin", "mtbench new plugin: the following arguments are required: KIND, FILE"),
        ("show", "mtbench show: the following arguments are required: RUN"),
        ("new plugni a", "mtbench new: unknown COMMAND 'plugni' (did you mean 'plugin'?)"),
        ("clean a --yse", "mtbench: unrecognized arguments: --yse (did you mean '--yes'?)"),
        ("gate a", "mtbench gate: the following arguments are required: CURRENT"),
        ("gate a b --maxx 3", "mtbench: unrecognized arguments: --maxx 3 (did you mean '--max'?)"),
        ("data", "mtbench data: the following arguments are required: COMMAND"),
        ("data --halp", "mtbench: unrecognized arguments: --halp (did you mean '--help'?)"),
        ("--", "mtbench: the following arguments are required: COMMAND"),
        ("--versoin", "mtbench: unrecognized arguments: --versoin (did you mean '--version'?)"),
        ("check a b c", "mtbench: unrecognized arguments: b c"),
    ],
)
def test_one_line_for_a_wrong_word(words, told, capsys):
    assert main(words.split()) == 2
    output, errors = capsys.readouterr()
    (line,) = errors.splitlines()
    assert output == ""
    assert line.startswith(told)


@pytest.fixture
def taken(monkeypatch):
    """What a command is handed, instead of doing it."""

    def take(*words):
        command = TREE[words[:2] if words[0] in ("data", "new") else words[:1]]
        handed = {}
        monkeypatch.setattr(command, "callback", lambda **given: handed.update(given) or 0)
        assert main(words) == 0
        return handed

    return take


def test_values_that_look_like_something_else(taken):
    run = taken("plan", "-o", "key=-1", "a b.yaml", "--seeds", "[3]", "--results=-x", "-pq.py")
    assert run["overrides"] == ("key=-1",)
    assert run["suite"] == Path("a b.yaml")
    assert (run["seeds"], run["results"], run["plugins"]) == ("[3]", Path("-x"), (Path("q.py"),))
    assert taken("plan", "a", "--seeds", "-3")["seeds"] == "-3"
    assert taken("plan", "a", "--seeds=5", "--seeds=6")["seeds"] == "6"
    assert taken("plan", "a", "-o", "-x of words")["overrides"] == ("-x of words",)
    assert taken("check", "--", "-x.yaml")["suite"] == Path("-x.yaml")
    assert taken("plugins", "-p", "a", "tower", "-p", "b", "mlp") == {
        "kind": "tower", "name": "mlp", "plugins": (Path("a"), Path("b"))
    }  # fmt: skip


def test_limits_of_any_metric(taken):
    words = ("--max-rmse-increase", "0.01", "--max-x/y-decrease=1", "--max", "slowdown=2")
    handed = taken("gate", "a", *words, "b")
    assert handed["limited"] == ("rmse-increase=0.01", "x/y-decrease=1", "slowdown=2")
    assert (handed["baseline"], handed["current"]) == (Path("a"), Path("b"))


# what `import mtbench` brings is not the command line's
IMPORTED = (
    "import sys, mtbench; before = set(sys.modules)\n"
    "from mtbench.cli import main\n"
    "try: main(sys.argv[1:])\n"
    "except SystemExit: pass\n"
    "print('\\n', *sorted(set(sys.modules) - before))"
)
HEAVY = ("numpy", "pluggy", "pydantic", "rich", "tensorflow", "yaml")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"], ["rnu"]])
def test_help_imports_nothing_heavy(words):
    modules = process(IMPORTED, *words).stdout.splitlines()[-1].split()
    assert not [name for name in modules if name.split(".")[0] in HEAVY]
    ours = {name for name in modules if name.startswith("mtbench.") and ".cli" not in name}
    assert ours <= {f"mtbench.{name}" for name in ("errors", "files", "text", "version")}
    names = ("run", "results", "records", "plugins", "data", "new", "doctor")
    files = {f"mtbench.cli.{name}" for name in names}
    assert files & set(modules) == ({"mtbench.cli.run"} if words[0] == "run" else set())


def completed(*words):
    """What a shell is offered for the last of the words."""
    shell = ShellComplete(COMMANDS, {}, "mtbench", "_MTBENCH_COMPLETE")
    return [item.value for item in shell.get_completions(list(words[:-1]), words[-1])]


def names(kind):
    return [cls.name for cls, _ in installed() if cls.kind == kind]


def test_completion():
    assert completed("p") == ["plan", "plugins"]
    assert completed("new", "") == ["plugin", "suite"]
    assert completed("new", "plugin", "w") == ["weighting"]
    assert completed("new", "suite", "x.yaml", "--data", "m") == ["movielens"]
    assert completed("new", "suite", "x.yaml", "--data", "r.c") == ["r.c"]  # files, by the shell
    assert completed("") == [words[0] for words in TREE if len(words) == 1]
    assert completed("data", "") == ["import"]
    assert completed("run", "suite.yaml", "--sc") == ["--scenario"]
    assert completed("report", "--format", "c") == ["csv"]
    assert completed("plugins", "t") == ["tower", "task"]
    assert completed("plugins", "") == list(kinds())
    assert completed("plugins", "tower", "") == names("tower")
    assert completed("plugins", "weighting", "unc") == ["uncertainty"]
    assert completed("plugins", "wieghting", "") == []
    assert completed("run", "suite.yaml", "--track", "") == names("observer")
    assert completed("check-plugin", "uncer") == ["uncertainty"]
    assert completed("check-plugin", "./mine") == ["./mine"]  # files, by the shell


def test_completion_of_runs_and_scenarios(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert completed("show", "") == []
    assert completed("compare", "results", "--scenario", "") == []
    runs = [made.record(name, seed) for name in ("joint", "wide") for seed in (0, 1)]
    made.write(tmp_path / "results" / "made", runs)
    assert completed("show", "") == ["joint:0", "wide:0", "joint:1", "wide:1"]  # as they were run
    assert completed("show", "joint") == ["joint:0", "joint:1", "joint-0", "joint-1"]
    assert completed("show", "--results", "nowhere", "j") == []
    assert completed("compare", "results", "--scenario", "") == ["joint", "wide"]
    assert completed("compare", "results/made", "--scenario", "w") == ["wide"]
    assert completed("list", "res") == completed("clean", "res") == ["res"]  # folders, by the shell


def test_completion_of_what_a_file_offers(tmp_path, capfd):
    path = tmp_path / "mine.py"
    path.write_text(
        "import mtbench\nprint('noise')\nclass Mine(mtbench.LossWeighting):\n    name = 'mine'\n"
        "@mtbench.hookimpl\ndef mtbench_weightings():\n    return [Mine]\n"
    )
    assert completed("plugins", "-p", str(path), "weighting", "mi") == ["mine"]
    path.write_text("1 / 0\n")
    other = path.rename(tmp_path / "other.py")
    assert completed("plugins", "-p", str(other), "weighting", "mi") == []
    assert capfd.readouterr() == ("", "")


def test_completion_in_a_process_of_its_own():
    """As bash calls it: quiet, and without TensorFlow."""
    code = (
        "import sys; from mtbench.cli import script\n"
        "try: script()\n"
        "finally: assert 'tensorflow.python' not in sys.modules"
    )
    words = {"COMP_WORDS": "mtbench plugins task ra", "COMP_CWORD": "3"}
    done = process(code, _MTBENCH_COMPLETE="bash_complete", **words)
    assert (done.stdout, done.stderr) == ("plain,ranking\n", "")


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_completion_in_bash():
    code = "from mtbench.cli import script; script()"
    source = process(code, _MTBENCH_COMPLETE="bash_source").stdout
    assert "complete -o nosort -F _mtbench_completion mtbench" in source
    subprocess.run(["bash", "-n", "-c", source], check=True)
