"""An edit of any code that decides numbers makes other runs, and other environments do, too."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from made import plan_of, planned, plugin_source, run_suite

from mtbench.cli.main import main
from mtbench.plugin import sources
from mtbench.plugin.registry import installed
from mtbench.plugin.sources import DECIDING, core_digest
from mtbench.runs import environment, identity

ROOT = Path(__file__).parent.parent


@pytest.fixture
def core(tmp_path):
    """A copy of the core's code."""
    return shutil.copytree(
        ROOT / "mtbench", tmp_path / "mtbench", ignore=shutil.ignore_patterns("__pycache__")
    )


def test_the_copy_has_the_digest_of_the_core(core):
    assert core_digest(core) == core_digest()


@pytest.mark.parametrize(
    "file", ["kit/solvers.py", "kit/softmax.py", "metrics/lists.py", "train/model.py",
             "data/parts.py", "suite/training.py", "plugin/view.py", "data/tables/file.py"],
)  # fmt: skip
def test_an_edit_of_what_decides_numbers_makes_another_core(core, file):
    before = core_digest(core)
    path = core / file
    path.write_text(path.read_text() + "# edited\n")
    assert core_digest(core) != before


def test_a_new_and_a_renamed_module_make_another_core(core):
    before = core_digest(core)
    (core / "kit" / "more.py").write_text("")
    assert core_digest(core) != before
    (core / "kit" / "more.py").rename(core / "train" / "more.py")
    assert core_digest(core) != before
    (core / "train" / "more.py").unlink()
    assert core_digest(core) == before


@pytest.mark.parametrize("folder", ["report", "cli", "evidence", "regress", "records", "runs"])
def test_what_only_tells_of_numbers_leaves_them_as_they_are(core, folder):
    assert folder not in DECIDING
    before = core_digest(core)
    for path in (core / folder).rglob("*.py"):
        path.write_text(path.read_text() + "# edited\n")
    assert core_digest(core) == before


