"""`--track`: an observer acts where it is asked for, and what is wrong with one is said at once."""

from pathlib import Path

import pytest

from mtbench.cli.main import main
from mtbench.plugin.registry import installed

pytestmark = pytest.mark.usefixtures("traced")
PLUGIN = '''
import pathlib
import mtbench


class Diary:
    def __init__(self, path):
        self.path = path

    def put(self, *words):
        with self.path.open("a") as stream:
            print(*words, file=stream)

    @mtbench.hookimpl
    def mtbench_run_started(self, run):
        self.put("started", run.scenario, run.seed)

    @mtbench.hookimpl
    def mtbench_epoch_ended(self, run, epoch, losses):
        self.put("epoch", epoch, sorted(losses))

    @mtbench.hookimpl
    def mtbench_run_finished(self, run, record):
        self.put("finished", record.status)

class Notes(mtbench.Observer):
    """Lines in a file."""
    name = "notes"
    where: str = "notes.txt"

    def build(self):
        return Diary(pathlib.Path(self.where))

class Broken(Notes):
    name = "broken"

    def build(self):
        raise ConnectionError("no such\\nserver")

class Picky(Notes):
    name = "picky"
    password: str

class Wrong(Notes):
    name = "wrong"

    def build(self):
        class Observer:
            @mtbench.hookimpl
            def mtbench_run_started(self, running):
                pass
        return Observer()

@mtbench.hookimpl
def mtbench_observers():
    return [Notes, Broken, Picky, Wrong]
'''
RUN = ["run", "tiny.yaml", "--seeds", "1", "--scenario", "joint", "-p", "notes.py"]
LINES = [
    "started joint 0",
    "epoch 1 ['ranking_loss', 'retrieval_loss']",
    "epoch 2 ['ranking_loss', 'retrieval_loss']",
    "finished ok",
]


@pytest.fixture(autouse=True)
def folder(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.py").write_text(PLUGIN)


def lines(name):
    return Path(name).read_text().splitlines()


@pytest.mark.thorough
def test_an_observer_acts_where_it_is_asked_for(capsys):
    assert main(RUN) == 0
    found = {path.name for path in Path().iterdir()} - {"__pycache__"}
    assert found == {"notes.py", "results", "tiny.yaml"}
    assert main([*RUN, "--force", "--track", "notes"]) == 0
    assert lines("notes.txt") == LINES
    words = ["--track", "notes:a:b.txt", "--track", "notes:c.txt", "--track", "notes:c.txt"]
    assert main([*RUN, "--force", *words]) == 0
    assert lines("a:b.txt") == LINES
    assert lines("c.txt") == LINES  # asked for twice, told once
    assert main([*RUN, "--track", "notes"]) == 0  # nothing to do
    assert lines("notes.txt") == LINES


@pytest.mark.thorough
def test_an_observer_can_ask_for_the_runs_that_are_done(capsys):
    """Once in a command, in the order of the plan, and not for those that are done now."""
    hook = "    @mtbench.hookimpl\n    def mtbench_run_found(self, run, record):\n"
    hook += "        same = run.id == record.run_id\n"
    hook += "        self.put('found', run.scenario, run.seed, record.status, same)\n"
    Path("notes.py").write_text(PLUGIN.replace("class Notes", f"{hook}\nclass Notes"))
    assert main(RUN) == 0
    both = [word if word != "1" else "2" for word in RUN]
    assert main([*both, "--track", "notes"]) == 0
    found, *rest = lines("notes.txt")
    assert (found, rest[0], rest[-1]) == ("found joint 0 ok True", "started joint 1", "finished ok")
    assert main([*both, "--track", "notes"]) == 0
    assert lines("notes.txt")[-2:] == ["found joint 0 ok True", "found joint 1 ok True"]
    before = len(lines("notes.txt"))
    assert main([*RUN, "--force", "--track", "notes"]) == 0
    assert not [line for line in lines("notes.txt")[before:] if line.startswith("found")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tensorbord", "unknown observer 'tensorbord' (did you mean 'tensorboard'?)"),
        ("notes:", "expected NAME or NAME:WHERE, found nothing after ':'"),
        ("broken", "ConnectionError: no such server"),
        ("picky:x", "password: field required"),
        ("wrong", "PluginValidationError: "),
    ],
)
def test_what_is_wrong_with_an_observer_is_said_before_any_run(capsys, text, message):
    assert main([*RUN, "--track", text]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"mtbench: --track {text}: {message}")
    assert not Path("results").exists()


def test_the_built_in_ones_are_observers_like_any_other(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["plugins", "observer", "-p", "notes.py"]) == 0
    names = [line.split()[1] for line in capsys.readouterr().out.splitlines()[1:]]
    assert names == ["broken", "mlflow", "notes", "picky", "tensorboard", "wrong"]
    assert {"mlflow", "tensorboard"} == {c.name for c, _ in installed() if c.kind == "observer"}


def test_export(capsys):
    assert main(RUN) == 0
    capsys.readouterr()
    assert main(["export", "results/tiny", "x.csv"]) == 0
    assert main(["export", "results/tiny", "runs.parquet", "--runs", "--every"]) == 0
    assert capsys.readouterr() == ("", "")
    assert lines("x.csv")[0].startswith("suite,kind,name,weighting,changes,seed,status,task,")
    assert Path("runs.parquet").read_bytes()[:4] == b"PAR1"
    Path("results/tiny/x.json").write_text("{")
    assert main(["export", "results/tiny", "x.csv"]) == 0
    assert "expected JSON, found a damaged file" in capsys.readouterr().err
    assert main(["export", "results/tiny", "x.cvs"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    near = "expected the suffix of a known format, found '.cvs' (did you mean '.csv'?)"
    assert line == f"mtbench: x.cvs: {near}"
    Path("none").mkdir()
    assert main(["export", "none", "x.csv"]) == 2
    assert capsys.readouterr().err == "mtbench: none: has no record of a run\n"