@pytest.mark.thorough
def test_other_core_code_makes_every_run_anew_and_compare_says_so(
    tiny, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    words = ["run", str(tiny), "--seeds", "1", "--scenario", "joint", "-o", "train.epochs=1"]
    assert main([*words, "--results", "before"]) == 0
    monkeypatch.setattr(identity, "core_digest", lambda: "e" * 64)
    identity.engine.cache_clear()
    assert main(["plan", *words[1:], "--results", "before"]) == 0
    assert "1 runs, 0 done" in capsys.readouterr().out
    assert main([*words, "--results", "after"]) == 0
    identity.engine.cache_clear()
    capsys.readouterr()
    assert main(["compare", "before/tiny", "after/tiny"]) == 0
    told = capsys.readouterr().out
    assert "code: engine.code: " in told
    assert "code: no difference" not in told


def ids(path, *overrides):
    return {run.id for run in plan_of(path, *overrides, scenarios=["joint"], seeds="1")}


@pytest.fixture
def beside(tmp_path, monkeypatch):
    """A folder that Python imports from, for one test."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    sources._is_foreign.cache_clear()
    yield tmp_path
    sources._is_foreign.cache_clear()
    for name in set(sys.modules) - before:
        if not name.startswith(("mtbench", "tensorflow")):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("imports", "edited"),
    [
        ("import helper_of_mine", "helper_of_mine.py"),
        ("from helper_of_mine import value", "helper_of_mine.py"),
        ("from house.rooms import kitchen", "house/rooms/kitchen.py"),
        ("from house.rooms.kitchen import value", "house/__init__.py"),
        ("import house.attic", "house/beams.py"),  # which the attic imports
        ("def late():\n    import helper_of_mine", "helper_of_mine.py"),
        ("import house.doors", "house/cellar.py"),  # by a name that only running it tells
    ],
)
def test_an_edit_of_another_file_of_a_plugin_makes_other_runs(tiny, beside, imports, edited):
    (beside / "mine.py").write_text(plugin_source(imports))
    (beside / "helper_of_mine.py").write_text("value = 1\n")
    rooms = beside / "house" / "rooms"
    rooms.mkdir(parents=True)
    for folder in (rooms.parent, rooms):
        (folder / "__init__.py").write_text("")
    (rooms / "kitchen.py").write_text("value = 1\n")
    (rooms.parent / "attic.py").write_text("from . import beams\n")
    (rooms.parent / "beams.py").write_text("value = 1\n")
    (rooms.parent / "cellar.py").write_text("value = 1\n")
    doors = "import importlib\ncellar = importlib.import_module('house.' + 'cellar')\n"
    (rooms.parent / "doors.py").write_text(doors)
    words = [f"plugins=[{beside}/mine.py]", "scenarios.joint.weighting=mine"]
    before = ids(tiny, *words)
    assert ids(tiny, *words) == before
    (beside / "other.py").write_text("value = 1\n")  # which nobody imports
    assert ids(tiny, *words) == before
    path = beside / edited
    path.write_text(path.read_text() + "# edited\n")
    assert ids(tiny, *words) != before


def test_an_edit_of_a_distributions_second_file_makes_other_runs(tiny, beside):
    info = beside / "stranger-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[mtbench]\nmine = stranger.plugin\n")
    package = beside / "stranger"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "plugin.py").write_text(plugin_source("from .maths import value"))
    (package / "maths.py").write_text("value = 1\n")
    before = ids(tiny, "scenarios.joint.weighting=mine")
    (package / "maths.py").write_text("value = 2\n")
    assert ids(tiny, "scenarios.joint.weighting=mine") != before


def test_installed_packages_are_left_to_their_versions():
    cls = installed().find("weighting", "fixed")
    names = sources._files_of(cls.__module__)
    assert set(names) == {"mtbench_plugins", "mtbench_plugins.weighting", cls.__module__}


@pytest.mark.parametrize("variable", identity.FLAGS)
def test_flags_that_change_bits_make_other_runs(tiny, monkeypatch, variable):
    before = ids(tiny)
    monkeypatch.setenv(variable, "1")
    identity.engine.cache_clear()
    assert ids(tiny) != before
    monkeypatch.delenv(variable)
    identity.engine.cache_clear()
    assert ids(tiny) == before


def test_the_device_decides_and_is_recorded(tiny, tmp_path, monkeypatch):
    before = ids(tiny)
    (record,) = run_suite(tiny, tmp_path, scenarios=["rating-only"], seeds="1")
    assert record.question.engine.device == environment.device()
    assert record.environment.devices
    monkeypatch.setattr(identity, "device", lambda: "tpu")
    identity.engine.cache_clear()
    assert ids(tiny) != before
    monkeypatch.undo()
    identity.engine.cache_clear()


def test_without_a_sign_of_an_accelerator_nobody_is_asked(monkeypatch):
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter(()))
    assert environment.device() == "cpu"
    asked = []
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter([Path("/dev/nvidia0")]))
    monkeypatch.setattr("mtbench.train.devices.accelerator", lambda: asked.append(1) or "GPU")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert (environment.device(), asked) == ("gpu", [1])


def test_a_setup_is_asked_and_tried(tiny):
    suite, (run,), registry = planned(tiny, scenarios=["joint"], seeds="1")
    setup = suite.setup("joint")
    question, answer = setup.question(registry.identity), setup.answer(registry.identity)
    assert json.loads(json.dumps([question, answer])) == [question, answer]
    assert not question.keys() & answer.keys() - {"tasks"}
    assert run.setup == setup
    assert "units" not in question["tasks"]["ranking"]["options"]
    assert answer["tasks"]["ranking"]["options"]["units"] == [8]


def test_options_of_a_loss_are_no_part_of_the_question(tiny):
    """A scenario that learns otherwise is scored alike; one that is scored otherwise is not."""
    towers = "towers={query: {name: mlp}, candidate: {name: mlp}}"
    validates = "split.validation_share=0.1"
    questions = {
        override: plan_of(tiny, validates, override, seeds="1")[0].run.question_id
        for override in (
            "seeds=1",
            "tasks.ranking.units=[16]",
            "tasks.retrieval.temperature=0.5",
            towers,
            "train.epochs=9",
            "tasks.retrieval.top_k=[1]",
            "tasks.ranking.slices=[tail]",
            "split.test_share=0.3",
            "dataset.seed=4",
            "evaluate_on=validation",
        )
    }
    alike = list(questions.values())[:5]
    assert len(set(alike)) == 1
    assert len(set(questions.values())) == 1 + 5


def test_a_scenario_can_have_towers_tasks_and_training_of_its_own(tiny):
    import dataclasses

    suite, _, registry = planned(tiny)
    wide = registry.find("tower", "embedding")(embedding_dim=9)
    other = dataclasses.replace(
        suite.scenarios["joint"],
        towers={"query": wide, "candidate": wide},
        options={"ranking": registry.find("task", "ranking")(units=(3,))},
        train=suite.train.model_copy(update={"epochs": 7}),
    )
    suite = dataclasses.replace(suite, scenarios={**suite.scenarios, "joint": other})
    setup, plain = suite.setup("joint"), suite.setup("rating-only")
    assert (setup.towers["query"].embedding_dim, setup.train.epochs) == (9, 7)
    assert (setup.tasks["ranking"].units, list(setup.tasks)) == ((3,), list(plain.tasks))
    assert (plain.towers["query"].embedding_dim, plain.train.epochs) == (4, 2)
    assert setup.question(registry.identity) == plain.question(registry.identity)
    assert not setup.trains_as(plain)
